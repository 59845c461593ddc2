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
