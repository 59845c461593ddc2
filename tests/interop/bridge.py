"""Bridges, from the side of a client: section 6 of docs/protocol/session.md.

`write` makes the value of a message from words, `describe` words from a value; words are
those of the page, bytes in hexadecimal, `-` for nothing.
"""
from noise import read_tlvs, write_tlvs
from primitives import Reader, hkdf, mac, need, siphash, u
from statements import CERTIFICATE_LEN, ENTRY_LEN, LOG_MAX, Statements

RELAYED, PASSWORD, PASSWORD_MAX = 5, 1, 128
ATTACH, ATTACHED, TICKET, TICKET_ANSWER, OPEN, CHANNEL, CLOSE = range(0x30, 0x37)
NAMES = ["attach", "attached", "ticket", "ticket-answer", "open", "channel", "close"]
IS_OPEN, IS_CLOSED = 0, 2


def ticket_secret(invite_secret, bridge_f):
    return mac(invite_secret, b"kumihimo ticket v1", bridge_f)[:16]


class Leg:
    """Our leg of a channel: its number and its key; `bridge` if we are the Bridge."""

    def __init__(self, stream_binding, number, bridge=False):
        self.number, self.bridge = number, bridge
        self.key = hkdf(bytes(32), stream_binding, b"kumihimo hop v2" + u(number, 4), 16)

    def _mac(self, to_client, sealed):
        covered = u(to_client, 1) + u(self.number, 4) + sealed[:16]
        return siphash(self.key, covered)

    def wrap(self, sealed):
        return bytes([RELAYED, 0, 0, 0]) + u(self.number, 4) + self._mac(self.bridge, sealed) + sealed

    def unwrap(self, datagram):
        number, told, sealed = split(datagram)
        need(number == self.number, "number of the leg")
        need(told == self._mac(not self.bridge, sealed), "MAC of the hop")
        return sealed


def split(datagram):
    """(number of the leg, MAC, sealed datagram); nothing is verified."""
    r = Reader(datagram)
    need(r.int(4) == RELAYED << 24, "reserved bytes")
    number, told, sealed = r.int(4), r.take(8), r.rest()
    need(len(sealed) >= 16, "sealed datagram too short")
    return number, told, sealed


def read_identity(r):
    """Statements as in an identity update, up to the end; nothing is verified."""
    inception = r.take(r.int(1))
    count = r.int(1)
    need(count <= LOG_MAX, "log too long")
    entries = [r.take(ENTRY_LEN) for _ in range(count)]
    statements = Statements(inception, entries, r.take(CERTIFICATE_LEN))
    r.end()
    return statements


def read_channel(value):
    """(F, state, number, statements or None)."""
    r = Reader(value)
    f, state, number = r.take(16), r.int(1), r.int(4)
    if state == IS_OPEN:
        need(number != 0, "number of the leg")
        return f, state, number, read_identity(r)
    r.end()
    return f, state, number, None


def write(name, *words):
    """(type, value) of a message."""
    kind = ATTACH + NAMES.index(name)
    if kind == ATTACH:
        password = bytes.fromhex(words[0].strip("-"))
        return kind, write_tlvs([(PASSWORD, password)] if password else [])
    if kind == ATTACHED:
        return kind, u(int(words[0]), 1) + bytes.fromhex(words[1])
    if kind == TICKET:
        return kind, bytes.fromhex(words[0]) + u(int(words[1]), 8)
    if kind == TICKET_ANSWER:
        return kind, bytes.fromhex(words[0]) + u(int(words[1]), 1)
    if kind == CHANNEL:
        f, state, number, identity = words
        value = bytes.fromhex(f) + u(int(state), 1) + u(int(number), 4)
        return kind, value + bytes.fromhex(identity.strip("-"))
    return kind, bytes.fromhex(words[0])


def describe(kind, value):
    """The words of a message, as `write` takes them."""
    name, r = NAMES[kind - ATTACH], Reader(value)
    if kind == ATTACH:
        password = read_tlvs(value).get(PASSWORD, b"")
        need(len(password) <= PASSWORD_MAX, "password too long")
        password.decode()
        return f"{name} {password.hex() or '-'}"
    if kind == ATTACHED:
        words = f"{r.int(1)} {r.take(18).hex()}"
    elif kind == TICKET:
        words = f"{r.take(16).hex()} {r.int(8)}"
    elif kind == TICKET_ANSWER:
        words = f"{r.take(16).hex()} {r.int(1)}"
    elif kind == CHANNEL:
        f, state, number, _ = read_channel(value)
        return f"{name} {f.hex()} {state} {number} {value[21:].hex() or '-'}"
    else:
        words = r.take(16).hex()
    r.end()
    return f"{name} {words}"
