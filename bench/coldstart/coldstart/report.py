"""What a run leaves: tables in Markdown, and everything in JSON."""

import json
import pathlib

from sidebyside.peers import Kind

from . import figures, shot

OURS = ("kumihimo", "kumihimo-gen")
OTHERS = ("wireguard-go", "strongswan")
_NAMES = {"udp": "UDP: a datagram, until its echo is back", "tcp": "TCP: connect(), from the SYN to its answer"}
_PAPER = ("The paper that Kumihimo follows has 1.78 ms for a cold start with keys that were shared before, and 6.11 ms for the delivery at "
          "start, on machines and a network of its own.")
_DELIVERIES = {
    "join_ms": "`kumi join` on a fresh machine, as it tells itself (whole ms)",
    "restart_ms": "a member starts: from `kumi up` until its groups are current",
    "restart_ready_ms": "of that, from when the node is ready",
}


def write(document: dict, file: pathlib.Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n")


def heading(document: dict) -> str:
    """What has to stand beside every table."""
    machine = document["machine"]
    return (f"{document['date']}, {machine['cores']} cores of {machine['cpu']}, Linux {machine['kernel']}, TCP {document['congestion']}, "
            f"load {document['loadavg']}")


def rounds(document: dict) -> str:
    """All tables of a run with rounds."""
    rows = document["rows"]
    parts = [heading(document), "Versions: " + ", ".join(f"{row['peer']} {row['version']}" for row in rows) + "."]
    for protocol in shot.PROTOCOLS:
        parts += [f"**{_NAMES[protocol]}** (ms)", table(rows, protocol)]
    parts += [row["note"] for row in rows if row["note"]]
    parts += ["**Limits**", limits(rows)] if limits(rows) else []
    if document["delivery"]:
        parts += ["**Delivery at start** (ms)", delivery(document["delivery"])]
    for one in document["breakdown"]:
        parts += [f"**A cold start of {one['peer']}**, the median one of {one['of']} that were heard", breakdown(one)]
    return "\n\n".join([*parts, _PAPER])


def table(rows: list[dict], protocol: str) -> str:
    """One line for each peer: medians over all rounds, 95th percentiles and longest."""
    found = {row["peer"]: figures.of_rounds(row[protocol]) for row in rows if "failed" not in row and row[protocol]}
    ours = [name for name in OURS if name in found]
    again = "lost" if protocol == "udp" else "lost; sent again"
    head = ["peer", "cold", "p95", "max", "warm", "p95", "max", "cold − warm", "p95", "max", *(f"{name} / it" for name in ours), again]
    lines = [_line(head), "|---" * len(head) + "|"]
    for row in rows:
        if row["peer"] not in found:
            cause = row.get("failed", {"cause": "not measured"})["cause"].splitlines()[0]
            lines.append(_line([row["peer"], f"FAILED: {cause}", *[""] * (len(head) - 2)]))
            continue
        own = found[row["peer"]]
        cells = [row["peer"]]
        for what in ("cold_ms", "warm_ms", "beyond_ms"):
            cells += _three(own[what])
        is_other = row["kind"] == Kind.OTHER.value
        cells += [_ratio(found[name]["cold_ms"], own["cold_ms"]) if is_other else "" for name in ours]
        lost = f"{own['lost']} of {len(row[protocol])}"
        lines.append(_line([*cells, lost if protocol == "udp" else f"{lost}; {own['retransmitted']}"]))
    return "\n".join(lines)


def limits(rows: list[dict]) -> str:
    """Kumihimo against the others, and against warm and the cable."""
    lines = []
    for protocol in shot.PROTOCOLS:
        medians = {row["peer"]: figures.of_rounds(row[protocol]) for row in rows if "failed" not in row and row[protocol]}
        cold = {name: of["cold_ms"]["median"] for name, of in medians.items() if of["cold_ms"]}
        warm = {name: of["warm_ms"]["median"] for name, of in medians.items() if of["warm_ms"]}
        for name in OURS:
            if name not in cold:
                continue
            mine = f"{name}, {protocol.upper()}"
            lines += [_limit(mine, cold[name], f"below {than}", cold[than]) for than in OTHERS if than in cold]
            if "veth" in warm and name in warm:
                most = figures.limit_ms(warm[name], warm["veth"])
                lines.append(_limit(mine, cold[name], f"warm + {figures.ROUND_TRIPS_MAX} RTT + {figures.BEYOND_MAX_MS} ms", most))
    head = ["", "cold, median ms", "limit", "which is", "holds"]
    return "\n".join([_line(head), "|---" * len(head) + "|", *lines]) if lines else ""


def delivery(found: list[dict]) -> str:
    head = ["delivery", "median", "p95", "max"]
    lines = [_line(head), "|---" * len(head) + "|"]
    lines += [_line([text, *_three(figures.summary([one[what] for one in found]))]) for what, text in _DELIVERIES.items()]
    return "\n".join(lines)


def breakdown(one: dict) -> str:
    """A line for each event, with the time since the one before."""
    if not one["events"]:
        return "No cold start was heard from its beginning to its end."
    head = ["ms", "since the line before", "where", "what", "bytes"]
    lines, before = [_line(head), "|---:|---:|---|---|---:|"], 0.0
    for event in one["events"]:
        many = f" ({event['datagrams']} datagrams)" if event["datagrams"] > 1 else ""
        lines.append(_line([f"{event['ms']:.3f}", f"{event['ms'] - before:.3f}", event["where"], event["what"] + many, f"{event['bytes']:,}"]))
        before = event["ms"]
    return "\n".join(lines)


def many(document: dict) -> str:
    """The table of a run with `--many`."""
    found = document["many"]
    head = ["cold starts", "first datagrams lost", "TCP segments sent again", "failed", "done again (not cold)", "UDP median", "p95", "max", "TCP median", "p95", "max",
            "s each"]
    cells = [f"{found['cold_starts']:,}", found["lost"], found["retransmitted"], len(found["failed"]), found["not_cold"]]
    for protocol in shot.PROTOCOLS:
        cells += _three(found["cold_ms"][protocol])
    return "\n\n".join([heading(document), "\n".join([_line(head), "|---" * len(head) + "|", _line([*cells, found["each_s"]])])])


def _limit(mine: str, cold: float, limit: str, which: float) -> str:
    holds = cold < which if limit.startswith("below") else cold <= which
    return _line([mine, f"{cold:.2f}", limit, f"{which:.2f}", "yes" if holds else "**no**"])


def _three(of: dict | None) -> list[str]:
    return [f"{of[what]:.2f}" for what in ("median", "p95", "max")] if of else ["–"] * 3


def _ratio(mine: dict | None, theirs: dict | None) -> str:
    return f"{mine['median'] / theirs['median']:.2f}" if mine and theirs else "–"


def _line(cells: list) -> str:
    return "| " + " | ".join(map(str, cells)) + " |"
