"""All figures of one peer: one row of the table, as the JSON keeps it.

Every figure is measured `repeats` times, is their median, and stands beside all of them. The peer is
started as often; the last start is the one that is measured.
"""

import dataclasses
import statistics
import time

from . import machine, measure
from .peers import Peer
from .stage import Stage
from .tools import Tools
from .trouble import Trouble

# Between the first answer and the first measurement.
SETTLE_S = 1.0


@dataclasses.dataclass(frozen=True)
class Extent:
    """How much is measured."""

    secs: int
    repeats: int
    echoes: int = 300
    steps: int = 7


class Trial:
    """One peer on its own bed."""

    def __init__(self, peer: Peer, tools: Tools, extent: Extent, say):
        self._peer, self._tools, self._extent = peer, tools, extent
        self._say = lambda text: say(f"{peer.name}: {text}")

    def run(self) -> dict:
        """Makes the bed, measures, and takes it down again, whatever happens."""
        peer = self._peer
        row = {"peer": peer.name, "kind": peer.kind.value, "about": peer.about, "version": peer.version(self._tools),
               "loadavg_before": machine.loadavg()}
        begun = time.monotonic()
        with Stage(peer.shape, self._tools) as stage:
            try:
                self._say("preparing")
                target = peer.prepare(stage)
                self._halt(stage)
                row |= self._starts(stage, target)
                row |= self._idle(stage, target)
                row |= self._tcp(stage, target)
                row |= self._loaded(stage, target)
                row |= self._udp(stage, target)
                peer.check(stage)
            finally:
                self._halt(stage)
        row["took_s"] = round(time.monotonic() - begun)
        return row

    def _halt(self, stage: Stage) -> None:
        stage.stop()
        self._peer.stopped(stage)

    def _starts(self, stage: Stage, target: str) -> dict:
        times = []
        for number in range(self._extent.repeats):
            if number:
                self._halt(stage)
            probe = measure.FirstAnswer(stage, target)
            try:
                self._peer.start(stage)
                times.append(probe.after_start_s())
            finally:
                probe.close()
            self._say(f"first answer {times[-1] * 1e3:.0f} ms after the start")
        time.sleep(SETTLE_S)
        self._peer.check(stage)
        # The bare cable starts nothing.
        return _median("first_answer_s", times) if stage.begun else {}

    def _idle(self, stage: Stage, target: str) -> dict:
        rss = stage.endpoint_rss_mib()
        rtt = self._repeat("echoes, idle", lambda: measure.echoes(stage, target, self._extent.echoes), _rtt_text)
        return {"rss_idle_mib": round(rss, 1), **_rtt("rtt_idle_ms", rtt)}

    def _tcp(self, stage: Stage, target: str) -> dict:
        measure.serve_tcp(stage)
        secs = self._extent.secs
        shots = {
            name: self._repeat(what, lambda: measure.tcp(stage, target, secs, **how), lambda shot: f"{shot['gbps']:.2f} Gb/s")
            for name, what, how in (
                ("tcp1", "TCP, 1 stream", {}),
                ("tcp4", "TCP, 4 streams", {"streams": 4}),
                ("tcp_reverse", "TCP, 1 stream, reverse", {"reverse": True}),
            )
        }
        row = {"rss_load_mib": round(max(shot["rss_mib"] for many in shots.values() for shot in many), 1)}
        for name, many in shots.items():
            row |= _median(f"{name}_gbps", [shot["gbps"] for shot in many])
        one = shots["tcp1"]
        for part in ("machine", "peer"):
            row |= _median(f"cpu_{part}_s_per_gbit", [shot[f"cpu_{part}"] for shot in one])
        row["cpu_places_s_per_gbit"] = {
            place: _round(statistics.median(shot["cpu_places"][place] for shot in one)) for place in one[0]["cpu_places"]
        }
        row["tcp1_retransmits"] = [shot["retransmits"] for shot in one]
        return row

    def _loaded(self, stage: Stage, target: str) -> dict:
        rtt = self._repeat("echoes beside TCP", lambda: measure.echoes_beside_tcp(stage, target, self._extent.echoes), _rtt_text)
        return _rtt("rtt_load_ms", rtt)

    def _udp(self, stage: Stage, target: str) -> dict:
        rate_text = "{:,.0f} datagrams/s".format
        floods = self._repeat("UDP flood", lambda: measure.flood(stage, target), rate_text)
        reached = statistics.median(floods)
        paced = self._repeat("UDP, 64 bytes, paced", lambda: measure.udp_rate(stage, target, reached, self._extent.steps), rate_text)
        if not any(paced):
            raise Trouble("At every rate of UDP more than 1 % was lost.", "Look at the machine's load.")
        return _median("flood_pps", floods) | _median("udp64_pps", paced)

    def _repeat(self, what: str, shoot, text) -> list:
        shots = []
        for number in range(self._extent.repeats):
            shots.append(shoot())
            self._say(f"{what} {number + 1}/{self._extent.repeats}: {text(shots[-1])}")
        return shots


def _rtt(name: str, shots: list[dict]) -> dict:
    figures = {part: _round(statistics.median(shot[part] for shot in shots)) for part in ("avg", "p99", "lost")}
    return {name: figures, f"{name}_all": [{part: _round(value) for part, value in shot.items()} for shot in shots]}


def _rtt_text(shot: dict) -> str:
    return f"{shot['avg']:.2f} ms, p99 {shot['p99']:.2f} ms"


def _median(name: str, values: list[float]) -> dict:
    return {name: _round(statistics.median(values)), f"{name}_all": [_round(value) for value in values]}


def _round(value: float) -> float:
    """Four digits that mean something."""
    return float(f"{value:.4g}")
