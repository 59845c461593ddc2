"""Namespaces joined by cables: where a peer is measured.

    direct    a ===== b
    middle    a ===== p ===== b      p forwards nothing: what passes it is relayed by a program
    lan       a, b, g ===== s        s is a switch
              b ===== t

Cables are veth pairs with an MTU of 1500. In every namespace TCP has the congestion control of
`machine.CONGESTION_CONTROL` and the buffers that the kernel starts with, whatever the machine was tuned to.
Names begin with `kmc` and the process id of the run, so that runs do not meet.
"""

import os
import subprocess

from . import machine
from .trouble import Trouble

MTU = 1500
# The bridge in a place that is a switch.
SWITCH = "lan"
PREFIX = f"kmc{os.getpid()}"
COMMAND_S = 20
# Who is joined to whom, each with its address; an end without one is a port of a switch.
_CABLES = {
    "direct": [("a", "10.97.0.1", "b", "10.97.0.2")],
    "middle": [("a", "10.97.1.1", "p", "10.97.1.254"), ("b", "10.97.2.1", "p", "10.97.2.254")],
    "lan": [("a", "192.0.2.1", "s", None), ("b", "192.0.2.2", "s", None), ("g", "192.0.2.3", "s", None),
            ("t", "192.168.20.2", "b", "192.168.20.1")],
}
_SETTINGS = {
    "net.ipv4.tcp_congestion_control": machine.CONGESTION_CONTROL,
    "net.ipv4.tcp_rmem": "4096 131072 6291456",
    "net.ipv4.tcp_wmem": "4096 16384 4194304",
    "net.ipv4.ip_forward": "0",
    # An address serves at once, and not after a second of asking whether it is taken.
    "net.ipv6.conf.all.accept_dad": "0",
    "net.ipv6.conf.default.accept_dad": "0",
}


class Bed:
    """Made by `with`, and removed with all that runs in it."""

    def __init__(self, shape: str):
        self._cables = _CABLES[shape]
        ends = [(place, address) for a, ip_a, b, ip_b in self._cables for place, address in ((a, ip_a), (b, ip_b))]
        self.places = sorted({place for place, _ in ends})
        self._switches = {place for place, address in ends if address is None}
        # Of a place with several addresses, the first.
        self.address = {place: address for place, address in reversed(ends)}

    def __enter__(self) -> "Bed":
        try:
            for place in self.places:
                self._make(place)
            for number, (a, ip_a, b, ip_b) in enumerate(self._cables):
                self._join(number, (a, ip_a), (b, ip_b))
            if "p" in self.places:
                # Whoever knows p by its other address reaches it, too.
                self.run("a", ["ip", "route", "add", "default", "via", "10.97.1.254"])
                self.run("b", ["ip", "route", "add", "default", "via", "10.97.2.254"])
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_) -> None:
        for place in self.places:
            subprocess.run(["ip", "netns", "delete", self.namespace(place)], stderr=subprocess.DEVNULL)

    def namespace(self, place: str) -> str:
        return PREFIX + place

    def argv(self, place: str, argv: list[str]) -> list[str]:
        """A command line that runs in a place. Its process becomes the program itself: the PID is the program's."""
        return ["ip", "netns", "exec", self.namespace(place), *argv]

    def run(self, place: str, argv: list[str], seconds: float = COMMAND_S, stdin: str = "", env: dict | None = None) -> str:
        """Runs a short command to its end and returns what it printed."""
        return run(self.argv(place, argv), seconds, stdin, env)

    def pids(self, place: str) -> set[int]:
        return {int(pid) for pid in run(["ip", "netns", "pids", self.namespace(place)]).split()}

    def has_device(self, place: str, device: str) -> bool:
        argv = self.argv(place, ["test", "-e", f"/sys/class/net/{device}"])
        return subprocess.run(argv).returncode == 0

    def _make(self, place: str) -> None:
        run(["ip", "netns", "add", self.namespace(place)])
        self.run(place, ["ip", "link", "set", "lo", "up"])
        for name, value in _SETTINGS.items():
            self.run(place, ["sysctl", "-qw", f"{name}={value}"])
        if place in self._switches:
            self.run(place, ["ip", "link", "add", "name", SWITCH, "type", "bridge"])
            self.run(place, ["ip", "link", "set", SWITCH, "up"])

    def _join(self, number: int, *ends: tuple[str, str | None]) -> None:
        names = [f"cable{number}{place}" for place, _ in ends]
        (a, _), (b, _) = ends
        run(["ip", "link", "add", names[0], "netns", self.namespace(a), "type", "veth",
             "peer", "name", names[1], "netns", self.namespace(b)])
        for name, (place, address) in zip(names, ends):
            if address is None:
                self.run(place, ["ip", "link", "set", name, "master", SWITCH])
            else:
                self.run(place, ["ip", "address", "add", f"{address}/24", "dev", name])
            self.run(place, ["ip", "link", "set", name, "mtu", str(MTU), "up"])


def run(argv: list[str], seconds: float = COMMAND_S, stdin: str = "", env: dict | None = None) -> str:
    """Runs a short command to its end and returns what it printed."""
    named = " ".join(argv[4:] if argv[:3] == ["ip", "netns", "exec"] else argv)[:160]
    try:
        done = subprocess.run(argv, input=stdin, capture_output=True, text=True, timeout=seconds,
                              env={**os.environ, **(env or {})})
    except subprocess.TimeoutExpired:
        raise Trouble(f"`{named}` did not end within {seconds} s.", "Run it by hand and see what it waits for.") from None
    except FileNotFoundError:
        raise Trouble(f"`{argv[0]}` is not installed.", "Install it, or run `bench/compare/run --install-only`.") from None
    if done.returncode:
        said = (done.stderr or done.stdout).strip()[-400:]
        raise Trouble(f"`{named}` ended with {done.returncode}: {said}", "Run it by hand and see.")
    return done.stdout
