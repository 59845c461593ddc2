"""OpenVPN in user space (no kernel part): UDP, TLS 1.3, AES-256-GCM, point to point."""

import hashlib
import ssl

from .. import debian
from .peer import INSIDE, TUNNEL_MTU, Peer

PORT = 1194
SOCKET_BUFFER = 4_000_000
_PACKAGES = ["openvpn", "liblzo2-2", "libpkcs11-helper1", "libnl-3-200", "libnl-genl-3-200", "libcap-ng0"]


class OpenVpn(Peer):
    name = "openvpn"
    optional = True
    about = "OpenVPN in user space, UDP, AES-256-GCM (Debian 12)"

    def install(self, tools):
        debian.install(["openssl"], tools.say)
        self._root = tools.apt.unpack("openvpn", _PACKAGES, ["bookworm"])
        self._libraries = debian.library_dir(self._root)
        self._program = self._root / "usr/sbin/openvpn"
        debian.need_libraries(self._program, self._libraries)

    def version(self, tools):
        return (self._root / "version").read_text()

    def prepare(self, stage):
        self._fingerprint = {}
        for place in ("a", "b"):
            key, cert = stage.dir / f"{place}.pem", stage.dir / f"{place}.crt"
            stage.run(place, ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                              "-keyout", key, "-out", cert, "-days", 2, "-subj", f"/CN={place}"])
            digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(cert.read_text())).hexdigest()
            self._fingerprint[place] = ":".join(digest[i:i + 2] for i in range(0, len(digest), 2)).upper()
        return INSIDE["b"]

    def start(self, stage):
        for here, there in (("b", "a"), ("a", "b")):
            role = ["--tls-server", "--dh", "none"] if here == "b" else ["--tls-client", "--remote", stage.bed.address["b"]]
            stage.launch(here, here, [
                self._program, "--dev-type", "tun", "--dev", "ovpn0", "--proto", "udp", "--port", PORT, "--tun-mtu", TUNNEL_MTU,
                "--data-ciphers", "AES-256-GCM", "--sndbuf", SOCKET_BUFFER, "--rcvbuf", SOCKET_BUFFER, "--verb", 1,
                "--ifconfig", INSIDE[here], INSIDE[there], "--cert", stage.dir / f"{here}.crt", "--key", stage.dir / f"{here}.pem",
                "--peer-fingerprint", self._fingerprint[there], *role], {"LD_LIBRARY_PATH": str(self._libraries)})


ALL = [OpenVpn()]
