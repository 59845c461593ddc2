"""How Kumihimo stands against the yardsticks and the best peer of the same run.

A ratio whose rows are not in the run is left out. "best peer" is the best of those that are neither a
yardstick nor Kumihimo.
"""

import dataclasses

HIGHER, LOWER = "higher is better", "lower is better"


@dataclasses.dataclass(frozen=True)
class Ratio:
    """A figure of Kumihimo over the same one of somebody else, or another one of its own."""

    what: str
    of: float
    against: str
    than: float
    better: str

    @property
    def value(self) -> float:
        return self.of / self.than


def compare(rows: list[dict]) -> list[Ratio]:
    """All that this run can say."""
    by_name = {row["peer"]: row for row in rows if "failed" not in row}
    others = [row for row in by_name.values() if row["kind"] == "other"]
    found = []

    def add(what: str, figure: str, mine: str, than: str, better: str = HIGHER, part: str | None = None) -> None:
        ours, theirs = _figure(by_name.get(mine), figure, part), None
        if than == "best peer":
            best = _best(others, figure, part, better)
            than, theirs = (f"best peer ({best['peer']})", _figure(best, figure, part)) if best else (than, None)
        else:
            theirs = _figure(by_name.get(than), figure, part)
        if ours is not None and theirs:
            found.append(Ratio(what, ours, than, theirs, better))

    for stream, name in (("tcp1", "TCP, 1 stream"), ("tcp4", "TCP, 4 streams")):
        for than in ("fwd-gsoaes", "best peer"):
            add(f"{name} (Gb/s)", f"{stream}_gbps", "kumihimo", than)
    for than in ("fwd-aes", "best peer"):
        add("UDP, 64 bytes (datagrams/s)", "udp64_pps", "kumihimo", than)
    if ours := by_name.get("kumihimo"):
        found.append(Ratio("flood (datagrams/s)", ours["flood_pps"], "its own paced UDP", ours["udp64_pps"], HIGHER))
    add("flood (datagrams/s)", "flood_pps", "kumihimo", "best peer")
    add("RTT idle, average (ms)", "rtt_idle_ms", "kumihimo", "fwd-gsoaes", LOWER, "avg")
    for than in ("fwd-gsoaes", "best peer"):
        add("RTT beside TCP, p99 (ms)", "rtt_load_ms", "kumihimo", than, LOWER, "p99")
        add("processor time of the machine (s/Gbit)", "cpu_machine_s_per_gbit", "kumihimo", than, LOWER)
    add("start to first answer (s)", "first_answer_s", "kumihimo", "best peer", LOWER)
    add("memory under load (MiB)", "rss_load_mib", "kumihimo", "best peer", LOWER)
    for stream, name in (("tcp1", "TCP, 1 stream"), ("tcp4", "TCP, 4 streams")):
        add(f"plain: {name} (Gb/s)", f"{stream}_gbps", "kumihimo-plain", "fwd-aes")
        add(f"through a Bridge: {name} (Gb/s)", f"{stream}_gbps", "kumihimo-bridge", "kumihimo")
        add(f"through a Bridge: {name} (Gb/s)", f"{stream}_gbps", "kumihimo-bridge", "softether")
        for than in ("softether", "softether-tcp"):
            add(f"over TCP: {name} (Gb/s)", f"{stream}_gbps", "kumihimo-tcp", than)
    return found + _bridge_work(by_name.get("kumihimo-bridge"))


def _bridge_work(row: dict | None) -> list[Ratio]:
    """What the Bridge works against what both ends together do."""
    if not row or "p" not in row.get("cpu_places_s_per_gbit", {}):
        return []
    places = row["cpu_places_s_per_gbit"]
    ends = places["a"] + places["b"]
    return [Ratio("processor time of the Bridge alone (s/Gbit)", places["p"], "that of both ends together", ends, LOWER)] if ends else []


def _figure(row: dict | None, figure: str, part: str | None) -> float | None:
    value = row.get(figure) if row else None
    return value[part] if value is not None and part else value


def _best(rows: list[dict], figure: str, part: str | None, better: str) -> dict | None:
    known = [row for row in rows if _figure(row, figure, part) is not None]
    choose = max if better == HIGHER else min
    return choose(known, key=lambda row: _figure(row, figure, part), default=None)
