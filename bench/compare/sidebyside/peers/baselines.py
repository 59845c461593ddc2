"""The yardsticks: no tunnel at all, and the least that a tunnel has to do (`c/forwarder.c`)."""

import platform

from .peer import INSIDE, INSIDE_LEN, TUNNEL_MTU, Kind, Peer

PORT = 7777


class Veth(Peer):
    name = "veth"
    kind = Kind.BASELINE
    about = "no tunnel: the bare cable"

    def version(self, tools):
        return f"Linux {platform.release()}"

    def prepare(self, stage):
        return stage.bed.address["b"]

    def start(self, stage):
        pass


class Forwarder(Peer):
    kind = Kind.BASELINE

    def __init__(self, mode: str, about: str):
        self.name = f"fwd-{mode}"
        self.about = about
        self._mode = mode

    def version(self, tools):
        return "forwarder.c"

    def prepare(self, stage):
        return INSIDE["b"]

    def start(self, stage):
        underlay = stage.bed.address
        for here, there in (("a", "b"), ("b", "a")):
            stage.launch(here, here, [stage.tools.forwarder, "fwd0", underlay[here], underlay[there], PORT, self._mode])
        for place in ("a", "b"):
            stage.wait_for_device(place, "fwd0")
            stage.give_address(place, "fwd0", f"{INSIDE[place]}/{INSIDE_LEN}", TUNNEL_MTU)


ALL = [
    Veth(),
    Forwarder("plain", "C, one packet for each system call, no cipher"),
    Forwarder("aes", "C, one packet for each system call, AES-256-GCM"),
    Forwarder("gso", "C, TUN TSO/USO and UDP GSO/GRO, no cipher"),
    Forwarder("gsoaes", "C, TUN TSO/USO and UDP GSO/GRO, AES-256-GCM for each datagram"),
]
