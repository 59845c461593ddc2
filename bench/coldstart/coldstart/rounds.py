"""All peers in turn, again and again, so that what the machine does meanwhile meets all of them."""

import time
import traceback

from sidebyside import machine
from sidebyside.stage import Stage
from sidebyside.trouble import Trouble

from . import delivery, shot
from .peer import Cold
from .peers import open_timed

WARM = 20


class Rounds:
    """On one bed, on which one peer runs at a time."""

    def __init__(self, peers: list[Cold], stage: Stage, program, say):
        self._peers, self._stage, self._program, self._say = peers, stage, program, say
        self.rows = [
            {"peer": peer.name, "kind": peer.kind.value, "about": peer.about, "note": peer.note, "version": peer.version(stage.tools),
             **{protocol: [] for protocol in shot.PROTOCOLS}}
            for peer in peers
        ]
        self.delivery: list[dict] = []

    def prepare(self) -> None:
        """Keys, configuration, groups: what is done once."""
        for peer, row in zip(self._peers, self.rows):
            self._guarded(peer, row, lambda: self._prepare(peer))

    def run(self, count: int) -> None:
        """Measures everything so many times more."""
        for number in range(1, count + 1):
            for peer, row in zip(self._peers, self.rows):
                if "failed" not in row:
                    self._guarded(peer, row, lambda: self._round(peer, row, f"{number}/{count}"))

    def works(self, name: str) -> bool:
        """Whether this peer is measured and has not failed."""
        return any(row["peer"] == name and "failed" not in row for row in self.rows)

    def _prepare(self, peer: Cold) -> None:
        self._say(f"{peer.name}: preparing")
        try:
            peer.target = peer.prepare(self._stage)
        finally:
            self._halt(peer)

    def _round(self, peer: Cold, row: dict, number: str) -> None:
        told = []
        for protocol in shot.PROTOCOLS:
            found = self._cold(peer, protocol)
            row[protocol].append(found)
            cold = "lost" if found["cold_ms"] is None else f"{found['cold_ms']:.2f} ms"
            told.append(f"{protocol} {cold}")
        if peer.name == "kumihimo":
            self.delivery.append(delivery.measure(peer, self._stage, len(self.delivery)))
        self._say(f"{number} {peer.name}: {', '.join(told)}")

    def _cold(self, peer: Cold, protocol: str) -> dict:
        stage = self._stage
        try:
            peer.start(stage)
            time.sleep(shot.SETTLE_S)
            peer.need_cold(stage)
            by_hand_ms = open_timed(peer, stage)
            found = shot.shoot(stage, self._program, protocol, peer.target, WARM)
            if found.first_ms is not None:
                peer.check(stage)
            return found.row(by_hand_ms) | {"loadavg": machine.loadavg()}
        finally:
            self._halt(peer)

    def _halt(self, peer: Cold) -> None:
        self._stage.stop()
        peer.stopped(self._stage)

    def _guarded(self, peer: Cold, row: dict, work) -> None:
        """A peer that fails is measured no more; the others are."""
        try:
            work()
            return
        except Trouble as trouble:
            row["failed"] = {"cause": trouble.cause, "fix": f"{trouble.fix} Or leave it out: --without {peer.name}"}
        except Exception as error:  # a defect here may not cost the rows of the others
            traceback.print_exc()
            row["failed"] = {"cause": f"{type(error).__name__}: {error}", "fix": "This is a defect of bench/coldstart; say so in an issue."}
        self._say(f"{peer.name}: FAILED: {row['failed']['cause']}")
