"""strongSwan: IKEv2 with a shared key, ESP in user space.

Its ESP is the plugin kernel-libipsec over a TUN device, so that it needs none in the kernel. That plugin knows no
traps: it drops the packets of a flow that has no SA, and nothing begins. So the daemon at a is told to make the SA, by
its control socket, and the first packet follows when it says that the SA is installed.
"""

from sidebyside import debian
from sidebyside.trouble import Trouble

from . import vici
from .peer import Cold

INSIDE = {"a": "10.99.0.1", "b": "10.99.0.2"}
# Hybrid key exchanges are none of its defaults in this version; X25519 is the quickest that it has.
IKE, ESP = "aes128gcm16-prfsha256-x25519", "aes128gcm16"
_PACKAGES = ["charon-systemd", "strongswan-libcharon", "libstrongswan", "libstrongswan-standard-plugins",
             "libcharon-extra-plugins", "strongswan-swanctl"]
_PLUGINS = "random nonce openssl kdf hmac kernel-libipsec kernel-netlink socket-default vici"
_CONFIGURATION = """charon-systemd {{
    load = {plugins}
    plugins {{ vici {{ socket = unix://{socket} }} }}
    filelog {{ stderr {{ default = 0 }} }}
    journal {{ default = -1 }}
}}
"""
# The daemon and its plugins look for each other below /usr/lib, so the unpacked ones are laid over it, in a mount
# namespace that ends with the process.
_OVER_LIB = 'mount -t overlay overlay -o "lowerdir=$1/usr/lib:/usr/lib" /usr/lib && exec "$1/usr/sbin/charon-systemd"'


class StrongSwan(Cold):
    name = "strongswan"
    about = f"IKEv2 with a shared key, {IKE}; both daemons new (Debian 12)"
    by_hand = True
    note = ("strongswan is flattered: no first packet starts it. Its ESP in user space (kernel-libipsec; this needs none of the kernel) knows no "
            "traps, so cold is the time from the order to make the SA until the daemon has installed it, plus one answer. Its key exchange "
            "is X25519 alone, without ML-KEM.")

    def install(self, tools):
        self._root = tools.apt.unpack("strongswan", _PACKAGES, ["bookworm"])
        debian.need_libraries(self._root / "usr/sbin/charon-systemd", self._root / "usr/lib/ipsec")

    def version(self, tools):
        return (self._root / "version").read_text()

    def prepare(self, stage):
        for place in INSIDE:
            stage.write(f"swan-{place}.conf", _CONFIGURATION.format(plugins=_PLUGINS, socket=self._socket(stage, place)))
        return INSIDE["b"]

    def start(self, stage):
        for place, address in INSIDE.items():
            stage.run(place, ["ip", "address", "add", f"{address}/32", "dev", "lo"])
            stage.launch(place, f"swan-{place}", ["sh", "-c", _OVER_LIB, "sh", self._root],
                         {"STRONGSWAN_CONF": str(stage.dir / f"swan-{place}.conf")})
        for here, there in (("a", "b"), ("b", "a")):
            with stage.wait_for(f"strongSwan at {here}", lambda: self._daemon(stage, here)) as daemon:
                daemon.ask("load-shared", {"type": "IKE", "data": "a key that both ends share", "owners": ["a", "b"]})
                daemon.ask("load-conn", {"peer": connection(stage.bed.address, here, there)})

    def open(self, stage):
        with vici.Daemon(self._socket(stage, "a")) as daemon:
            try:
                daemon.ask("initiate", {"ike": "peer", "child": "flow", "timeout": str(vici.PATIENCE_S * 1000)})
            except (Trouble, OSError) as error:
                raise Trouble(f"No SA of strongSwan: {error}\n{stage.said()}", "Look at what it said.") from None

    def stopped(self, stage):
        for place, address in INSIDE.items():
            self._socket(stage, place).unlink(missing_ok=True)
            # The others would have a second address to choose their source from.
            stage.run(place, ["ip", "address", "flush", "dev", "lo", "to", f"{address}/32"])

    def _socket(self, stage, place: str):
        return stage.dir / f"swan-{place}.vici"

    def _daemon(self, stage, place: str) -> vici.Daemon | None:
        try:
            return vici.Daemon(self._socket(stage, place))
        except (FileNotFoundError, ConnectionRefusedError):
            return None


def connection(outside: dict[str, str], here: str, there: str) -> dict:
    """The connection that an end knows."""
    return {
        "version": "2", "local_addrs": [outside[here]], "remote_addrs": [outside[there]], "proposals": [IKE], "encap": "yes",
        "local": {"auth": "psk", "id": here}, "remote": {"auth": "psk", "id": there},
        "children": {"flow": {"local_ts": [f"{INSIDE[here]}/32"], "remote_ts": [f"{INSIDE[there]}/32"], "esp_proposals": [ESP]}},
    }
