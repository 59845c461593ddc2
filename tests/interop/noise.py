"""The handshake: section 3 of docs/protocol/session.md, without fragments.

Noise_IKpsk2+hfs_25519+MLKEM768_ChaChaPoly_SHA256 with the encrypted field `matched` before
the psk token. `initiate` and `respond` return values; nothing is changed by bytes that do
not open. What follows after both messages (transport keys, binding) is in `Established`.
"""
import random as shuffler
from dataclasses import dataclass

import mlkem
from primitives import (CHACHA20_POLY1305, Reader, X25519PrivateKey, aead, dh, hkdf, mac,
                        need, open_sealed, random, raw, sha, u)
from statements import ENTRY_LEN, Statements, split_entries

PROTOCOL = b"Noise_IKpsk2+hfs_25519+MLKEM768_ChaChaPoly_SHA256"
MESSAGE_LEN, PAYLOAD1_LEN, PAYLOAD2_LEN = 2304, 1008, 1134
SLOTS, SLOT_LEN = 16, 8
NUMBER, INCEPTION, ENTRIES, CERTIFICATE, GROUP_SLOTS, AEADS, INSTANCE, MTU = range(1, 9)
LAST_ENTRIES = 2  # a handshake carries at most so many


def write_tlvs(items):
    return b"".join(u(kind, 2) + u(len(value), 2) + value for kind, value in items)


def read_tlvs(data):
    """Type -> value. Type 0 ends the list; a type given twice is an error."""
    r, found = Reader(data), {}
    while r.at < len(data):
        kind = r.int(2)
        if kind == 0:
            break
        value = r.take(r.int(2))
        need(kind not in found, "TLV given twice")
        found[kind] = value
    return found


class Symmetric:
    """Noise's CipherState and SymmetricState in one (sections 5.1 and 5.2 of Noise)."""

    def __init__(self, responder_f, responder_static):
        self.h = self.ck = sha(PROTOCOL)
        self.key, self.n = None, 0
        self.mix_hash(b"kumihimo session v1" + responder_f)
        self.mix_hash(responder_static)

    def mix_hash(self, data):
        self.h = sha(self.h, data)

    def _expand(self, ikm, count):
        """Noise's HKDF: RFC 5869 with the chaining key as salt and no info."""
        out = hkdf(self.ck, ikm, b"", 32 * count)
        return [out[i:i + 32] for i in range(0, len(out), 32)]

    def mix_key(self, ikm):
        self.ck, self.key = self._expand(ikm, 2)
        self.n = 0

    def mix_ephemeral(self, public):
        """The token e with the psk modifier: into the hash and into the key."""
        self.mix_hash(public)
        self.mix_key(public)

    def mix_key_and_hash(self, psk):
        self.ck, hashed, self.key = self._expand(psk, 3)
        self.mix_hash(hashed)
        self.n = 0

    def _nonce(self):
        self.n += 1
        return bytes(4) + (self.n - 1).to_bytes(8, "little")

    def seal(self, plaintext):
        sealed = aead(CHACHA20_POLY1305, self.key).encrypt(self._nonce(), plaintext, self.h)
        self.mix_hash(sealed)
        return sealed

    def open(self, sealed):
        cipher = aead(CHACHA20_POLY1305, self.key)
        plaintext = open_sealed(cipher, self._nonce(), sealed, self.h)
        self.mix_hash(sealed)
        return plaintext


def slot(credential, e, responder_f):
    return mac(credential.tag, e, responder_f)[:SLOT_LEN]


def psk_of(matches):
    """Section 3.2: the key that all matching credentials give together."""
    if not matches:
        return bytes(32)
    ordered = sorted(matches, key=lambda c: (c.id, c.epoch))
    ikm = b"".join(c.id + u(c.epoch, 4) + c.psk for c in ordered)
    return hkdf(bytes(32), ikm, b"kumihimo psk v1", 32)


