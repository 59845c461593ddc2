"""Three programs that speak WireGuard in user space and are set up by `wg`.

Their control sockets lie in one directory of the machine, whatever namespace they run in: devices are
named after the run, and the sockets removed when they are left behind.
"""

import os
import pathlib

from .peer import INSIDE, INSIDE_LEN, TUNNEL_MTU, Peer

SOCKETS = pathlib.Path("/var/run/wireguard")
PORT = 51820


def _device(place: str) -> str:
    return f"kmcw{os.getpid()}{place}"


class _WireGuard(Peer):
    """The family; a program says how it is started."""

    def install(self, tools):
        self._wg = tools.apt.unpack("wireguard-tools", ["wireguard-tools"], ["bookworm"]) / "usr/bin/wg"

    def command(self, tools, device: str) -> list:
        raise NotImplementedError

    def prepare(self, stage):
        self._public = {}
        for place in ("a", "b"):
            private = stage.run(place, [self._wg, "genkey"])
            stage.write(f"{place}.key", private)
            self._public[place] = stage.run(place, [self._wg, "pubkey"], stdin=private).strip()
        return INSIDE["b"]

    def start(self, stage):
        for place in ("a", "b"):
            stage.launch(place, place, self.command(stage.tools, _device(place)), {"WG_PROCESS_FOREGROUND": "1"})
        # b first: who is asked before it knows the other is asked again after seconds only.
        for here, there in (("b", "a"), ("a", "b")):
            device = _device(here)
            stage.wait_for("control socket", (SOCKETS / f"{device}.sock").exists)
            stage.run(here, [self._wg, "set", device, "private-key", stage.dir / f"{here}.key", "listen-port", PORT,
                             "peer", self._public[there], "allowed-ips", f"{INSIDE[there]}/32",
                             "endpoint", f"{stage.bed.address[there]}:{PORT}"])
            stage.give_address(here, device, f"{INSIDE[here]}/{INSIDE_LEN}", TUNNEL_MTU)

    def stopped(self, stage):
        for place in ("a", "b"):
            (SOCKETS / f"{_device(place)}.sock").unlink(missing_ok=True)


class WireGuardGo(_WireGuard):
    name = "wireguard-go"
    about = "WireGuard in Go, with TUN TSO and UDP GSO/GRO (Debian 12 backports)"

    def install(self, tools):
        super().install(tools)
        self._root = tools.apt.unpack("wireguard-go", ["wireguard-go"], ["bookworm-backports"])

    def version(self, tools):
        return (self._root / "version").read_text()

    def command(self, tools, device):
        return [self._root / "usr/bin/wireguard-go", "-f", device]


class _FromCrate(_WireGuard):
    """Built from a crate; takes the same options as boringtun, whose descendants they are."""

    def __init__(self, name: str, program: str, crate: str, release: str, about: str, optional: bool = False):
        self.name, self.about, self.optional = name, about, optional
        self._source = (program, crate, release)

    def install(self, tools):
        super().install(tools)
        self._program = tools.crates.install(*self._source)

    def version(self, tools):
        return self._source[2]

    def command(self, tools, device):
        return [self._program, "--disable-drop-privileges", "-v", "error", "-f", device]


ALL = [
    WireGuardGo(),
    _FromCrate("gotatun", "gotatun", "gotatun-cli", "0.10.2", "WireGuard in Rust, with GSO/GRO"),
    _FromCrate("boringtun", "boringtun-cli", "boringtun-cli", "0.7.1", "WireGuard in Rust", optional=True),
]
