"""One figure each, from a to b through whatever stands between them.

| what | how |
|---|---|
| TCP | iperf3, with the congestion control of `machine`; what the receiver got |
| processor time | of the peer's processes and of the whole machine while iperf3 runs, for each Gbit delivered |
| UDP of 64 bytes | highest paced rate of which at most `LOSS_MAX` is lost, found by halving the range |
| flood | what arrives each second when the sender does not pace |
| RTT | ICMP echoes, 10 ms apart |

What gives no figure is a `Trouble`, not a gap. Limits: sender, receiver, peer and kernel share the cores,
so a rate says how much work of all of them a packet costs.
"""

import json
import re
import subprocess
import time

from . import machine
from .stage import Stage
from .trouble import Trouble, last_lines

IPERF_PORT = 5201
UDP_PORT = 5300
UDP_SIZE = 64
UDP_SHOT_S = 1.5
FLOOD_S = 2.0
LOSS_MAX = 0.01
# A sender that cannot keep up with the pace has not tried it.
PACE_KEPT = 0.95
# The paced rate is looked for up to this many times what a flood brings, and up to this rate at least.
RANGE_FACTOR, RANGE_MIN = 2.0, 40_000
ECHO_EVERY_S = 0.01
SAMPLE_EVERY_S = 0.25
FIRST_ANSWER_S = 45
# Between the start of a TCP stream and the first echo beside it.
SPEED_UP_S = 1.0


def serve_tcp(stage: Stage) -> subprocess.Popen:
    """The other end of `tcp`; stays."""
    server = stage.measure("b", ["iperf3", "-s", "-p", IPERF_PORT])
    stage.wait_for_listener("b", IPERF_PORT)
    return server


def tcp(stage: Stage, target: str, seconds: int, streams: int = 1, reverse: bool = False) -> dict:
    """Rate, processor time and memory of one transfer."""
    words = ["-t", seconds, "-P", streams, *(["-R"] if reverse else [])]
    answer = _tcp_once(stage, target, words, seconds)
    if "error" in answer:
        # A server that has not yet let go of the last transfer says so.
        time.sleep(1)
        answer = _tcp_once(stage, target, words, seconds)
    if "error" in answer:
        raise Trouble(f"iperf3 through the tunnel: {answer['error']}\n{stage.said()}", "Look at what it said.")
    return answer


def _tcp_once(stage: Stage, target: str, words: list, seconds: int) -> dict:
    ends = stage.peer_pids("a") | stage.peer_pids("b")
    # The machine's own is read last and first: looking for processes is work, too.
    peer_before, before = stage.peer_busy_s(), machine.busy_s()
    output = stage.dir / "iperf3.json"
    with open(output, "w") as out:
        client = stage.measure("a", _iperf3(target, words) + ["-J"], out)
        rss = _watch_memory(ends, client, seconds + 15)
        after, peer_after = machine.busy_s(), stage.peer_busy_s()
        stage.finish(client)
    try:
        end = json.loads(output.read_text())
        received = end["end"]["sum_received"]
        gbit = received["bytes"] * 8 / 1e9
    except (ValueError, KeyError):
        return {"error": last_lines(output.read_text(), 2) or "no answer"}
    if "error" in end or not gbit:
        return {"error": end.get("error", "nothing arrived")}
    places = {place: (peer_after[place] - peer_before[place]) / gbit for place in peer_after}
    return {
        "gbps": received["bits_per_second"] / 1e9,
        "cpu_machine": (after - before) / gbit,
        "cpu_peer": sum(places.values()),
        "cpu_places": places,
        "rss_mib": rss,
        "retransmits": end["end"]["sum_sent"].get("retransmits", 0),
    }


def _iperf3(target: str, words: list) -> list:
    return ["iperf3", "-c", target, "-p", IPERF_PORT, "-C", machine.CONGESTION_CONTROL, "--connect-timeout", 5000, *words]


def _watch_memory(pids: set[int], client: subprocess.Popen, seconds: float) -> float:
    """Waits for a transfer; the most memory that one of these processes had in that time."""
    end, most = time.monotonic() + seconds, 0.0
    while client.poll() is None and time.monotonic() < end:
        most = max([most, *map(machine.process_rss_mib, pids)])
        try:
            client.wait(SAMPLE_EVERY_S)
        except subprocess.TimeoutExpired:
            pass
    return most