@dataclass
class Established:
    """What both ends hold after message 2."""
    send_key: bytes
    receive_key: bytes
    aead: int
    binding: bytes
    peer: Statements
    matched: int
    instance: bytes
    mtu: int


def _established(noise, initiator, algorithm, peer, matched, tlvs):
    keys = hkdf(noise.ck, noise.h, b"kumihimo transport v1" + bytes([algorithm]), 64)
    send, receive = (keys[:32], keys[32:]) if initiator else (keys[32:], keys[:32])
    binding = hkdf(noise.ck, noise.h, b"kumihimo binding v1", 32)
    return Established(send, receive, algorithm, binding, peer, matched,
                       tlvs[INSTANCE], int.from_bytes(tlvs[MTU], "big"))


def _checked(tlvs, wanted):
    """All TLVs are required but the entries: none are none."""
    tlvs = {ENTRIES: b"", **tlvs}
    for kind, length in wanted:
        need(kind in tlvs, f"TLV {kind} is missing")
        need(length is None or len(tlvs[kind]) == length, f"TLV {kind}: length")
    need(int.from_bytes(tlvs[MTU], "big") >= 1280, "inner MTU")
    need(len(tlvs[ENTRIES]) <= LAST_ENTRIES * ENTRY_LEN, "too many entries")
    return tlvs


COMMON = [(ENTRIES, None), (CERTIFICATE, 161), (INSTANCE, 8), (MTU, 2)]


def _own_statements(local):
    return [(ENTRIES, b"".join(local.statements.entries[-LAST_ENTRIES:])),
            (CERTIFICATE, local.statements.certificate)]


class Initiation:
    """Message 1 as sent, and what is needed to read message 2."""

    def __init__(self, local, peer, credentials, count, aeads, instance, mtu):
        """`peer` are the verified Statements of the responder."""
        self.local, self.peer, self.aeads = local, peer, aeads
        self.e = X25519PrivateKey.generate()
        self.encapsulation_key, self.decapsulation_key = mlkem.key_generate(
            random(32), random(32))
        e = raw(self.e.public_key())
        self.slots = list(credentials) + [None] * (SLOTS - len(credentials))
        shuffler.SystemRandom().shuffle(self.slots)
        slots = b"".join(slot(c, e, peer.f) if c else random(SLOT_LEN) for c in self.slots)
        payload = write_tlvs(
            [(NUMBER, u(local.statements.counter, 8) + u(count, 8)),
             (INCEPTION, local.statements.inception)] + _own_statements(local)
            + [(GROUP_SLOTS, slots), (AEADS, bytes(aeads)), (INSTANCE, instance),
               (MTU, u(mtu, 2))])
        noise = self.noise = Symmetric(peer.f, peer.noise_key)
        noise.mix_ephemeral(e)
        noise.mix_key(dh(self.e, peer.noise_key))                      # es
        sealed = noise.seal(self.encapsulation_key)                    # e1
        sealed += noise.seal(raw(local.noise.public_key()))            # s
        noise.mix_key(dh(local.noise, peer.noise_key))                 # ss
        self.message = e + sealed + noise.seal(payload.ljust(PAYLOAD1_LEN, b"\0"))

    def finish(self, message, now):
        """Reads message 2. Works on a copy: a forged one changes nothing."""
        need(len(message) == MESSAGE_LEN, "length of message 2")
        noise, r = _copy(self.noise), Reader(message)
        e = r.take(32)
        noise.mix_ephemeral(e)
        noise.mix_key(dh(self.e, e))                                   # ee
        ciphertext = noise.open(r.take(mlkem.CIPHERTEXT_LEN + 16))     # ekem1
        noise.mix_key(mlkem.decapsulate(self.decapsulation_key, ciphertext))
        noise.mix_key(dh(self.local.noise, e))                         # se
        matched = int.from_bytes(noise.open(r.take(18)), "big")
        chosen = [c for i, c in enumerate(self.slots) if matched >> i & 1]
        need(None not in chosen, "matched names a random slot")
        noise.mix_key_and_hash(psk_of(chosen))                         # psk
        tlvs = _checked(read_tlvs(noise.open(r.rest())), COMMON + [(AEADS, 1)])
        need(tlvs[AEADS][0] in self.aeads, "AEAD was not offered")
        now_known = Statements(self.peer.inception, split_entries(tlvs[ENTRIES]),
                               tlvs[CERTIFICATE]).verify(now, self.peer)
        need(now_known.noise_key == self.peer.noise_key, "certificate of another key")
        return _established(noise, True, tlvs[AEADS][0], now_known, matched, tlvs)


