"""What a run leaves: the table and the ratios in Markdown, and everything in JSON."""

import json
import pathlib

from . import chart, ratios

_COLUMNS = (
    ("peer", lambda row: row["peer"]),
    ("TCP 1 Gb/s", lambda row: _number(row["tcp1_gbps"])),
    ("TCP 4 Gb/s", lambda row: _number(row["tcp4_gbps"])),
    ("reverse Gb/s", lambda row: _number(row["tcp_reverse_gbps"])),
    ("UDP 64 kpps", lambda row: _number(row["udp64_pps"] / 1e3)),
    ("flood kpps", lambda row: _number(row["flood_pps"] / 1e3)),
    ("RTT idle ms", lambda row: _rtt(row["rtt_idle_ms"])),
    ("RTT beside TCP ms", lambda row: _rtt(row["rtt_load_ms"])),
    ("first answer ms", lambda row: _number(row["first_answer_s"] * 1e3) if "first_answer_s" in row else "–"),
    ("RSS MiB", lambda row: f"{row['rss_idle_mib']:.0f} / {row['rss_load_mib']:.0f}" if row["rss_idle_mib"] else "–"),
    ("peer s/Gbit", lambda row: _number(row["cpu_peer_s_per_gbit"]) if row["rss_idle_mib"] else "–"),
    ("machine s/Gbit", lambda row: _number(row["cpu_machine_s_per_gbit"])),
    ("version", lambda row: row["version"]),
)


def table(rows: list[dict]) -> str:
    """One line for each peer."""
    lines = ["| " + " | ".join(name for name, _ in _COLUMNS) + " |", "|---" * len(_COLUMNS) + "|"]
    lines += [line(row) for row in rows]
    return "\n".join(lines)


def line(row: dict) -> str:
    if "failed" in row:
        return f"| {row['peer']} | FAILED: {row['failed']['cause'].splitlines()[0]}" + " |" * (len(_COLUMNS) - 1)
    return "| " + " | ".join(cell(row) for _, cell in _COLUMNS) + " |"


def ratio_table(rows: list[dict]) -> str:
    """How Kumihimo stands; empty when it is not in the run."""
    found = ratios.compare(rows)
    if not found:
        return ""
    lines = ["| Kumihimo | is | against | which is | ratio | |", "|---|---|---|---|---|---|"]
    for ratio in found:
        lines.append(f"| {ratio.what} | {_number(ratio.of)} | {ratio.against} | {_number(ratio.than)} "
                     f"| **{ratio.value:.2f}** | {ratio.better} |")
    return "\n".join(lines)


def write(document: dict, file: pathlib.Path) -> pathlib.Path:
    """Writes the JSON, and beside it the picture, whose name it returns."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
    picture = file.with_suffix(".svg")
    picture.write_text(chart.draw(document))
    return picture


def heading(document: dict) -> str:
    """What has to stand beside every table."""
    machine, extent = document["machine"], document["extent"]
    return (f"{document['date']}, {machine['cores']} cores of {machine['cpu']}, Linux {machine['kernel']}, TCP {document['congestion']}, "
            f"{extent['secs']} s, median of {extent['repeats']}")


def _rtt(figures: dict) -> str:
    return f"{_number(figures['avg'])} / {_number(figures['p99'])}"


def _number(value: float) -> str:
    """Three digits that mean something."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}" if value >= 0.1 else f"{value:.3f}"
