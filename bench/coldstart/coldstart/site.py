"""Kumihimo in site mode: flows between ordinary addresses, negotiated on their first packet.

One node at g manages the group and stays; the members at a and b have joined before and are started anew for
every cold start. Each row has members of its own. They send no beacons: members that have met before hear
each other's on a LAN and have a session within 200 ms of their start, before anybody sends a packet.
"""

import concurrent.futures
import copy
import json
import pathlib

from sidebyside.bed import run
from sidebyside.peers.kumihimo import Kumihimo, invite_line
from sidebyside.trouble import Trouble

from .lan import NET, NET_BEHIND
from .peer import Cold, NotCold

GROUP = "lab"
READY_S = 20
TERMINAL = "192.168.20.2"
_NO_BEACONS = "discovery = false\n"
_SITE = f'{_NO_BEACONS}[ip]\nsite = ["{NET}"]\n'
_SITE_AND_BEHIND = f'{_NO_BEACONS}[ip]\nsite = ["{NET}", "{NET_BEHIND}"]\n'
_ROUTER = f'{_NO_BEACONS}[ip]\nsite = ["{NET}"]\nannounce = ["{NET_BEHIND}"]\n'


class Site(Kumihimo, Cold):
    """A row: the configuration of its members at a and b, and what is added at the group for b."""

    def __init__(self, name: str, about: str, texts: dict[str, str], target: str | None = None, behind: bool = False):
        super().__init__(name, about)
        self._texts = texts
        self._target = target
        self._add_b = ["--behind", NET_BEHIND] if behind else []

    # --- as a peer ------------------------------------------------------------------------

    def prepare(self, stage):
        for place, text in self._texts.items():
            stage.write(f"{self.name}-{place}.toml", text)
        self.serve_group(stage)
        self.start_nodes(stage, joined=False)
        for place in self._texts:
            member = f"{self.name}-{place}"
            self.join(stage, place, self.invite(stage, member, self._add_b if place == "b" else []))
        self.wait_joined(stage)
        self._there = self._target or stage.bed.address["b"]
        return self._there

    def start(self, stage):
        self.start_nodes(stage)

    def need_cold(self, stage):
        peers = [peer["who"] for peer in self._ask(stage, "a", ["peers"])["peers"] if peer["state"] == "connected"]
        entries = self._ask(stage, "a", ["pit"])["entries"]
        if peers or entries:
            raise NotCold(f"{self.name} at a is not cold: {peers or entries}", "Look who sends before the first packet.")

    def check(self, stage):
        """That the flow was protected."""
        entries = {entry["there"]: entry["action"] for entry in self._ask(stage, "a", ["pit"])["entries"]}
        if entries.get(self._there) != "encrypt":
            raise Trouble(f"The flow to {self._there} is not encrypted: {entries}", "Run `kumi pit` beside it.")

    # --- nodes ----------------------------------------------------------------------------

    def serve_group(self, stage) -> None:
        """The node that manages the group; stays as long as the stage."""
        if (stage.dir / "g-state").exists():
            return
        stage.write("g.toml", "")
        with open(stage.dir / "g.log", "w") as log:
            stage.measure("g", self.argv(stage, "g", ["up", "--foreground", "--no-invite"]), log)
        stage.wait_for("answer of the node g", lambda: self._answer(stage, "g"), READY_S)
        self._say(stage, "g", ["group", "create", GROUP, "--apart"])

    def start_nodes(self, stage, places=("a", "b"), joined: bool = True) -> None:
        """Starts them at once, and returns when they are in touch with their group, or answer."""
        for place in places:
            stage.launch(place, place, self.argv(stage, place, ["up", "--foreground", "--no-invite"]))
        if joined:
            self.wait_joined(stage, places)
            return
        for place in places:
            stage.wait_for(f"answer of the node {place}", lambda: self._answer(stage, place), READY_S)

    def wait_joined(self, stage, places=("a", "b")) -> None:
        def is_joined(place: str) -> bool:
            groups = (self._answer(stage, place, ["group", "list"]) or {}).get("member_of", [])
            return any(server["in_touch"] for group in groups for server in group["servers"])

        with concurrent.futures.ThreadPoolExecutor() as pool:
            waits = [pool.submit(stage.wait_for, f"group at {place}", lambda place=place: is_joined(place), READY_S) for place in places]
            for wait in waits:
                wait.result()

    def fresh(self, stage, name: str) -> "Site":
        """A host like a that is no member yet."""
        fresh = copy.copy(self)
        fresh.name = name
        stage.write(f"{name}-a.toml", self._texts["a"])
        return fresh

    def invite(self, stage, member: str, words: list[str]) -> str:
        """Adds a member; the line for its machine."""
        return invite_line(self._say(stage, "g", ["group", "add", member, GROUP, *words]))

    def join(self, stage, place: str, line: str) -> dict:
        return self._ask(stage, place, ["join", line])

    def state(self, stage, place: str) -> pathlib.Path:
        return stage.dir / (f"{place}-state" if place == "g" else f"{self.name}-{place}-state")

    def argv(self, stage, place: str, words: list[str]) -> list[str]:
        config = stage.dir / (f"{place}.toml" if place == "g" else f"{self.name}-{place}.toml")
        argv = [self._kumi, "--lang", "en", "--config", config, "--state", self.state(stage, place), *words]
        return [str(word) for word in argv]

    def _say(self, stage, place, words):
        # A node is told and asked by a socket in its state directory: that needs no namespace.
        return run(self.argv(stage, place, words), seconds=60)

    def _answer(self, stage, place: str, words=("status",)) -> dict | None:
        """What a node answers; None if it does not yet."""
        try:
            return self._ask(stage, place, list(words))
        except (Trouble, json.JSONDecodeError):
            return None


ALL = [
    Site("kumihimo", "two hosts of a group (GES), both nodes new", {"a": _SITE, "b": _SITE}),
    Site("kumihimo-gen", "a host of a group (GES) and a plain terminal behind a router of it (GEN), both nodes new",
         {"a": _SITE_AND_BEHIND, "b": _ROUTER}, TERMINAL, behind=True),
]