def _copy(noise):
    other = object.__new__(Symmetric)
    other.__dict__.update(noise.__dict__)
    return other


class Claim:
    """Message 1 as opened by the responder; nothing is decided yet."""

    def __init__(self, local, message, known, now):
        """`known` gives the Statements already verified for an F, or None."""
        need(len(message) == MESSAGE_LEN, "length of message 1")
        own_public, r = raw(local.noise.public_key()), Reader(message)
        noise = self.noise = Symmetric(local.statements.f, own_public)
        self.local, self.e = local, r.take(32)
        noise.mix_ephemeral(self.e)
        noise.mix_key(dh(local.noise, self.e))                         # es
        self.encapsulation_key = noise.open(r.take(mlkem.ENCAPSULATION_KEY_LEN + 16))
        self.s = noise.open(r.take(48))
        noise.mix_key(dh(local.noise, self.s))                         # ss
        tlvs = self.tlvs = _checked(
            read_tlvs(noise.open(r.rest())),
            COMMON + [(NUMBER, 16), (INCEPTION, None), (AEADS, None), (GROUP_SLOTS, 128)])
        need(mlkem.is_encapsulation_key(self.encapsulation_key), "encapsulation key")
        need(1 <= len(tlvs[AEADS]) <= 8, "AEADs offered")
        claimed = Statements(tlvs[INCEPTION], split_entries(tlvs[ENTRIES]), tlvs[CERTIFICATE])
        self.peer = claimed.verify(now, known(claimed.f))
        need(self.peer.noise_key == self.s, "certificate of another key")
        need(tlvs[NUMBER][:8] == u(self.peer.counter, 8), "number of another certificate")
        self.number = tlvs[NUMBER]

    def accept(self, credentials, aeads, instance, mtu):
        """(message 2, Established). Of the offered AEADs takes the first that we speak."""
        sent = [self.tlvs[GROUP_SLOTS][i:i + 8] for i in range(0, SLOTS * SLOT_LEN, SLOT_LEN)]
        chosen, matched = [], 0
        for credential in credentials:
            mine = slot(credential, self.e, self.local.statements.f)
            if mine in sent:
                chosen.append(credential)
                matched |= 1 << sent.index(mine)
        algorithm = next((a for a in self.tlvs[AEADS] if a in aeads), None)
        need(algorithm, "no AEAD in common")
        payload = write_tlvs(_own_statements(self.local) + [
            (AEADS, bytes([algorithm])), (INSTANCE, instance), (MTU, u(mtu, 2))])
        noise, ephemeral = self.noise, X25519PrivateKey.generate()
        e = raw(ephemeral.public_key())
        noise.mix_ephemeral(e)
        noise.mix_key(dh(ephemeral, self.e))                           # ee
        ciphertext, secret = mlkem.encapsulate(self.encapsulation_key, random(32))
        sealed = noise.seal(ciphertext)                                # ekem1
        noise.mix_key(secret)
        noise.mix_key(dh(ephemeral, self.s))                           # se
        sealed += noise.seal(u(matched, 2))
        noise.mix_key_and_hash(psk_of(chosen))                         # psk
        message = e + sealed + noise.seal(payload.ljust(PAYLOAD2_LEN, b"\0"))
        return message, _established(noise, False, algorithm, self.peer, matched, self.tlvs)
