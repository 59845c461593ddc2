"""Kumihimo itself, in four rows.

`prepare` is the first hour: start the nodes, one makes an invite, the other joins, stop. `start` starts nodes that
know each other; their session comes up by itself with the first packet. Packets go to b's own address,
which is IPv6. After the last start `check` asks the nodes which way they took.
"""

import hashlib
import json
import pathlib

from ..bed import run
from ..tools import REPO_DIR
from ..trouble import Trouble
from .peer import Kind, Peer

# How a node is told to do without the offloads of the kernel.
OFFLOADS_OFF = {"env": {"KUMI_OFFLOADS": "off"}, "options": []}
_DEFAULTS = {"env": {}, "options": []}
BUILD_S = 1800
READY_S = 20
# No UDP comes to or leaves the Bridge, by IPv4 or IPv6.
_NO_UDP = """table inet no_udp {
    chain in { type filter hook input priority 0; meta l4proto udp drop; }
    chain out { type filter hook output priority 0; meta l4proto udp drop; }
}"""


class Kumihimo(Peer):
    kind = Kind.KUMIHIMO

    def __init__(self, name: str, about: str, shape: str = "direct", way: str = "direct", settings: dict | None = None):
        self.name, self.about, self.shape = name, about, shape
        # direct, or how a client is attached to the Bridge: by datagrams or by a stream.
        self._way = way
        self._settings = settings or _DEFAULTS

    def install(self, tools):
        self._kumi = tools.kumi_given or _build(tools.say)

    def version(self, tools):
        release = run([str(self._kumi), "--version"]).strip().removeprefix("kumi ")
        digest = hashlib.sha256(self._kumi.read_bytes()).hexdigest()
        return f"{release} ({digest[:8]})"

    def prepare(self, stage):
        if self._way == "stream":
            stage.run("p", ["nft", "-f", "-"], stdin=_NO_UDP)
        self.start(stage)
        for place in stage.bed.places:
            self._wait_ready(stage, place)
        if self.shape == "middle":
            self._say(stage, "a", ["bridge", "use", invite_line(self._say(stage, "p", ["bridge", "up"]))])
        self._say(stage, "b", ["join", invite_line(self._say(stage, "a", ["invite"]))])
        return self._ask(stage, "b", ["id", "show"])["address"]

    def start(self, stage):
        # The middle first: it is there already when others come.
        for place in sorted(stage.bed.places, reverse=True):
            stage.launch(place, place, self._argv(stage, place, ["up", "--foreground", "--no-invite", *self._settings["options"]]),
                         self._settings["env"])

    def check(self, stage):
        peers = self._ask(stage, "a", ["peers"])["peers"]
        bridge = peers[0]["via"].get("bridge")
        if (self._way == "direct") != (bridge is None):
            raise Trouble(f"Packets of {self.name} do not go the way of this row: {json.dumps(peers[0]['via'])}",
                          "Run `kumi peers` beside it.")
        if self._way == "direct":
            return
        for place in ("a", "b"):
            attached = self._ask(stage, place, ["status"])["bridges"][0]
            if (self._way == "stream") != ("stream" in attached["via"]):
                raise Trouble(f"{place} is attached to the Bridge by {json.dumps(attached['via'])}.", "Run `kumi status` beside it.")

    def _argv(self, stage, place: str, words: list[str]) -> list:
        # A configuration that says nothing, lest that of this machine be read.
        nothing = stage.dir / "kumi.toml"
        nothing.touch()
        return [self._kumi, "--lang", "en", "--config", nothing, "--state", stage.dir / f"{place}-state", *words]

    def _say(self, stage, place: str, words: list[str]) -> str:
        return stage.run(place, self._argv(stage, place, words), seconds=60, env=self._settings["env"])

    def _ask(self, stage, place: str, words: list[str]) -> dict:
        return json.loads(self._say(stage, place, [*words, "--json"]))

    def _wait_ready(self, stage, place: str) -> None:
        def is_ready():
            try:
                return self._ask(stage, place, ["status"])
            except Trouble:
                return None

        stage.wait_for(f"answer of the node {place}", is_ready, READY_S, every=0.05)


def invite_line(text: str) -> str:
    """The line in what a command printed."""
    for word in text.split():
        if word.startswith("kumi1:"):
            return word
    raise Trouble(f"No line `kumi1:…` in what kumi printed:\n{text}", "Run the command by hand.")


def _build(say) -> pathlib.Path:
    say("building kumi")
    run(["sh", "-c", 'cd "$1" && exec cargo build --release --quiet -p kumi', "sh", str(REPO_DIR)], BUILD_S)
    return REPO_DIR / "target/release/kumi"


ALL = [
    Kumihimo("kumihimo", "direct UDP, default settings"),
    Kumihimo("kumihimo-plain", "direct UDP, offloads of the kernel switched off", settings=OFFLOADS_OFF),
    Kumihimo("kumihimo-bridge", "through a Bridge, attached by UDP; no direct way", "middle", "datagrams"),
    Kumihimo("kumihimo-tcp", "through a Bridge, attached by TCP, for UDP is dropped", "middle", "stream"),
]
