"""What goes through a session: sections 4 (kinds, pieces) and 5 (control, the stream).

Input is plaintext, output is a list of plaintexts to send and of events to report. The
transport below is a pipe, which loses nothing: there is no retransmission here, and what
would need it is reported as an error of the other side.
"""
import bridge
from noise import read_tlvs, write_tlvs
from primitives import Reader, need, random, u

IP, ETHERNET, PIECE, CONTROL = 1, 2, 3, 4
(STREAM, CHALLENGE, RESPONSE, PROBE, PROBE_ANSWER, ECHO_REQUEST, ECHO_REPLY,
 CLOSE) = range(1, 9)
WINDOW_MAX, MESSAGE_MAX, HELLO, SEGMENT_MAX = 65536, 16384, 1, 1000
HELLO_INSTANCE, HELLO_VERSION, HELLO_FEATURES, HELLO_LABEL = 1, 2, 3, 4
PIECE_LAST, PIECE_BYTES_MAX = 1, 65535


class Stream:
    """One ordered byte stream each way, carrying messages of a type and a value."""

    def __init__(self):
        self.unsent, self.sent, self.acknowledged, self.peer_window = b"", 0, 0, WINDOW_MAX
        self.expected, self.early, self.received = 0, {}, b""

    def segment(self, data=b""):
        offset = self.sent % 2**32
        self.sent += len(data)
        return (bytes([CONTROL, STREAM]) + u(offset, 4) + u(self.expected % 2**32, 4)
                + u(WINDOW_MAX - len(self.received), 4) + data)

    def push(self, kind, value):
        self.unsent += u(kind, 2) + u(len(value), 4) + value

    def flush(self):
        """Segments as far as the other side's window allows."""
        out, window = [], self.peer_window
        while self.unsent and self.sent - self.acknowledged < window:
            room = min(SEGMENT_MAX, window - (self.sent - self.acknowledged))
            data, self.unsent = self.unsent[:room], self.unsent[room:]
            out.append(self.segment(data))
        return out

    def handle(self, rest):
        """(messages received, segments to send)."""
        r = Reader(rest)
        offset, acknowledged, window, data = r.int(4), r.int(4), r.int(4), r.rest()
        need(window <= WINDOW_MAX, "window")
        forward = (acknowledged - self.acknowledged) % 2**32
        if forward < 2**31:  # else an old one that was overtaken
            need(forward <= self.sent - self.acknowledged, "acknowledges what was never sent")
            self.acknowledged, self.peer_window = self.acknowledged + forward, window
        ahead = (offset - self.expected) % 2**32
        if data and ahead < WINDOW_MAX:
            self.early[self.expected + ahead] = data
        while self.expected in self.early:
            part = self.early.pop(self.expected)
            self.received, self.expected = self.received + part, self.expected + len(part)
        messages = []
        while len(self.received) >= 6:
            r = Reader(self.received)
            kind, length = r.int(2), r.int(4)
            need(length <= MESSAGE_MAX, "message too long")
            if len(self.received) < 6 + length:
                break
            messages.append((kind, r.take(length)))
            self.received = r.rest()
        return messages, self.flush() or ([self.segment()] if data else [])


def hello(instance, version, features, label):
    return write_tlvs([(HELLO_INSTANCE, instance), (HELLO_VERSION, version.encode()),
                       (HELLO_FEATURES, u(features, 8)), (HELLO_LABEL, label.encode())])


class Session:
    def __init__(self):
        self.stream, self.pieces, self.challenges, self.echoes = Stream(), {}, set(), {}
        self.next_piece_id, self.messages = 0, []

    def packet(self, packet, piece_bytes=None):
        """Plaintexts that carry an IP packet: one, or pieces of `piece_bytes` each."""
        if not piece_bytes:
            return [bytes([IP]) + packet]
        self.next_piece_id += 1
        out = []
        for offset in range(0, len(packet), piece_bytes):
            last = PIECE_LAST if offset + piece_bytes >= len(packet) else 0
            out.append(bytes([PIECE, IP, last]) + u(self.next_piece_id, 2) + u(offset, 2)
                       + packet[offset:offset + piece_bytes])
        return out

    def challenge(self):
        token = random(8)
        self.challenges.add(token)
        return [bytes([CONTROL, CHALLENGE]) + token]

    def echo(self, id):
        self.echoes[id] = random(8)
        return [bytes([CONTROL, ECHO_REQUEST]) + u(id, 4) + self.echoes[id]]

    def probe(self, id, size):
        return [(bytes([CONTROL, PROBE]) + u(id, 4)).ljust(size - 32, b"\0")]

    def message(self, kind, value):
        self.stream.push(kind, value)
        return self.stream.flush()

    def handle(self, plaintext, datagram_len):
        """(plaintexts to send, events)."""
        if not plaintext:
            return [], ["keepalive"]
        kind, rest = plaintext[0], plaintext[1:]
        if kind == IP:
            return [], [f"packet {rest.hex()}"]
        if kind == PIECE:
            whole = self._piece(rest)
            return [], [f"packet {whole.hex()}"] if whole else []
        if kind == CONTROL:
            return self._control(rest[0], rest[1:], datagram_len)
        return [], []  # unknown kinds are ignored

    def _piece(self, rest):
        r = Reader(rest)
        inner, flags, id, offset, data = r.int(1), r.int(1), r.int(2), r.int(2), r.rest()
        need(inner == IP and flags in (0, 1) and data, "piece")
        parts = self.pieces.setdefault(id, {})
        parts[offset] = (data, flags)
        at = 0
        for start in sorted(parts):
            if start != at:
                return None
            at += len(parts[start][0])
            if parts[start][1] & PIECE_LAST:
                del self.pieces[id]
                return b"".join(parts[key][0] for key in sorted(parts))
        return None

    def _control(self, subtype, rest, datagram_len):
        if subtype == STREAM:
            messages, out = self.stream.handle(rest)
            self.messages += messages
            return out, [_describe(*message) for message in messages]
        if subtype == CHALLENGE:
            return [bytes([CONTROL, RESPONSE]) + Reader(rest).take(8)], ["challenged"]
        if subtype == RESPONSE:
            need(rest in self.challenges, "response to no challenge of ours")
            self.challenges.discard(rest)
            return [], ["path-answered"]
        if subtype == PROBE:
            return [bytes([CONTROL, PROBE_ANSWER]) + rest[:4] + u(datagram_len, 2)], []
        if subtype == PROBE_ANSWER:
            r = Reader(rest)
            return [], [f"probe-answer {r.int(4)} {r.int(2)}"]
        if subtype == ECHO_REQUEST:
            need(len(rest) == 12, "echo length")
            return [bytes([CONTROL, ECHO_REPLY]) + rest], ["echo-request"]
        if subtype == ECHO_REPLY:
            r = Reader(rest)
            id = r.int(4)
            need(self.echoes.pop(id, None) == r.rest(), "reply to no echo of ours")
            return [], [f"echo-reply {id}"]
        if subtype == CLOSE:
            return [], [f"close {rest[0]}"]
        return [], []


def _describe(kind, value):
    if bridge.ATTACH <= kind <= bridge.CLOSE:
        return bridge.describe(kind, value)
    if kind != HELLO:
        return f"message {kind} {value.hex()}"
    t = read_tlvs(value)
    return (f"hello {t[HELLO_INSTANCE].hex()} {t.get(HELLO_VERSION, b'').decode()!r} "
            f"{int.from_bytes(t.get(HELLO_FEATURES, b''), 'big')} "
            f"{t.get(HELLO_LABEL, b'').decode()!r}")
