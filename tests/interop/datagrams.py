"""Datagrams: sections 3.4 (fragments), 3.5 (cookies) and 4 (transport packets).

Reassembly keeps one source address, for the peer of this test is at the end of a pipe.
"""
import time

from primitives import (CHACHA20_POLY1305, Reader, Refused, aead, mac, need, open_sealed, sha,
                        u)

MESSAGE_1, MESSAGE_2, COOKIE, TRANSPORT = 1, 2, 3, 4
BODY_MAX, FRAGMENTS_MAX, REASSEMBLY_MAX, REASSEMBLY_S = 1152, 4, 64, 1.0
REPLAY_WINDOW = 8192


def mac1_key(receiver_f):
    return sha(b"kumihimo mac1 v1", receiver_f)


def cut(kind, sender, receiver, message, receiver_f, cookie=None):
    """The fragments of a handshake message, MACs included."""
    bodies = [message[i:i + BODY_MAX] for i in range(0, len(message), BODY_MAX)]
    out = []
    for number, body in enumerate(bodies):
        part = bytes([kind, 0, 0, 0]) + u(sender, 4) + u(receiver, 4)
        part += bytes([number, len(bodies)]) + u(len(body), 2) + body
        part += mac(mac1_key(receiver_f), part)[:16]
        out.append(part + (mac(cookie, part)[:16] if cookie else bytes(16)))
    return out


class Reassembly:
    def __init__(self, own_f):
        self.own_f, self.waiting = own_f, {}

    def add(self, datagram):
        """(type, sender index, receiver index, message) when whole, else None."""
        r = Reader(datagram)
        kind, reserved, sender, receiver = r.int(1), r.int(3), r.int(4), r.int(4)
        number, count, length = r.int(1), r.int(1), r.int(2)
        body, mac1, _mac2 = r.take(length), r.take(16), r.take(16)
        r.end()
        need(reserved == 0 and sender != 0, "reserved bytes or sender index")
        need((receiver == 0) == (kind == MESSAGE_1), "receiver index")
        need(1 <= count <= FRAGMENTS_MAX and number < count, "fragment number")
        need(0 < length <= BODY_MAX, "body length")
        need(length == BODY_MAX or number == count - 1, "a fragment before the last not full")
        need(mac(mac1_key(self.own_f), datagram[:-32])[:16] == mac1, "MAC1")
        key, now = (kind, sender, receiver), time.monotonic()
        self.waiting = {k: v for k, v in self.waiting.items() if v[0] > now - REASSEMBLY_S}
        if key not in self.waiting and len(self.waiting) == REASSEMBLY_MAX:
            self.waiting.pop(next(iter(self.waiting)))
        _, parts, total = self.waiting.setdefault(key, (now, {}, count))
        need(total == count, "fragment count changed")
        parts[number] = body
        if len(parts) < count:
            return None
        del self.waiting[key]
        return kind, sender, receiver, b"".join(parts[i] for i in range(count))


def open_cookie(datagram, bridge_f, mac1s):
    """(receiver index, cookie) of a cookie reply to one of the fragments we sent."""
    r = Reader(datagram)
    need(r.int(4) == COOKIE << 24, "reserved bytes")
    receiver, nonce, sealed = r.int(4), r.take(16), r.take(32)
    r.end()
    cipher = aead(CHACHA20_POLY1305, sha(b"kumihimo cookie v1", bridge_f, nonce))
    for mac1 in mac1s:
        try:
            return receiver, open_sealed(cipher, bytes(12), sealed, mac1)
        except Refused:
            continue
    raise Refused("cookie answers none of our fragments")


class Transport:
    """Both directions of one session's packets."""

    def __init__(self, established, own_index, peer_index):
        self.sender = aead(established.aead, established.send_key)
        self.receiver = aead(established.aead, established.receive_key)
        self.own_index, self.peer_index = own_index, peer_index
        self.next_counter, self.highest, self.seen = 0, -1, set()

    def seal(self, plaintext):
        header = bytes([TRANSPORT, 0, 0, 0]) + u(self.peer_index, 4) + u(self.next_counter, 8)
        self.next_counter += 1
        return header + self.sender.encrypt(bytes(4) + header[8:], plaintext, header)

    def open(self, datagram):
        """The plaintext, or Refused; the replay window moves only after the tag is right."""
        r = Reader(datagram)
        reserved, index, counter = r.int(4), r.int(4), r.int(8)
        need(reserved == TRANSPORT << 24 and index == self.own_index, "header")
        need(counter > self.highest - REPLAY_WINDOW and counter not in self.seen, "replay")
        nonce = bytes(4) + datagram[8:16]
        plaintext = open_sealed(self.receiver, nonce, r.rest(), datagram[:16])
        self.highest = max(self.highest, counter)
        self.seen = {c for c in self.seen | {counter} if c > self.highest - REPLAY_WINDOW}
        return plaintext
