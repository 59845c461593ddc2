"""What many shots say together."""

import math
import statistics

# What a first answer of Kumihimo may take beyond a warm one: this many round trips of the cable, and this time.
ROUND_TRIPS_MAX = 1.1
BEYOND_MAX_MS = 0.6


def percentile(values: list[float], share: float) -> float:
    """The smallest value that at least this share of all do not exceed."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def summary(values: list[float]) -> dict | None:
    """Median, 95th percentile, shortest, longest and count; nothing of nothing."""
    if not values:
        return None
    return {
        "median": statistics.median(values), "p95": percentile(values, 0.95), "min": min(values), "max": max(values),
        "count": len(values),
    }


def of_rounds(rounds: list[dict]) -> dict:
    """The figures of one peer and one protocol, from what `shot` gave in each round."""
    answered = [one for one in rounds if one["cold_ms"] is not None]
    with_warm = [one for one in answered if one["warm_ms"] is not None]
    return {
        "cold_ms": summary([one["cold_ms"] for one in answered]),
        "warm_ms": summary([one["warm_ms"] for one in rounds if one["warm_ms"] is not None]),
        "beyond_ms": summary([one["cold_ms"] - one["warm_ms"] for one in with_warm]),
        "by_hand_ms": summary([one["by_hand_ms"] for one in answered]),
        "lost": len(rounds) - len(answered),
        "retransmitted": sum(one["retransmitted"] for one in rounds),
    }


def limit_ms(warm_ms: float, cable_ms: float) -> float:
    """The most that a first answer may take, at this warm answer and this round trip of the cable."""
    return warm_ms + ROUND_TRIPS_MAX * cable_ms + BEYOND_MAX_MS
