"""The algorithms of docs/protocol/session.md, under the names that page uses.

Everything but ML-KEM-768 (mlkem.py) comes from Debian's python3-cryptography. Nothing
here knows the protocol. Not constant-time, not for production: a yardstick for tests.
"""
import hashlib
import hmac
import os
import sys

try:
    from cryptography.exceptions import InvalidSignature, InvalidTag
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey, Ed25519PublicKey)
    from cryptography.hazmat.primitives.asymmetric.x25519 import (
        X25519PrivateKey, X25519PublicKey)
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF as _Hkdf
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
except ImportError as error:
    sys.exit(f"{sys.executable} lacks the Debian package python3-cryptography ({error}); "
             "install it: apt-get install python3-cryptography")

AES_256_GCM, CHACHA20_POLY1305 = 1, 2
random = os.urandom


class Refused(Exception):
    """Bytes from outside that this page tells us not to accept."""


def need(condition, why):
    """The one way to refuse input: every check names its reason."""
    if not condition:
        raise Refused(why)


def sha(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def mac(key, *parts):
    return hmac.new(key, b"".join(parts), hashlib.sha256).digest()


def hkdf(salt, ikm, info, length):
    return _Hkdf(hashes.SHA256(), length, salt, info).derive(ikm)


def raw(public):
    """The 32 bytes of a public key object."""
    return public.public_bytes(Encoding.Raw, PublicFormat.Raw)


def dh(private, public_bytes):
    """X25519. cryptography refuses an all-zero result (a low-order point)."""
    try:
        return private.exchange(X25519PublicKey.from_public_bytes(public_bytes))
    except ValueError:
        raise Refused("X25519 result is zero")


def verify(public_bytes, signature, *parts):
    try:
        Ed25519PublicKey.from_public_bytes(public_bytes).verify(signature, b"".join(parts))
    except (InvalidSignature, ValueError):
        raise Refused("signature")


def aead(algorithm, key):
    return {AES_256_GCM: AESGCM, CHACHA20_POLY1305: ChaCha20Poly1305}[algorithm](key)


def open_sealed(cipher, nonce, sealed, associated):
    try:
        return cipher.decrypt(nonce, sealed, associated)
    except (InvalidTag, ValueError):
        raise Refused("authentication tag")


def u(value, size):
    """An unsigned big-endian integer of `size` bytes."""
    return value.to_bytes(size, "big")


class Reader:
    """Takes fields from bytes, front to back, and refuses to read past the end."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, size):
        need(self.at + size <= len(self.data), "cut off")
        self.at += size
        return self.data[self.at - size:self.at]

    def int(self, size):
        return int.from_bytes(self.take(size), "big")

    def rest(self):
        return self.take(len(self.data) - self.at)

    def end(self):
        need(self.at == len(self.data), "bytes after the end")


def siphash(key, data):
    """SipHash-2-4 of Aumasson and Bernstein: 8 bytes."""
    mask = (1 << 64) - 1
    k0, k1 = (int.from_bytes(key[at:at + 8], "little") for at in (0, 8))
    v = [k0 ^ 0x736F6D6570736575, k1 ^ 0x646F72616E646F6D,
         k0 ^ 0x6C7967656E657261, k1 ^ 0x7465646279746573]

    def rotate(value, by):
        return (value << by | value >> (64 - by)) & mask

    def rounds(count):
        for _ in range(count):
            v[0] = (v[0] + v[1]) & mask
            v[2] = (v[2] + v[3]) & mask
            v[1], v[3] = rotate(v[1], 13) ^ v[0], rotate(v[3], 16) ^ v[2]
            v[0] = rotate(v[0], 32)
            v[2] = (v[2] + v[1]) & mask
            v[0] = (v[0] + v[3]) & mask
            v[1], v[3] = rotate(v[1], 17) ^ v[2], rotate(v[3], 21) ^ v[0]
            v[2] = rotate(v[2], 32)

    whole = len(data) // 8 * 8
    last = data[whole:].ljust(7, b"\0") + bytes([len(data) & 0xFF])
    for at in range(0, whole + 8, 8):
        word = data[at:at + 8] if at < whole else last
        word = int.from_bytes(word, "little")
        v[3] ^= word
        rounds(2)
        v[0] ^= word
    v[2] ^= 0xFF
    rounds(4)
    return (v[0] ^ v[1] ^ v[2] ^ v[3]).to_bytes(8, "little")
