"""Yggdrasil: a mesh whose addresses are keys, here two nodes with one TLS peering."""

import json

from .peer import Peer

PORT = 9443


class Yggdrasil(Peer):
    name = "yggdrasil"
    about = "mesh with addresses that are keys, in Go; one TLS peering, MTU 65535 (Debian backports)"

    def install(self, tools):
        self._root = tools.apt.unpack("yggdrasil", ["yggdrasil"], ["bookworm-backports", "trixie"])
        self._program = self._root / "usr/sbin/yggdrasil"

    def version(self, tools):
        return (self._root / "version").read_text()

    def prepare(self, stage):
        url = f"tls://{stage.bed.address['b']}:{PORT}"
        links = {"a": {"Peers": [url]}, "b": {"Listen": [url]}}
        for place, link in links.items():
            settings = json.loads(stage.run(place, [self._program, "-genconf", "-json"]))
            settings.update(Peers=[], Listen=[], MulticastInterfaces=[], IfName="ygg0", AdminListen="none")
            stage.write(f"{place}.json", json.dumps({**settings, **link}))
        return stage.run("b", [self._program, "-useconffile", stage.dir / "b.json", "-address"]).strip()

    def start(self, stage):
        for place in ("b", "a"):
            stage.launch(place, place, [self._program, "-useconffile", stage.dir / f"{place}.json"])
            if place == "b":
                stage.wait_for_listener(place, PORT)


ALL = [Yggdrasil()]