def echoes(stage: Stage, target: str, count: int) -> dict:
    """Average and 99th percentile of the round trip, and what was lost."""
    argv = stage.bed.argv("a", ["ping", "-n", "-c", str(count), "-i", str(ECHO_EVERY_S), "-W", "2", target])
    try:
        # ping ends with 1 when an answer is missing; what came counts all the same.
        said = subprocess.run(argv, capture_output=True, text=True, timeout=count * ECHO_EVERY_S + 30).stdout
    except subprocess.TimeoutExpired:
        raise Trouble("ping did not end.", "Look at the machine's load.") from None
    times = sorted(map(float, re.findall(r"time=([\d.]+) ms", said)))
    if not times:
        raise Trouble(f"No echo of {count} was answered.\n{stage.said()}", "Look at what it said.")
    return {"avg": sum(times) / len(times), "p99": times[int(len(times) * 0.99)], "lost": 1 - len(times) / count}


def echoes_beside_tcp(stage: Stage, target: str, count: int) -> dict:
    """The same beside one stream that takes all it can."""
    stream = stage.measure("a", _iperf3(target, ["-t", int(count * ECHO_EVERY_S + 30)]))
    time.sleep(SPEED_UP_S)
    try:
        if stream.poll() is not None:
            raise Trouble(f"iperf3 did not run beside the echoes.\n{stage.said()}", "Look at what it said.")
        return echoes(stage, target, count)
    finally:
        stage.finish(stream)
        # The server notices that its client is gone.
        time.sleep(0.5)


def udp_shot(stage: Stage, target: str, rate: float, seconds: float) -> tuple[int, int, float]:
    """Sends at a rate, or without one (0). How many were sent and came, and how many came each second."""
    anywhere = "::" if ":" in target else "0.0.0.0"
    receiver = stage.measure("b", [stage.tools.probe, "receive", anywhere, UDP_PORT], subprocess.PIPE)
    try:
        receiver.stdout.readline()
        sent = int(stage.run("a", [stage.tools.probe, "send", target, UDP_PORT, UDP_SIZE, f"{rate:.0f}", seconds], seconds + 20))
        time.sleep(0.1)
        receiver.terminate()
        said = receiver.communicate(timeout=20)[0].split()
    except subprocess.TimeoutExpired:
        raise Trouble("The receiver of datagrams did not end.", "Look at the machine's load.") from None
    finally:
        stage.finish(receiver)
    if len(said) != 2:
        raise Trouble("The receiver of datagrams said nothing.", "Run c/probe.c by hand.")
    return sent, int(said[0]), float(said[1])


def flood(stage: Stage, target: str) -> float:
    """Datagrams received each second when nobody paces."""
    _, got, rate = udp_shot(stage, target, 0, FLOOD_S)
    if not got:
        raise Trouble(f"Not one datagram of a flood arrived.\n{stage.said()}", "Look at what it said.")
    return rate


def udp_rate(stage: Stage, target: str, flood_rate: float, steps: int) -> float:
    """The highest rate with little loss that `steps` shots find; 0 if there was none."""
    low, high, best = 0.0, max(RANGE_FACTOR * flood_rate, RANGE_MIN), 0.0
    for _ in range(steps):
        middle = (low + high) / 2
        sent, got, _ = udp_shot(stage, target, middle, UDP_SHOT_S)
        arrived = sent and got >= (1 - LOSS_MAX) * sent
        if arrived:
            best = max(best, got / UDP_SHOT_S)
        if arrived and sent >= PACE_KEPT * middle * UDP_SHOT_S:
            low = middle
        else:
            high = middle
    return best


class FirstAnswer:
    """Asks for an echo every 5 ms, from before the peer is started."""

    def __init__(self, stage: Stage, target: str):
        self._stage = stage
        self._probe = stage.measure("a", [stage.tools.probe, "first", target, FIRST_ANSWER_S], subprocess.PIPE)

    def after_start_s(self) -> float:
        """Seconds from the start of the first process to the first answer."""
        try:
            said = self._probe.communicate(timeout=FIRST_ANSWER_S + 5)[0]
        except subprocess.TimeoutExpired:
            said = ""
        if not said:
            raise Trouble(f"No answer through the tunnel within {FIRST_ANSWER_S} s.\n{self._stage.said()}", "Look at what it said.")
        return float(said) - (self._stage.begun or float(said))

    def close(self) -> None:
        self._stage.finish(self._probe)
