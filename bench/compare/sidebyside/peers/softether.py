"""SoftEther: a virtual Ethernet hub in the middle, and a client with a TAP device at each end.

Everything is set up once with `vpncmd` and kept in its own configuration files; a start is three processes that
read them. They run in private mounts, where `/var/lib/softether`, its logs and `/run` are their own.
Server and clients speak TLS over TCP, with up to `TCP_CONNECTIONS` connections for each client.
"""

from .. import debian
from .peer import INSIDE, INSIDE_LEN, Peer

PORT = 5555
# SoftEther carries Ethernet, and cuts what does not fit.
DEVICE_MTU = 1500
TCP_CONNECTIONS = 8
READY_S = 30
_PACKAGES = ["softether-vpnserver", "softether-vpnclient", "softether-vpncmd", "softether-common"]
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
AccountDetailSet c /MAXTCP:{TCP_CONNECTIONS} /INTERVAL:0 /TTL:0 /HALF:no /BRIDGE:no /MONITOR:no /NOTRACK:yes /NOQOS:yes
AccountStartupSet c
AccountConnect c
"""


class SoftEther(Peer):
    name = "softether"
    shape = "middle"
    about = "virtual Ethernet: hub in the middle, a client at each end, TLS over TCP (Debian 12)"

    def install(self, tools):
        self._root = tools.apt.unpack("softether", _PACKAGES, ["bookworm"])
        self._libraries = debian.library_dir(self._root)
        debian.need_libraries(self._root / "usr/bin/vpnserver", self._libraries)

    def version(self, tools):
        return (self._root / "version").read_text()

    def prepare(self, stage):
        self._launch(stage)
        self._vpncmd(stage, "p", ["localhost:5555", "/SERVER", "/ADMINHUB:DEFAULT"], _SERVER)
        for place, server in (("a", "10.97.1.254"), ("b", "10.97.2.254")):
            self._vpncmd(stage, place, ["localhost", "/CLIENT"], _CLIENT.format(server=server))
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
            stage.launch(place, place, ["sh", "-ec", _PRIVATE, "sh", state, self._root / f"usr/bin/{program}", "execsvc"],
                         self._environment())

    def _vpncmd(self, stage, place: str, where: list[str], commands: str) -> None:
        """Says these commands once the program at `place` listens."""
        script = stage.write(f"{place}.commands", commands)
        argv = [self._root / "usr/bin/vpncmd", *where, f"/IN:{script}"]
        listens = f":{PORT}" if "/SERVER" in where else ":9931"
        stage.wait_for(f"listening {where[-1]}", lambda: listens in stage.run(place, ["ss", "-Hltn"]), READY_S, every=0.05)
        stage.run(place, argv, seconds=READY_S, env=self._environment())

    def _environment(self) -> dict:
        return {"LD_LIBRARY_PATH": str(self._libraries)}


ALL = [SoftEther()]
