"""One cold start of Kumihimo on the wire: what passed, and when.

An ear at a and one at b take the kernel's times of the same clock. What the datagrams of Kumihimo are is told by their
first byte and direction, and what is sealed by its length: the datagram of the client has a known one. A
sealed datagram that has another length is `other`: memberships, hellos, acknowledgements, probes of the MTU.
"""

import json
import pathlib
import subprocess
import sys
import time
import typing

from sidebyside.stage import Stage

from . import shot
from .peers import ALL

EAR = pathlib.Path(__file__).resolve().parent / "ear.py"
STARTS = 5
KUMI_PORT = 4649
KUMI_DEVICE = "kumi0"
UDP = 17
# The client's datagram as an IP packet.
PACKET_LEN = 64 + 28
# docs/protocol/session.md, sections 4 and 5, and dprp.md: transport and kind, segment of the control stream, message.
SEALED = 16 + 16
SEGMENT = SEALED + 2 + 12 + 6
ENDS = 32
OTHER = "other"
_KINDS = {1: "message 1", 2: "message 2", 3: "cookie reply", 5: "relayed", 6: "DDE", 7: "RGI"}
_SEALED_KINDS = {
    SEALED: "empty (keys confirmed)",
    SEALED + 1 + PACKET_LEN: "packet",
    SEGMENT + 1 + ENDS + 32 + 16 + PACKET_LEN: "MPIT with the packet",
    SEGMENT + 1 + ENDS: "CDN",
}


class Packet(typing.NamedTuple):
    """As `ear` tells it."""

    ns: int
    device: str
    out: bool
    source: str
    destination: str
    protocol: int
    source_port: int
    port: int
    first_byte: int
    length: int


class Event(typing.NamedTuple):
    """One line of the breakdown."""

    ns: int
    where: str
    what: str
    bytes: int
    count: int = 1


def measure(stage: Stage, program, name: str, say) -> dict:
    """Of several cold starts, the one that took the median time."""
    starts = [_start(stage, program, ALL[name]) for _ in range(STARTS)]
    whole = sorted((start for start in starts if start["events"]), key=lambda start: start["cold_ms"])
    say(f"{name}: heard {len(whole)} of {STARTS} cold starts")
    return {"peer": name, "of": STARTS, **whole[len(whole) // 2]} if whole else {"peer": name, "of": STARTS, "events": []}


def _start(stage: Stage, program, peer) -> dict:
    ears = {place: stage.measure(place, [sys.executable, EAR], subprocess.PIPE) for place in ("a", "b")}
    try:
        peer.start(stage)
        for ear in ears.values():
            ear.stdout.readline()
        time.sleep(shot.SETTLE_S)
        peer.need_cold(stage)
        found = shot.shoot(stage, program, "udp", peer.target, 0)
        time.sleep(shot.SETTLE_S)
        heard = {}
        for place, ear in ears.items():
            ear.terminate()
            heard[place] = [Packet(*packet) for packet in json.loads(ear.communicate(timeout=20)[0])]
    finally:
        for ear in ears.values():
            stage.finish(ear)
        stage.stop()
    addresses = {place: stage.bed.address[place] for place in ("a", "b")}
    return {"cold_ms": found.first_ms, "events": rows(events(heard, addresses, peer.target))}


def events(heard: dict[str, list[Packet]], addresses: dict[str, str], target: str) -> list[Event]:
    """From the first packet at a to its answer there, in order; nothing if one of the two was not heard."""
    # The node at b answers for what is behind it.
    names = {address: place for place, address in addresses.items()} | {target: "b"}
    found = []
    for place, packets in heard.items():
        found += [event for packet in packets if (event := _of_host(place, packet, target))]
    # On the wire what a hears: what it sent, and what came to it.
    found += [event for packet in heard["a"] if (event := _of_wire(packet, names))]
    found.sort()
    whats = [(event.where, event.what) for event in found]
    begin, end = ("a", "first packet leaves the host"), ("a", "answer reaches the host")
    if begin not in whats or end not in whats:
        return []
    confirmed = next((at for at, (_, what) in enumerate(whats) if what == "CDN"), 0)
    return _joined(found[whats.index(begin):max(whats.index(end), confirmed) + 1])


def _of_host(place: str, packet: Packet, target: str) -> Event | None:
    if packet.device != KUMI_DEVICE or packet.protocol != UDP or shot.PORT not in (packet.port, packet.source_port):
        return None
    is_question = packet.destination == target
    what = {
        ("a", True, True): "first packet leaves the host", ("b", True, False): "first packet reaches the host",
        ("b", False, True): "answer leaves the host", ("a", False, False): "answer reaches the host",
    }.get((place, is_question, packet.out))
    return Event(packet.ns, place, what, packet.length + 28) if what else None


def _of_wire(packet: Packet, names: dict[str, str]) -> Event | None:
    ends = names.get(packet.source), names.get(packet.destination)
    if packet.device == KUMI_DEVICE or None in ends or packet.protocol != UDP or KUMI_PORT not in (packet.port, packet.source_port):
        return None
    return Event(packet.ns, " to ".join(ends), kind(packet.first_byte, packet.length), packet.length)


def kind(first_byte: int, length: int) -> str:
    """What a datagram of Kumihimo is."""
    if first_byte == 4:
        return _SEALED_KINDS.get(length, OTHER)
    return _KINDS.get(first_byte, OTHER)


def _joined(found: list[Event]) -> list[Event]:
    """One line for the fragments of a message, and for others that follow each other in whatever direction."""
    joined: list[Event] = []
    for event in found:
        last = joined[-1] if joined else None
        if last and last.what == event.what and (last.where == event.where or event.what == OTHER):
            where = last.where if last.where == event.where else "both ways"
            joined[-1] = last._replace(where=where, bytes=last.bytes + event.bytes, count=last.count + 1)
        else:
            joined.append(event)
    return joined


def rows(found: list[Event]) -> list[dict]:
    """As the results keep them: milliseconds since the first."""
    return [
        {"ms": round((event.ns - found[0].ns) / 1e6, 4), "where": event.where, "what": event.what, "datagrams": event.count,
         "bytes": event.bytes}
        for event in found
    ]
