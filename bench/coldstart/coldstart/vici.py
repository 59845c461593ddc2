"""The control socket of strongSwan's daemon (VICI): a request and its answer.

A message is a tree of sections, lists and values. Each element begins with its kind; a name has its length in one
byte before it, a value in two. A packet is its length in four bytes, its kind, and for a request its name.
"""

import pathlib
import socket
import struct

from sidebyside.trouble import Trouble

_SECTION, _SECTION_END, _VALUE, _LIST, _LIST_ITEM, _LIST_END = range(1, 7)
_REQUEST, _ANSWER = 0, 1
PATIENCE_S = 20


def encode(tree: dict) -> bytes:
    """A message; values are texts, lists of texts, or trees."""
    parts = []
    for name, value in tree.items():
        if isinstance(value, dict):
            parts += [bytes([_SECTION]), _name(name), encode(value), bytes([_SECTION_END])]
        elif isinstance(value, list):
            items = [bytes([_LIST_ITEM]) + _text(item) for item in value]
            parts += [bytes([_LIST]), _name(name), *items, bytes([_LIST_END])]
        else:
            parts += [bytes([_VALUE]), _name(name), _text(value)]
    return b"".join(parts)


def values(message: bytes) -> dict[str, str]:
    """The values of a message that has neither sections nor lists, as answers to commands have not."""
    found, at = {}, 0
    while at < len(message):
        if message[at] != _VALUE:
            raise ValueError(f"kind {message[at]} at {at}")
        end = at + 2 + message[at + 1]
        name, (length,) = message[at + 2:end].decode(), struct.unpack_from("!H", message, end)
        found[name] = message[end + 2:end + 2 + length].decode()
        at = end + 2 + length
    return found


class Daemon:
    """A daemon at its socket. Used by `with`."""

    def __init__(self, path: pathlib.Path):
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(PATIENCE_S)
        self._socket.connect(str(path))

    def __enter__(self) -> "Daemon":
        return self

    def __exit__(self, *_) -> None:
        self._socket.close()

    def ask(self, command: str, tree: dict) -> None:
        """Returns when it is done; `Trouble` with what the daemon says if it is not."""
        packet = bytes([_REQUEST]) + _name(command) + encode(tree)
        self._socket.sendall(struct.pack("!I", len(packet)) + packet)
        (length,) = struct.unpack("!I", self._read(4))
        kind, *message = self._read(length)
        said = values(bytes(message)) if kind == _ANSWER else {}
        if said.get("success") != "yes":
            raise Trouble(f"strongSwan does not do `{command}`: {said.get('errmsg', f'packet of kind {kind}')}", "Look at what it said.")

    def _read(self, length: int) -> bytes:
        read = b""
        while len(read) < length:
            part = self._socket.recv(length - len(read))
            if not part:
                raise Trouble("strongSwan's daemon closed its control socket.", "Look at what it said.")
            read += part
        return read


def _name(text: str) -> bytes:
    return bytes([len(text)]) + text.encode()


def _text(text: str) -> bytes:
    return struct.pack("!H", len(text.encode())) + text.encode()
