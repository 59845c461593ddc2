"""Names, statements and invite lines: sections 1 and 8 of docs/protocol/session.md.

A Statements value is what one end knows about an identity: the raw inception record, the
raw rotation entries from position 1 on, and the raw certificate. `verify` checks all of
it; a tail of a log is first joined to what is already known (`joined`).
"""
import base64
from dataclasses import dataclass

from primitives import (Ed25519PrivateKey, Reader, Refused, X25519PrivateKey, mac, need,
                        random, raw, sha, u, verify)

ROTATION, RECOVERY, ENTRY_LEN, CERTIFICATE_LEN, LOG_MAX = 1, 2, 133, 161, 64
TIME_TOLERANCE_S = 600
ALL_SCOPES = 0xFFFFFFFF
LINE_OF_BRIDGE, LINE_WITH_PASSWORD, BRIDGES_MAX = 1, 3, 4


def address(inception):
    return sha(b"kumihimo address v1", inception)[:16]


def next_hash(root_public):
    return sha(b"kumihimo next root v1", root_public)


def split_entries(data):
    need(len(data) % ENTRY_LEN == 0, "rotation entries: length")
    return [data[i:i + ENTRY_LEN] for i in range(0, len(data), ENTRY_LEN)]


@dataclass
class Statements:
    inception: bytes
    entries: list
    certificate: bytes

    @property
    def f(self):
        return address(self.inception)

    @property
    def noise_key(self):
        return self.certificate[29:61]

    @property
    def counter(self):
        return int.from_bytes(self.certificate[5:13], "big")

    def joined(self, known):
        """These statements with the start of the log taken from `known` (or None)."""
        first = int.from_bytes(self.entries[0][1:5], "big") if self.entries else None
        before = known.entries if known and known.inception == self.inception else []
        if first is None:
            return Statements(self.inception, before, self.certificate)
        need(1 <= first <= len(before) + 1, "longer log needed")
        entries = before[:first - 1] + self.entries
        need(before[:len(entries)] == entries[:len(before)], "two logs of one F")
        return Statements(self.inception, entries + before[len(entries):], self.certificate)

    def verify(self, now, known=None):
        """Checks every signature and returns the joined statements, or raises Refused."""
        whole = self.joined(known)
        root, committed, recovery = _check_inception(whole.inception)
        roots, before = [root], whole.inception
        need(len(whole.entries) <= LOG_MAX, "log too long")
        for position, entry in enumerate(whole.entries, 1):
            r = Reader(entry)
            kind, at, root = r.int(1), r.int(4), r.take(32)
            following, signature = r.take(32), r.take(64)
            need(at == position, "position")
            signer = root
            if kind == ROTATION:
                need(next_hash(root) == committed, "root key was not committed to")
            else:
                need(kind == RECOVERY and recovery, "kind of entry")
                signer = recovery
            verify(signer, signature, b"kumihimo rotation v1", whole.f, sha(before), entry[:69])
            roots, before, committed = roots + [root], entry, following
        _check_certificate(whole, roots, now)
        need(not known or whole.counter >= known.counter, "certificate counter went back")
        return whole


def _check_inception(inception):
    r = Reader(inception)
    need(r.int(1) == 1, "suite")
    root, committed, flags = r.take(32), r.take(32), r.int(1)
    need(flags in (0, 1), "inception flags")
    recovery = r.take(32) if flags else None
    r.take(8)
    r.end()
    need(address(inception)[0] == 0xFC, "address does not start with fc")
    return root, committed, recovery


def _check_certificate(whole, roots, now):
    r = Reader(whole.certificate)
    need(r.int(1) == 1, "certificate version")
    position, _counter, not_before, not_after = r.int(4), r.int(8), r.int(8), r.int(8)
    _noise, _signing, _scopes = r.take(32), r.take(32), r.int(4)
    signature = r.take(64)
    r.end()
    need(position < len(roots), "longer log needed")
    need(position == len(roots) - 1, "certificate of an older root")
    need(not_before - TIME_TOLERANCE_S <= now <= not_after + TIME_TOLERANCE_S, "expired")
    verify(roots[position], signature, b"kumihimo certificate v1", whole.f,
           whole.certificate[:97])


