"""The hosts of the bed `lan`: a asks; b answers, or is the router of t, which answers; g manages groups.

    a 192.0.2.1 ==+
    b 192.0.2.2 ==+== s, a switch          b 192.168.20.1 ===== 192.168.20.2 t
    g 192.0.2.3 ==+

Every host knows the hardware address of its neighbours for good, so that no figure has a question for it.
"""

import itertools
import json
import pathlib
import typing

from sidebyside.bed import Bed
from sidebyside.stage import Stage

from .shot import PORT

SHAPE = "lan"
NET, NET_BEHIND = "192.0.2.0/24", "192.168.20.0/24"
ANSWERING = ("b", "t")


class Port(typing.NamedTuple):
    """A host's end of a cable."""

    place: str
    device: str
    hardware: str
    address: str

    @property
    def net(self) -> str:
        return self.address.rpartition(".")[0]


def ready(stage: Stage, cold_program: pathlib.Path) -> None:
    """Routes, neighbours and servers, once for each bed."""
    bed = stage.bed
    bed.run("b", ["sysctl", "-qw", "net.ipv4.ip_forward=1"])
    for place in ("a", "g"):
        bed.run(place, ["ip", "route", "add", NET_BEHIND, "via", bed.address["b"]])
    ports = [port for place in bed.places for port in _ports(bed, place)]
    behind = next(port for port in ports if port.place == "b" and port.address != bed.address["b"])
    bed.run("t", ["ip", "route", "add", "default", "via", behind.address])
    introduce(bed, ports)
    for place in ANSWERING:
        stage.measure(place, [cold_program, "serve", PORT])
        stage.wait_for_listener(place, PORT)


def _ports(bed: Bed, place: str) -> list[Port]:
    links = json.loads(bed.run(place, ["ip", "-json", "address", "show"]))
    return read_ports(place, links)


def read_ports(place: str, links: list[dict]) -> list[Port]:
    """The cables of a host that have an address, as `ip -json address` tells of them."""
    return [
        Port(place, link["ifname"], link["address"], address["local"])
        for link in links if link["link_type"] == "ether"
        for address in link["addr_info"] if address["family"] == "inet"
    ]


def introduce(bed: Bed, ports: list[Port]) -> None:
    """Tells everybody the hardware address of each neighbour."""
    for here, there in itertools.permutations(ports, 2):
        if here.net == there.net:
            bed.run(here.place, ["ip", "neigh", "replace", there.address, "lladdr", there.hardware, "dev", here.device, "nud", "permanent"])
