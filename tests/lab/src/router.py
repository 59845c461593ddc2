"""A router of the lab that says what there is on its link (RFC 4861), to whoever asks and every few seconds.

Arguments: the interface, the prefix (/64) or "-", and seconds between what it says unasked (0: never)."""

import ipaddress
import select
import socket
import struct
import sys

interface, prefix, period = sys.argv[1], sys.argv[2], float(sys.argv[3])
index = socket.if_nametoindex(interface)
with open(f"/sys/class/net/{interface}/address") as file:
    mac = bytes.fromhex(file.read().strip().replace(":", ""))
icmp = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
icmp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
icmp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
routers = socket.inet_pton(socket.AF_INET6, "ff02::2")
group = routers + struct.pack("@I", index)
icmp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, group)

# Hop limit 64, no DHCP, router for 1,800 s; the kernel fills the checksum in.
message = struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0)
message += struct.pack("!BB6s", 1, 1, mac)
if prefix != "-":
    # On this link, and addresses may be made of it.
    net = ipaddress.IPv6Network(prefix).network_address.packed
    message += struct.pack("!BBBBIII16s", 3, 4, 64, 0xC0, 3600, 1800, 0, net)


def say():
    icmp.sendto(message, ("ff02::1", 0, 0, index))


if period:
    say()
while True:
    ready, _, _ = select.select([icmp], [], [], period or None)
    if not ready:
        say()
        continue
    heard, _ = icmp.recvfrom(1500)
    if heard[:1] == b"\x85":
        say()
