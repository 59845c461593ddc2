"""Being a Bridge: section 6 of docs/protocol/session.md, from its other side.

As little as two clients need: everybody who gets through a handshake is admitted, all are of
one customer, nobody waits for anybody, and there are no quotas.
"""
import bridge
from datagrams import REPLAY_WINDOW, TRANSPORT
from primitives import Reader, need, random

INDICES_MAX = 3


class Window:
    """What came over one leg: counters by receiver index, the newest index last."""

    def __init__(self):
        self.seen = {}

    def accept(self, sealed):
        if sealed[0] != TRANSPORT:
            return need(sealed[0] in (1, 2), "type of the sealed datagram")
        r = Reader(sealed)
        need(r.int(4) == TRANSPORT << 24, "reserved bytes")
        index, counter = r.int(4), r.int(8)
        seen = self.seen.setdefault(index, set())
        need(counter not in seen and counter > max(seen, default=-1) - REPLAY_WINDOW, "replay")
        seen.add(counter)
        while len(self.seen) > INDICES_MAX:
            self.seen.pop(next(iter(self.seen)))


class Serving:
    """Clients by the address that their datagrams come from (18 bytes in hexadecimal)."""

    def __init__(self, owner):
        self.owner, self.peers, self.clients, self.legs = owner, {}, {}, {}

    def datagram(self, at, data):
        if data[0] == bridge.RELAYED:
            return self._relay(data)
        told = []
        peer = self.peers.setdefault(at, self.owner.behind(None))
        peer._message = lambda kind, value: told.append((kind, value))
        out = _to(at, peer.do_rx(data.hex()))
        for kind, value in told:
            if kind in (bridge.ATTACH, bridge.TICKET, bridge.OPEN, bridge.CLOSE):
                out += self._told(at, peer, kind, value)
        return out

    def _told(self, at, peer, kind, value):
        if kind == bridge.ATTACH:
            self.clients[peer.peer_f] = at
            return self._say(at, "attached", "0", at)
        if kind == bridge.TICKET:
            credential = self.owner.ticket(value[:16])
            return self._say(at, "ticket-answer", credential.id.hex(), "0")
        if kind == bridge.CLOSE:
            return self._closed(peer.peer_f, value)
        other_at = self.clients.get(value)
        if not other_at:
            return self._say(at, "channel", value.hex(), "1", "0", "-")
        pair = [self._leg(at, value), self._leg(other_at, peer.peer_f)]
        out = []
        for (own_at, f, leg), (_, _, other) in (pair, reversed(pair)):
            self.legs[leg.number] = own_at, f, leg, other.number, Window()
            identity = self.owner.statements_of(f)
            out += self._say(own_at, "channel", f.hex(), "0", str(leg.number), identity.hex())
        return out

    def _leg(self, at, f):
        number = int.from_bytes(random(4), "big") or 1
        return at, f, bridge.Leg(self.peers[at].stream_binding, number, bridge=True)

    def _closed(self, from_f, to_f):
        out = []
        for number, (at, f, _, other, _) in list(self.legs.items()):
            if at == self.clients[from_f] and f == to_f:
                del self.legs[number], self.legs[other]
                out += self._say(self.clients[to_f], "channel", from_f.hex(), "2", "0", "-")
        return out

    def _say(self, at, name, *words):
        return _to(at, self.peers[at].do_tell(name, *words))

    def _relay(self, data):
        number, _, _ = bridge.split(data)
        need(number in self.legs, "number of no leg")
        _, _, leg, other_number, window = self.legs[number]
        sealed = leg.unwrap(data)
        window.accept(sealed)
        at, _, other, _, _ = self.legs[other_number]
        return [f"tx {at} {other.wrap(sealed).hex()}"]


def _to(at, lines):
    return [f"tx {at} {line[3:]}" if line.startswith("tx ") else line for line in lines]
