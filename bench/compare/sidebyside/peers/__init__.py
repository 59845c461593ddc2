"""All peers, in the order of the table."""

from . import baselines, easytier, kumihimo, nebula, openvpn, softether, wireguard, yggdrasil
from .peer import Kind, Peer

_FILES = (baselines, kumihimo, wireguard, yggdrasil, easytier, nebula, softether, openvpn)
ALL: dict[str, Peer] = {peer.name: peer for file in _FILES for peer in file.ALL}

__all__ = ["ALL", "Kind", "Peer"]
