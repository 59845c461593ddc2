"""The models about Bridges, which are the attacker in all of them; see variants.py."""

from derive import M_A, M_B, P2, PKT_A, PKT_B, model
from variants import FOUND, attack, ok

HOP_SETUP = """\
// The Bridge is the attacker: its static secret is known, and so are both hop keys.
principal Bridge[
	knows private sta_r
	gsta_r = PUBKEY(sta_r)
	leaks sta_r
]

Bridge -> Alice: [gsta_r]
Bridge -> Bob: [gsta_r]

principal Alice[
	knows public l_hop
	hop_a = HASH(l_hop, DH_KEX(gsta_r, sta_a))
	leaks hop_a
]

principal Bob[
	knows public l_hop
	hop_b = HASH(l_hop, DH_KEX(gsta_r, sta_b))
	leaks hop_b
]

"""


def define():
    model(
        "relayed", "skeleton",
        "A relayed session: both ends are clients of one Bridge, with the static keys that\n"
        "they use with each other, and the Bridge is the attacker. It knows its own secret\n"
        "and both hop keys, and carries every datagram behind its header. May it read a\n"
        "packet or pass one off as the other end's? (Headers are left out: it can make them\n"
        "all, so they stop it from nothing.)",
        [("// Message 1: e, es", HOP_SETUP + "// Message 1: e, es")],
        ok(M_A, M_B, PKT_A, P2, PKT_B), sessions=1,
    )
    model(
        "relayed-control-told", "relayed",
        "Control: Alice takes the key that comes with the channel for Bob's, unverified.",
        [("Bob -> Alice: [f_b], [gsta_b]", "Bob -> Alice: [f_b], gsta_b")],
        attack(M_A) + attack(P2), sessions=1,
    )
    model(
        "ticket", "invite",
        "Ticket: as invite.vp, over a Bridge (the attacker) where Bob has registered a\n"
        "ticket made from the invite's secret. May the Bridge, which knows the ticket, join\n"
        "in the place of Alice?",
        [("	knows private root_b, next_b, sta_b\n",
          "	knows private root_b, next_b, sta_b\n"
          "	knows public l_ticket, f_bridge\n"
          "	ticket = MAC(secret, CONCAT(l_ticket, f_bridge))\n	leaks ticket\n")],
        ok(M_B, PKT_A, FOUND),
    )
    model(
        "ticket-control-secret", "ticket",
        "Control: the ticket is the invite's secret itself.",
        [("	ticket = MAC(secret, CONCAT(l_ticket, f_bridge))\n	leaks ticket\n",
          "	leaks secret\n")],
        attack(PKT_A, FOUND), sessions=1,
    )
