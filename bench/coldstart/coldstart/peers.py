"""Who is measured, in the order of the tables.

Each is started cold at a and b, says whether it is, and is stopped again. What it needs by hand before the first
packet gets through is done in `open` and is part of the figure.
"""

import time

from sidebyside.peers import Peer, baselines, wireguard
from sidebyside.trouble import Trouble

from . import site, swan
from .peer import Cold


class Veth(baselines.Veth, Cold):
    about = "no tunnel: what the cable, the switch and the client take themselves"


class WireGuardGo(wireguard.WireGuardGo, Cold):
    about = "both processes new, each knows the other's key and place; the first packet starts the handshake"

    def need_cold(self, stage):
        for place in ("a", "b"):
            said = stage.run(place, [self._wg, "show", "all", "latest-handshakes"]).split()
            if said[-1:] != ["0"]:
                raise Trouble(f"wireguard-go at {place} has a session before the first packet: {said}", "Look who sends through it.")


ALL: dict[str, Peer] = {peer.name: peer for peer in (Veth(), *site.ALL, WireGuardGo(), swan.StrongSwan())}


def open_timed(peer: Cold, stage) -> float:
    """Milliseconds of what is done by hand."""
    begun = time.perf_counter_ns()
    peer.open(stage)
    return (time.perf_counter_ns() - begun) / 1e6 if peer.by_hand else 0.0
