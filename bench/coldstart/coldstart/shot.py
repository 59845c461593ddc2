"""One cold start: a datagram or a SYN that is the first between two hosts, then warm ones."""

import dataclasses
import statistics

from sidebyside.stage import Stage
from sidebyside.trouble import Trouble

PORT = 5301
PROTOCOLS = ("udp", "tcp")
# Between the start of a peer and its first packet: longer than Kumihimo takes to let go of what its start and the
# answers to programs needed (`crates/runtime/src/rest.rs`).
SETTLE_S = 1.5
# Longest that a lost first one, a lost warm one and all others take.
SHOT_S = 40


@dataclasses.dataclass(frozen=True)
class Shot:
    """What `c/cold.c` found."""

    # None: the first got no answer.
    first_ms: float | None
    warm_ms: list[float]
    retransmitted: int

    def row(self, by_hand_ms: float) -> dict:
        """As the results keep it; what had to be done by hand before the first packet counts as cold."""
        return {
            "cold_ms": None if self.first_ms is None else round(by_hand_ms + self.first_ms, 4),
            "warm_ms": round(statistics.median(self.warm_ms), 4) if self.warm_ms else None,
            "by_hand_ms": round(by_hand_ms, 4),
            "retransmitted": self.retransmitted,
            "warm_all_ms": [round(one, 4) for one in self.warm_ms],
        }


def read(said: str) -> Shot:
    """What the program printed."""
    try:
        first, warm, retransmitted = (line.split() for line in said.splitlines())
        return Shot(None if first[1] == "lost" else int(first[1]) / 1e6, [int(ns) / 1e6 for ns in warm[1:]], int(retransmitted[1]))
    except (ValueError, IndexError):
        raise Trouble(f"The client said: {said[:200]!r}", "Run c/cold.c by hand.") from None


def shoot(stage: Stage, program, protocol: str, target: str, warm: int) -> Shot:
    """From host a."""
    return read(stage.run("a", [program, protocol, target, PORT, warm], SHOT_S))
