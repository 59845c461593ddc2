"""Hears all IPv4 packets of the namespace that it runs in, and when the kernel saw them.

    python3 ear.py          prints `ready`; after SIGTERM one JSON list

It sleeps meanwhile: packets wait in the buffer of its socket, each with its time, so that it takes no processor
from what it listens to. Each packet: nanoseconds, device, whether it went out, source, destination, protocol, ports
and first byte of a UDP datagram (else 0), and the length of its payload.
"""

import json
import signal
import socket
import struct

ALL_PROTOCOLS = socket.htons(0x0003)
BUFFER = 16 << 20
SO_RCVBUFFORCE, SO_TIMESTAMPNS = 33, 35
OUTGOING = 4
UDP = 17
_TIME = struct.Struct("@qq")


def read_packet(bytes_: bytes) -> tuple | None:
    """Source, destination, protocol, ports, first byte, length of payload of an IPv4 packet."""
    if len(bytes_) < 20 or bytes_[0] >> 4 != 4:
        return None
    header = (bytes_[0] & 15) * 4
    (length,) = struct.unpack_from("!H", bytes_, 2)
    source, destination, protocol = socket.inet_ntoa(bytes_[12:16]), socket.inet_ntoa(bytes_[16:20]), bytes_[9]
    if protocol != UDP or len(bytes_) < header + 8:
        return source, destination, protocol, 0, 0, 0, length - header
    ports = struct.unpack_from("!HH", bytes_, header)
    first = bytes_[header + 8] if len(bytes_) > header + 8 else 0
    return source, destination, protocol, *ports, first, length - header - 8


def drain(ear: socket.socket) -> list[tuple]:
    """All that waits in the buffer."""
    heard = []
    while True:
        try:
            bytes_, controls, _, sender = ear.recvmsg(2048, 256, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return heard
        times = [_TIME.unpack(data[:_TIME.size]) for level, kind, data in controls if (level, kind) == (socket.SOL_SOCKET, SO_TIMESTAMPNS)]
        if times and (packet := read_packet(bytes_)):
            seconds, ns = times[0]
            heard.append((seconds * 1_000_000_000 + ns, sender[0], sender[2] == OUTGOING, *packet))


def main() -> None:
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, ALL_PROTOCOLS) as ear:
        ear.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER)
        ear.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
        print("ready", flush=True)
        signal.sigwait([signal.SIGTERM])
        print(json.dumps(drain(ear)), flush=True)


if __name__ == "__main__":
    main()
