"""SoftEther: a virtual Ethernet hub in the middle, and a client with a TAP device at each end.

Everything is set up once with `vpncmd` and kept in its own configuration files; a start is three processes that
read them. They run in private mounts, where `/var/lib/softether`, its logs and `/run` are their own.
Server and clients speak TLS over TCP, with up to `TCP_CONNECTIONS` connections for each client, and by themselves
change to UDP (`UDP acceleration`) where that passes; in one of the two rows that is switched off.
"""

from .. import debian
from ..trouble import Trouble, last_lines
from .peer import INSIDE, INSIDE_LEN, Peer

PORT = 5555
# Where a client listens for `vpncmd`.
CLIENT_PORT = 9931
# SoftEther carries Ethernet, and cuts what does not fit.
DEVICE_MTU = 1500
TCP_CONNECTIONS = 8
READY_S = 30
_PACKAGES = ["softether-vpnserver", "softether-vpnclient", "softether-vpncmd", "softether-common", "libreadline8"]
_DEVICE = "vpn_cmp"
_PRIVATE = """mount -t tmpfs none /run && mkdir -p /run/lock /run/softether
mount -t tmpfs none /var/lib && mkdir /var/lib/softether && mount --bind "$1" /var/lib/softether
mount -t tmpfs none /var/log && mkdir /var/log/softether
shift; exec "$@"
"""
_SERVER = """UserCreate u /GROUP:none /REALNAME:none /NOTE:none
UserAnonymousSet u
"""
_CLIENT = f"""NicCreate {_DEVICE.removeprefix('vpn_')}
AccountCreate c /SERVER:{{server}}:{PORT} /HUB:DEFAULT /USERNAME:u /NICNAME:{_DEVICE.removeprefix('vpn_')}
AccountAnonymousSet c
AccountDetailSet c /MAXTCP:{TCP_CONNECTIONS} /INTERVAL:1 /TTL:0 /HALF:no /BRIDGE:no /MONITOR:no /NOTRACK:yes /NOQOS:yes /DISABLEUDP:{{no_udp}}
AccountStartupSet c
AccountConnect c
"""


class SoftEther(Peer):
    shape = "middle"

    def __init__(self, name: str, about: str, udp: bool):
        self.name, self.about, self._udp = name, about, udp

    def install(self, tools):
        self._root = tools.apt.unpack("softether", _PACKAGES, ["bookworm"])
        self._libraries = debian.library_dir(self._root)
        debian.need_libraries(self._program("vpnserver"), self._libraries)

    def version(self, tools):
        return (self._root / "version").read_text()

    def prepare(self, stage):
        self._launch(stage)
        self._vpncmd(stage, "p", ["localhost:5555", "/SERVER", "/ADMINHUB:DEFAULT"], _SERVER)
        for place, server in (("a", "10.97.1.254"), ("b", "10.97.2.254")):
            self._vpncmd(stage, place, ["localhost", "/CLIENT"], _CLIENT.format(server=server, no_udp="no" if self._udp else "yes"))
            stage.wait_for_device(place, _DEVICE)
        return INSIDE["b"]

    def start(self, stage):
        self._launch(stage)
        for place in ("a", "b"):
            stage.wait_for_device(place, _DEVICE)
            stage.give_address(place, _DEVICE, f"{INSIDE[place]}/{INSIDE_LEN}", DEVICE_MTU)

    def _launch(self, stage) -> None:
        for place, program in (("p", "vpnserver"), ("b", "vpnclient"), ("a", "vpnclient")):
            state = stage.dir / f"{place}-state"
            state.mkdir(exist_ok=True)
            stage.launch(place, place, ["sh", "-ec", _PRIVATE, "sh", state, self._program(program), "execsvc"],
                         self._environment())
            if place == "p":
                # A client that finds nobody tries again after many seconds only.
                stage.wait_for_listener("p", PORT)

    def _vpncmd(self, stage, place: str, where: list[str], commands: str) -> None:
        """Says these commands once the program at `place` listens."""
        script = stage.write(f"{place}.commands", commands)
        argv = [self._program("vpncmd"), *where, f"/IN:{script}"]
        stage.wait_for_listener(place, CLIENT_PORT if "/CLIENT" in where else PORT)
        said = stage.run(place, argv, seconds=READY_S, env=self._environment())
        # It goes on after a command that failed, and reads the next one as an answer.
        if said.count("completed successfully") != len(commands.splitlines()):
            raise Trouble(f"vpncmd refused something:\n{last_lines(said)}", "See which of its commands has other options now.")

    def _program(self, name: str):
        return self._root / f"usr/libexec/softether/{name}/{name}"

    def _environment(self) -> dict:
        return {"LD_LIBRARY_PATH": str(self._libraries)}


ALL = [
    SoftEther("softether", "virtual Ethernet: hub in the middle, a client at each end; UDP when it passes (Debian 12)", True),
    SoftEther("softether-tcp", "the same over TCP alone", False),
]
