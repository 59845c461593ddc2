"""Nebula: certificates of one authority; b is also the lighthouse that a asks for the way."""

import json

from .peer import INSIDE, INSIDE_LEN, TUNNEL_MTU, Peer

PORT = 4242
QUEUE_BYTES = 10 << 20


class Nebula(Peer):
    name = "nebula"
    about = "overlay with certificates, in Go (the newest that Debian 13 or its backports have)"

    def install(self, tools):
        self._root = tools.apt.unpack("nebula", ["nebula"], ["bookworm-backports", "trixie", "trixie-backports"])

    def version(self, tools):
        return (self._root / "version").read_text()

    def prepare(self, stage):
        cert = self._root / "usr/bin/nebula-cert"
        names = [stage.dir / "ca.crt", stage.dir / "ca.key"]
        stage.run("a", [cert, "ca", "-name", "compare", "-duration", "24h", "-out-crt", names[0], "-out-key", names[1]])
        for place in ("a", "b"):
            stage.run(place, [cert, "sign", "-name", place, "-ip", f"{INSIDE[place]}/{INSIDE_LEN}", "-ca-crt", names[0], "-ca-key",
                              names[1], "-out-crt", stage.dir / f"{place}.crt", "-out-key", stage.dir / f"{place}.key"])
            # Its configuration is YAML, of which JSON is a part.
            stage.write(f"{place}.yml", json.dumps(self._settings(stage, place)))
        return INSIDE["b"]

    def _settings(self, stage, place: str) -> dict:
        anything = [{"port": "any", "proto": "any", "host": "any"}]
        return {
            "pki": {"ca": f"{stage.dir}/ca.crt", "cert": f"{stage.dir}/{place}.crt", "key": f"{stage.dir}/{place}.key"},
            "static_host_map": {INSIDE["b"]: [f"{stage.bed.address['b']}:{PORT}"]},
            "lighthouse": {"am_lighthouse": place == "b", "hosts": [] if place == "b" else [INSIDE["b"]]},
            "listen": {"host": "0.0.0.0", "port": PORT, "read_buffer": QUEUE_BYTES, "write_buffer": QUEUE_BYTES},
            "tun": {"dev": "nebula0", "mtu": TUNNEL_MTU, "tx_queue": 2000},
            "logging": {"level": "error"},
            "firewall": {"outbound": anything, "inbound": anything},
        }

    def start(self, stage):
        for place in ("b", "a"):
            stage.launch(place, place, [self._root / "usr/bin/nebula", "-config", stage.dir / f"{place}.yml"])
            if place == "b":
                stage.wait_for_listener(place, PORT)


ALL = [Nebula()]
