"""A second implementation of docs/protocol/session.md, driven over standard input.

One command a line; each answers with any number of lines and then a line with a dot, so
that silence is visible. The commands are the methods `do_...` below; `tx HEX` is a datagram
sent, `event ...` something noticed, `refused WHY` something not accepted (the network sees
nothing of that). It was written from the protocol page alone and shares no code with the
Rust crates: where the two disagree, one of them or the page is wrong.
"""
import sys

import bridge
from datagrams import COOKIE, MESSAGE_1, TRANSPORT, Reassembly, Transport, cut, open_cookie
from noise import Claim, Initiation
from primitives import Refused, need, random
from serving import Serving
from session import Session, hello
from statements import (Credential, Identity, Invite, Place, Statements,
                        split_entries)


class Peer:
    def __init__(self):
        self.credentials, self.known, self.numbers = [], {}, {}
        self.instance, self.count, self.aeads, self.mtu = random(8), 0, [1, 2], 1420
        self.initiation = self.transport = self.session = None
        self.may_send, self.channels, self.only, self.serving = False, {}, None, None

    def behind(self, f):
        """This node once more, for the session with `f` over a channel, or with a client."""
        other = Peer()
        other.credentials, other.known, other.instance = (
            self.credentials, self.known, self.instance)
        other.local, other.now, other.only = self.local, self.now, f
        other.reassembly = Reassembly(self.local.statements.f)
        return other

    # -- who is who

    def do_identity(self, now, log, recovery):
        """Makes this node at Unix time `now`, which stands still from here on. `log`: the
        kinds of its rotation entries, such as 12, or - for none."""
        self.now = int(now)
        kinds = [int(kind) for kind in log.strip("-")]
        self.local = Identity(self.now, kinds, recovery == "1")
        self.reassembly = Reassembly(self.local.statements.f)
        s = self.local.statements
        return [f"identity {s.f.hex()} {s.inception.hex()} "
                f"{b''.join(s.entries).hex() or '-'} {s.certificate.hex()}"]

    def do_peer(self, inception, entries, certificate):
        """What we know of the peer before a handshake that we start."""
        told = Statements(bytes.fromhex(inception),
                          split_entries(bytes.fromhex(entries.strip("-"))),
                          bytes.fromhex(certificate)).verify(self.now)
        self.known[told.f] = told
        return [f"peer {told.f.hex()}"]

    def do_invite(self, expiry, endpoint):
        """Makes an invite line for this node and keeps its credential."""
        secret = random(16)
        self.credentials.append(Credential.of_invite(secret))
        place = Place(self.local.statements, [bytes.fromhex(endpoint)])
        return ["invite " + Invite(None, int(expiry), secret, place, []).line()]

    def do_line(self, flags, expiry, endpoint, bridge_f, bridge_endpoint):
        """Makes a line of version 2; `bridge_f` is of a peer that we know, or -."""
        secret = random(16)
        self.credentials.append(Credential.of_invite(secret))
        f = bytes.fromhex(bridge_f.strip("-"))
        bridges = [Place(self.known[f], [bytes.fromhex(bridge_endpoint)])] if f else []
        place = Place(self.local.statements, [bytes.fromhex(endpoint)])
        line = Invite(int(flags), int(expiry), secret, place, bridges).line()
        return [f"line {line} {bridge.ticket_secret(secret, f).hex() if f else '-'}"]

    def do_join(self, line):
        """Reads an invite line: the peer becomes known, its credential ours."""
        invite = Invite.parse(line)
        told, f = invite.place, invite.place.statements.f
        self.known[f] = told.statements.verify(self.now)
        self.credentials.append(Credential.of_invite(invite.secret))
        out = [f"joined {f.hex()} {invite.expiry_s} {' '.join(e.hex() for e in told.endpoints)}"]
        if invite.flags is not None:
            out.append(f"flags {invite.flags}")
        for place in invite.bridges:
            f = place.statements.f
            self.known[f] = place.statements.verify(self.now)
            ticket = bridge.ticket_secret(invite.secret, f)
            self.credentials.append(Credential.of_invite(ticket))
            out.append(f"bridge {f.hex()} {ticket.hex()} "
                       f"{' '.join(e.hex() for e in place.endpoints)}")
        return out

    def do_spoil(self):
        """The psk of every credential becomes wrong; the tags stay right."""
        for credential in self.credentials:
            credential.psk = random(32)
        return []

    # -- the handshake

    def do_speak(self, aeads):
        self.aeads = [int(a) for a in aeads]
        return []

    def do_connect(self, f, mac1_f):
        """Message 1 to `f`, with MAC1 made for `mac1_f` (normally the same)."""
        self.count += 1
        self.own_index, self.peer_f = _index(), bytes.fromhex(f)
        self.initiation = Initiation(self.local, self.known[self.peer_f], self.credentials,
                                     self.count, self.aeads, self.instance, self.mtu)
        self.sent = cut(MESSAGE_1, self.own_index, 0, self.initiation.message,
                        bytes.fromhex(mac1_f))
        return _tx(self.sent)

    def do_rx(self, datagram):
        """A datagram from the network."""
        data = bytes.fromhex(datagram)
        need(len(data) >= 4 and data[1:4] == bytes(3), "reserved bytes")
        if data[0] == TRANSPORT:
            return self._transport(data)
        if data[0] == bridge.RELAYED:
            return self._relayed(data)
        if data[0] == COOKIE:
            need(self.initiation, "no initiation under way")
            index, cookie = open_cookie(data, self.peer_f, [d[-32:-16] for d in self.sent])
            need(index == self.own_index, "receiver index")
            return _tx(cut(MESSAGE_1, index, 0, self.initiation.message, self.peer_f, cookie))
        need(data[0] in (1, 2), "type")
        whole = self.reassembly.add(data)
        if not whole:
            return []
        kind, sender, receiver, message = whole
        return (self._message1 if kind == MESSAGE_1 else self._message2)(
            sender, receiver, message)

    def _message1(self, sender, _receiver, message):
        claim = Claim(self.local, message, self.known.get, self.now)
        f = claim.peer.f
        need(self.only in (None, f), "not of the peer at the other end of the channel")
        need(claim.number > self.numbers.get(f, b""), "number is not above the last")
        self.numbers[f], self.known[f] = claim.number, claim.peer
        answer, established = claim.accept(self.credentials, self.aeads, self.instance, self.mtu)
        self.own_index, self.may_send = _index(), False
        self._establish(established, sender)
        return _tx(cut(2, self.own_index, sender, answer, f)) + [_event(established)]

    def _message2(self, sender, receiver, message):
        need(self.initiation and receiver == self.own_index, "no initiation under way")
        established = self.initiation.finish(message, self.now)
        self.initiation, self.may_send = None, True
        self.known[established.peer.f] = established.peer
        self._establish(established, sender)
        return [_event(established)] + self._send([b""])  # at once, though empty

    def _establish(self, established, peer_index):
        self.transport = Transport(established, self.own_index, peer_index)
        self.peer_f = established.peer.f
        if not self.session or self.peer_instance != established.instance:
            self.session = Session()  # a rekey with the same run of the peer goes on
            self.stream_binding, self.channels = established.binding, {}
        self.peer_instance = established.instance

    # -- the session

    def _transport(self, data):
        need(self.transport, "no session")
        plaintext = self.transport.open(data)
        self.may_send = True
        out, events = self.session.handle(plaintext, len(data))
        while self.session.messages:
            self._message(*self.session.messages.pop(0))
        return [f"event {event}" for event in events] + self._send(out)

    def _message(self, kind, value):
        """What a message means for our channels; only a Bridge sends these."""
        if kind != bridge.CHANNEL:
            return
        f, state, number, told = bridge.read_channel(value)
        if state == bridge.IS_OPEN:
            need(told.f == f, "identity of another")
            self.known[f] = told.verify(self.now, self.known.get(f))
            self.channels[f] = bridge.Leg(self.stream_binding, number), self.behind(f)
        elif state == bridge.IS_CLOSED:
            self.channels.pop(f, None)

    def _relayed(self, data):
        number, _, _ = bridge.split(data)
        for leg, other in self.channels.values():
            if leg.number == number:
                sealed = leg.unwrap(data)
                need(sealed[0] in (1, 2, TRANSPORT), "type inside a relayed datagram")
                return _wrapped(leg, other.do_rx(sealed.hex()))
        raise Refused("number of no channel of ours")

    def _send(self, plaintexts):
        need(self.may_send, "the initiator has not confirmed yet")
        return _tx([self.transport.seal(p) for p in plaintexts])

    def do_packet(self, packet, piece_bytes):
        return self._send(self.session.packet(bytes.fromhex(packet), int(piece_bytes)))

    def do_echo(self, id):
        return self._send(self.session.echo(int(id)))

    def do_challenge(self):
        return self._send(self.session.challenge())

    def do_probe(self, id, size):
        return self._send(self.session.probe(int(id), int(size)))

    def do_message(self, kind, value):
        return self._send(self.session.message(int(kind), bytes.fromhex(value)))

    def do_hello(self, version, label):
        return self._send(self.session.message(1, hello(self.instance, version, 0, label)))

    # -- Bridges

    def do_tell(self, name, *words):
        """A message of section 6 to the peer, which is a Bridge."""
        return self._send(self.session.message(*bridge.write(name, *words)))

    def do_over(self, f, verb, *arguments):
        """A command for the session with `f` over our channel to it."""
        need(bytes.fromhex(f) in self.channels, "no channel")
        leg, other = self.channels[bytes.fromhex(f)]
        return _wrapped(leg, getattr(other, f"do_{verb}")(*arguments))

    def do_from(self, at, datagram):
        """A datagram from the network to this node, which is a Bridge; `tx AT HEX` answers."""
        self.serving = self.serving or Serving(self)
        return self.serving.datagram(at, bytes.fromhex(datagram))

    def ticket(self, secret):
        self.credentials.append(Credential.of_invite(secret))
        return self.credentials[-1]

    def statements_of(self, f):
        return Place(self.known[f], []).to_bytes()[:-1]

    def do_write(self, name, *words):
        kind, value = bridge.write(name, *words)
        return [f"value {kind} {value.hex() or '-'}"]

    def do_describe(self, kind, value):
        return [bridge.describe(int(kind), bytes.fromhex(value.strip("-")))]

    def do_wrap(self, stream_binding, number, sealed):
        leg = bridge.Leg(bytes.fromhex(stream_binding), int(number))
        datagram = leg.wrap(bytes.fromhex(sealed))
        theirs = bridge.Leg(bytes.fromhex(stream_binding), int(number), bridge=True)
        need(theirs.unwrap(datagram).hex() == sealed, "own header")
        return [f"relayed {datagram.hex()}"]

    def do_raw(self, plaintext):
        return self._send([bytes.fromhex(plaintext)])


def _index():
    return int.from_bytes(random(4), "big") or 1


def _tx(datagrams):
    return [f"tx {d.hex()}" for d in datagrams]


def _wrapped(leg, lines):
    return [_tx([leg.wrap(bytes.fromhex(line[3:]))])[0] if line.startswith("tx ")
            else line.replace("event ", "event over ", 1) for line in lines]


def _event(e):
    return (f"event established {e.peer.f.hex()} {e.matched} {e.aead} {e.binding.hex()} "
            f"{e.instance.hex()} {e.mtu}")


def main():
    peer = Peer()
    print("ready", flush=True)
    for line in sys.stdin:
        verb, *arguments = line.split()
        try:
            answer = getattr(peer, f"do_{verb}")(*arguments)
        except Refused as why:
            answer = [f"refused {why}"]
        print("\n".join(answer + ["."]), flush=True)


if __name__ == "__main__":
    main()
