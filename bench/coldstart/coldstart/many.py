"""Thousands of cold starts of two hosts of a group, half of them with a datagram first and half with a SYN.

Both nodes are new in each, and no packet is sent before its time: what is lost is a first packet that got no answer,
or a SYN that the kernel sent again. The node that manages the group stays.
"""

import time

from sidebyside.stage import Stage
from sidebyside.trouble import Trouble

from . import figures, shot
from .peer import NotCold
from .site import Site

SAY_EVERY_S = 10
# A machine on which nothing starts any more.
FAILURES_MAX = 10
# So many of a hundred may have met before they were measured; they are done again.
NOT_COLD_MAX = 5


class Many:
    """Counts as it goes, so that what was counted is there when it is interrupted."""

    def __init__(self, site: Site, stage: Stage, program, say):
        self._site, self._stage, self._program, self._say = site, stage, program, say
        self._cold_ms: dict[str, list[float]] = {protocol: [] for protocol in shot.PROTOCOLS}
        self.done = self.lost = self.retransmitted = self.not_cold = 0
        self.failed: list[str] = []
        self.begun = time.monotonic()

    def run(self, count: int) -> None:
        """So many, one after the other."""
        site, stage = self._site, self._stage
        site.target = site.prepare(stage)
        stage.halt()
        self.begun, told = time.monotonic(), 0.0
        while self.done + len(self.failed) < count:
            self._one(shot.PROTOCOLS[self.done % 2])
            if time.monotonic() - told > SAY_EVERY_S:
                told = time.monotonic()
                self._say(progress(self.done, count, told - self.begun) + f"; lost {self.lost}, sent again {self.retransmitted}")

    def document(self) -> dict:
        """What was counted so far."""
        took = time.monotonic() - self.begun
        return {
            "cold_starts": self.done, "lost": self.lost, "retransmitted": self.retransmitted, "not_cold": self.not_cold, "failed": self.failed,
            "took_s": round(took), "each_s": round(took / max(self.done, 1), 4),
            "cold_ms": {protocol: figures.summary(values) for protocol, values in self._cold_ms.items()},
            "cold_all_ms": self._cold_ms,
        }

    def _one(self, protocol: str) -> None:
        site, stage = self._site, self._stage
        try:
            site.start(stage)
            site.need_cold(stage)
            found = shot.shoot(stage, self._program, protocol, site.target, 0)
            self.done += 1
            self.retransmitted += found.retransmitted
            if found.first_ms is None:
                self.lost += 1
                self._say(f"cold start {self.done}, {protocol}: no answer\n{stage.said()}")
            else:
                self._cold_ms[protocol].append(round(found.first_ms, 4))
                site.check(stage)
        except NotCold as trouble:
            self.not_cold += 1
            if self.not_cold > 10 + self.done * NOT_COLD_MAX // 100:
                raise Trouble(f"{self.not_cold} starts were not cold beside {self.done} that were; the last: {trouble.cause}", trouble.fix) from None
        except Trouble as trouble:
            self._failed(trouble)
        finally:
            stage.halt()

    def _failed(self, trouble: Trouble) -> None:
        self.failed.append(trouble.cause)
        self._say(f"after cold start {self.done}: {trouble}")
        if len(self.failed) >= FAILURES_MAX:
            raise Trouble(f"{FAILURES_MAX} cold starts failed; the last: {trouble.cause}", trouble.fix)


def progress(done: int, of: int, seconds: float) -> str:
    """How far it is, how fast, and how long it will be."""
    if not done or seconds <= 0:
        return f"{done:,} of {of:,}"
    rate = done / seconds
    left = (of - done) / rate
    return f"{done:,} of {of:,}, {rate:.1f} a second, {left / 60:.0f} min left" if left >= 90 else \
        f"{done:,} of {of:,}, {rate:.1f} a second, {left:.0f} s left"
