"""The picture of a run: bars for the figures that decide, one panel for each. Plain SVG, no scripts.

Baselines are grey, other peers blue, Kumihimo red. A figure that is missing leaves its place empty.
"""

from xml.sax.saxutils import escape

_COLOURS = {"baseline": "#9aa5b1", "other": "#4a7bb5", "kumihimo": "#b5374a"}
_BAR, _GAP, _NAME, _PANEL, _TOP, _VALUE = 14, 6, 116, 250, 98, 56
_PANELS = (
    ("TCP, 1 stream", "Gb/s", lambda row: row.get("tcp1_gbps")),
    ("TCP, 4 streams", "Gb/s", lambda row: row.get("tcp4_gbps")),
    ("UDP, 64 bytes", "kpps", lambda row: row["udp64_pps"] / 1e3 if "udp64_pps" in row else None),
    ("RTT beside TCP, p99", "ms, shorter is better", lambda row: row.get("rtt_load_ms", {}).get("p99")),
    ("processor time", "s/Gbit, shorter is better", lambda row: row.get("cpu_machine_s_per_gbit")),
)


def draw(document: dict) -> str:
    """The whole picture. The bare cable has no bar: beside it all others would vanish."""
    rows = [row for row in document["rows"] if row["peer"] != "veth"]
    width = _NAME + len(_PANELS) * _PANEL + 20
    height = _TOP + len(rows) * (_BAR + _GAP) + 20
    machine = document["machine"]
    title = "Kumihimo and other private networks side by side"
    subtitle = (f"{document['date']} · {machine['cores']} cores of {machine['cpu']} · Linux {machine['kernel']} · "
                f"TCP {document['congestion']} · median of {document['extent']['repeats']}")
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12" '
        f'role="img" aria-label="{escape(title)}">',
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
        _text(12, 24, title, size=16, weight="bold"),
        _text(12, 44, subtitle, colour="#567"),
    ]
    parts += [_text(_NAME - 8, _y(number) + _BAR - 3, row["peer"], anchor="end") for number, row in enumerate(rows)]
    for number, panel in enumerate(_PANELS):
        parts += _panel(_NAME + number * _PANEL, rows, *panel)
    return "\n".join([*parts, "</svg>", ""])


def _panel(x: int, rows: list[dict], name: str, unit: str, figure) -> list[str]:
    values = [figure(row) for row in rows]
    most = max((value for value in values if value), default=1)
    parts = [_text(x, _TOP - 26, name, weight="bold"), _text(x, _TOP - 11, unit, colour="#567")]
    for number, (row, value) in enumerate(zip(rows, values)):
        if value is None:
            parts.append(_text(x, _y(number) + _BAR - 3, "failed" if "failed" in row else "–", colour="#567"))
            continue
        length = max(1, value / most * (_PANEL - _VALUE - 10))
        parts.append(f'<rect x="{x}" y="{_y(number)}" width="{length:.1f}" height="{_BAR}" rx="2" fill="{_COLOURS[row["kind"]]}"/>')
        parts.append(_text(x + length + 5, _y(number) + _BAR - 3, f"{value:.3g}"))
    return parts


def _y(number: int) -> int:
    return _TOP + number * (_BAR + _GAP)


def _text(x: float, y: float, text: str, colour: str = "#234", anchor: str = "start", size: int = 12, weight: str = "normal") -> str:
    return (f'<text x="{x:.1f}" y="{y}" fill="{colour}" text-anchor="{anchor}" font-size="{size}" font-weight="{weight}">'
            f"{escape(text)}</text>")