class Identity:
    """A freshly made identity with its secrets. `log` is a list of entry kinds."""

    def __init__(self, now, log=(), with_recovery=False, counter=1):
        roots = [Ed25519PrivateKey.generate() for _ in range(len(log) + 2)]
        public = [raw(key.public_key()) for key in roots]
        recovery = Ed25519PrivateKey.generate()
        committed = next_hash(public[1])
        if log and log[0] == RECOVERY:  # a recovery entry names a key nobody committed to
            committed = next_hash(random(32))
        start = b"\x01" + public[0] + committed + bytes([with_recovery])
        start += raw(recovery.public_key()) if with_recovery else b""
        inception = start + random(8)
        while address(inception)[0] != 0xFC:
            inception = start + random(8)
        entries, f = [], address(inception)
        for position, kind in enumerate(log, 1):
            entry = bytes([kind]) + u(position, 4) + public[position]
            entry += next_hash(public[position + 1])
            signer = recovery if kind == RECOVERY else roots[position]
            before = entries[-1] if entries else inception
            entries.append(entry + signer.sign(b"kumihimo rotation v1" + f + sha(before) + entry))
        self.noise, self.signing = X25519PrivateKey.generate(), Ed25519PrivateKey.generate()
        certificate = (b"\x01" + u(len(log), 4) + u(counter, 8) + u(now - 60, 8)
                       + u(now + 86400, 8) + raw(self.noise.public_key())
                       + raw(self.signing.public_key()) + u(ALL_SCOPES, 4))
        certificate += roots[len(log)].sign(b"kumihimo certificate v1" + f + certificate)
        self.statements = Statements(inception, entries, certificate)


@dataclass
class Credential:
    """What both ends of a handshake may share: an invite, or a group's epoch."""
    id: bytes
    epoch: int
    tag: bytes
    psk: bytes

    @staticmethod
    def of_invite(secret):
        return Credential(sha(b"kumihimo invite id v1", secret)[:16], 0,
                          mac(secret, b"kumihimo invite tag v1"),
                          mac(secret, b"kumihimo invite psk v1"))


@dataclass
class Place:
    """A node and where it is: endpoints of 18 bytes."""
    statements: Statements
    endpoints: list

    def to_bytes(self):
        s = self.statements
        out = u(len(s.inception), 1) + s.inception
        out += u(len(s.entries), 1) + b"".join(s.entries) + s.certificate
        return out + u(len(self.endpoints), 1) + b"".join(self.endpoints)

    @staticmethod
    def read(r):
        inception = r.take(r.int(1))
        entries = [r.take(ENTRY_LEN) for _ in range(r.int(1))]
        certificate, count = r.take(CERTIFICATE_LEN), r.int(1)
        need(count <= 8, "too many endpoints")
        return Place(Statements(inception, entries, certificate),
                     [r.take(18) for _ in range(count)])


@dataclass
class Invite:
    """What a line says. `flags` is None in version 1."""
    flags: int
    expiry_s: int
    secret: bytes
    place: Place
    bridges: list

    def line(self):
        named = self.flags is not None
        body = b"\x02" + u(self.flags, 1) if named else b"\x01"
        body += u(self.expiry_s, 8) + self.secret + self.place.to_bytes()
        if named:
            body += u(len(self.bridges), 1) + b"".join(b.to_bytes() for b in self.bridges)
        text = base64.urlsafe_b64encode(body + sha(body)[:4]).decode().rstrip("=")
        return "kumi1:" + text

    @staticmethod
    def parse(line):
        line = "".join(line.split())
        need(line.startswith("kumi1:"), "not an invite line")
        try:
            text = line[6:]
            data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        except ValueError:
            raise Refused("base64url")
        body, check = data[:-4], data[-4:]
        need(sha(body)[:4] == check, "check of the invite line")
        r = Reader(body)
        version = r.int(1)
        need(version in (1, 2), "invite version")
        flags = r.int(1) if version == 2 else None
        need(flags in (None, 0, LINE_OF_BRIDGE, LINE_WITH_PASSWORD), "flags of the invite line")
        invite = Invite(flags, r.int(8), r.take(16), Place.read(r), [])
        count = r.int(1) if version == 2 else 0
        need(count <= BRIDGES_MAX, "too many Bridges")
        invite.bridges = [Place.read(r) for _ in range(count)]
        r.end()
        return invite
