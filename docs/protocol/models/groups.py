"""The models about groups (docs/protocol/group.md) and DPRP; see variants.py.

The group secret is `secret`; it makes the tag of the slots and the psk. Carol is who has it and
belongs to the attacker.
"""

from derive import A, C, LATER, M_A, M_B, MATCH, P2, PKT_A, PKT_B, PUBLIC_PSK, cut, every, model, no_mix
from variants import attack, ok

GROUP_PSK = "	knows public n0, n1, header, aead, matched, l_tag, l_psk\n	knows private secret\n"

CAROL = "principal Carol[\n	knows private secret\n	leaks secret\n]\n\n"

USE_SECRET = [
    ("HKDF(ck7_a, psk, nil)", "HKDF(ck7_a, MAC(secret, l_psk), nil)"),
    ("HKDF(ck7_b, psk, nil)", "HKDF(ck7_b, MAC(secret, l_psk), nil)"),
]

SLOT = "MAC(MAC(secret, l_tag), CONCAT(ge_a, f_b))"


def define():
    members()
    dprp()
    dprp_member()


def members():
    model(
        "group-member", "core",
        "Group: Alice and Bob are in one group, whose secret makes the tag (slot in payload\n"
        "1) and the psk. Carol is in it as well, and is the attacker: the secret is known to\n"
        "her from the start. May she read what the two say, or pass for either?",
        [("// The allow-lists", CAROL + "// The allow-lists"),
         every(PUBLIC_PSK, GROUP_PSK, 2),
         *USE_SECRET,
         ("AEAD_ENC(k3_a, n0, aead, h3_a)", f"AEAD_ENC(k3_a, n0, CONCAT(aead, {SLOT}), h3_a)"),
         ("	aead_b = AEAD_DEC(k3_b, n0, c_p1, h3_b)?\n",
          "	p1_b = AEAD_DEC(k3_b, n0, c_p1, h3_b)?\n	aead_b, slot_b = SPLIT(p1_b)?\n"
          f"	_ = ASSERT({SLOT}, slot_b)?\n")],
        ok(M_A, M_B, PKT_A, MATCH, P2, PKT_B),
    )
    model(
        "group-member-control-shared", "group-member",
        "Control: the group secret encrypts traffic, as in a protocol with one key for the\n"
        "group: the keys of packets are made from it alone.",
        [("HKDF(ck8_a, h9_a, CONCAT(l_transport, aead_a))", "HKDF(MAC(secret, l_psk), nil, l_transport)"),
         ("HKDF(ck8_b, h9_b, CONCAT(l_transport, aead_b))", "HKDF(MAC(secret, l_psk), nil, l_transport)")],
        attack(M_A, M_B, PKT_A, PKT_B), sessions=1,
    )
    model(
        "group-member-control-responder", "group-member",
        "Control: the responder's static key does not go into the keys (no es, no ss), so\n"
        "that it proves the group and nothing else: Carol passes for Bob.",
        no_mix(1, "es") + no_mix(2, "ss"),
        attack(M_A, P2, PKT_B), sessions=1,
    )
    model(
        "group-member-control-initiator", "group-member",
        "Control: Bob asks for the group alone, and not whether the static key that the\n"
        "handshake proves is Alice's: Carol passes for her.",
        [("	_ = ASSERT(gsta_a, s_b)?\n", "")],
        attack(M_B, PKT_A), sessions=1,
    )
    long_term = "root_%s, next_%s, sta_%s"
    model(
        "group-later", "group-member",
        "Forward secrecy in a group: the group secret and all long-term secrets of both ends\n"
        "leak after the session. Does recorded traffic stay closed?",
        [(CAROL, ""),
         ("\nqueries[", LATER % (long_term.replace("%s", "a") + ", secret", long_term.replace("%s", "b")))],
        ok(M_A, M_B),
    )
    model(
        "group-later-control", "group-later",
        "Control: neither the ephemeral-ephemeral secret (ee) nor the ML-KEM secret goes\n"
        "into the keys, which then hang on the static keys and the group secret.",
        no_mix(4, "ee") + no_mix(5, "kem"),
        attack(M_A, M_B), sessions=1,
    )


RGI_KEY = "MAC(MAC(secret, l_psk), CONCAT(l_rgi, nonce_a, ends))"

ASK = f"""\
// DPRP. The static key stands for an identity. DDE: a slot for the group.
principal Alice[
	knows private ends
	generates nonce_a
	slot_a = MAC(MAC(secret, l_tag), CONCAT(nonce_a, ends))
]

Alice -> Bob: nonce_a, ends, slot_a

// RGI: a token, which Bob can make again, and Bob's identity, sealed for the group.
principal Bob[
	_ = ASSERT(MAC(MAC(secret, l_tag), CONCAT(nonce_a, ends)), slot_a)?
	token_b = MAC(sec_b, CONCAT(nonce_a, ends))
	rgi = AEAD_ENC({RGI_KEY}, n0, CONCAT(token_b, gsta_b), nil)
]

Bob -> Alice: rgi

principal Alice[
	report_a = AEAD_DEC({RGI_KEY}, n0, rgi, nil)?
	token_a, gsta_ab = SPLIT(report_a)?
]

"""

CHECK_ADMISSION = "	_ = SIGNVERIF(ggms, CONCAT(l_adm, gsta_ab), adm_a)?\n"
SEAL_MPIT = "	mpit = AEAD_ENC(ki_a, n0, CONCAT(nonce_a, ends, token_a, m_a), header)\n"
OPEN_MPIT = "	got_b = AEAD_DEC(ki_b, n0, mpit, header)?\n"

IDENTITY, TOKEN = C + "gsta_b", C + "token_b"
RGI, MPIT, CDN = A + "Bob -> Alice: rgi", A + "Alice -> Bob: mpit", A + "Bob -> Alice: cdn"
DDE = A + "Alice -> Bob: slot_a"
FRESH_RGI, FRESH_MPIT = "freshness? rgi", "freshness? mpit"


def dprp():
    site = "	knows public n0, n1, header, aead, l_tag, l_psk, l_rgi, l_adm\n	knows private secret\n"
    model(
        "dprp", "skeleton",
        "DPRP between members, against an outsider without the group secret: DDE and RGI,\n"
        "then a session with whom the RGI names, MPIT with the first packet in it, and CDN.\n"
        "Alice knows nothing of Bob beforehand; the server `gms` of the group has signed his\n"
        "admission, which he shows in message 2. Bob has seen hers, so he knows her key.\n"
        "Is the packet secret, do outsiders learn who Bob is, and does Bob take an MPIT that\n"
        "Alice did not make, or take one again?",
        [every(PUBLIC_PSK, site, 2),
         *USE_SECRET,
         ("	gsta_b = PUBKEY(sta_b)\n	f_b = HASH(l_addr, groot_b)\n",
          "	gsta_b = PUBKEY(sta_b)\n	knows private sec_b, gms\n	ggms = PUBKEY(gms)\n"
          "	adm_b = SIGN(gms, CONCAT(l_adm, gsta_b))\n"),
         ("// The allow-lists: each knows the other's address and nothing else for certain.\n",
          "// Known beforehand: the key of the group's server, and Alice's to Bob.\n"),
         ("Bob -> Alice: [f_b], [gsta_b]\n\n", "Bob -> Alice: [ggms]\n\n" + ASK),
         ("HASH(protocol_name, prologue, f_b, gsta_b)\n	h1_a", "HASH(protocol_name, prologue, gsta_ab)\n	h1_a"),
         ("HASH(protocol_name, prologue, f_b, gsta_b)\n	h1_b", "HASH(protocol_name, prologue, gsta_b)\n	h1_b"),
         ("es_a = DH_KEX(gsta_b, e_a)", "es_a = DH_KEX(gsta_ab, e_a)"),
         ("ss_a = DH_KEX(gsta_b, sta_a)", "ss_a = DH_KEX(gsta_ab, sta_a)"),
         ("c_p2 = AEAD_ENC(k8_b, n0, aead_b, h8_b)", "c_p2 = AEAD_ENC(k8_b, n0, adm_b, h8_b)"),
         ("	aead_a = AEAD_DEC(k8_a, n0, c_p2, h8_a)?\n",
          "	adm_a = AEAD_DEC(k8_a, n0, c_p2, h8_a)?\n" + CHECK_ADMISSION),
         ("CONCAT(l_transport, aead_a)", "CONCAT(l_transport, aead)"),
         ("	pkt_a = AEAD_ENC(ki_a, n0, m_a, header)\n", SEAL_MPIT),
         ("\nAlice -> Bob: pkt_a\n", "\nAlice -> Bob: mpit\n"),
         ("	got_b = AEAD_DEC(ki_b, n0, pkt_a, header)?\n	_ = HASH(got_b)\n	generates m_b\n"
          "	pkt_b = AEAD_ENC(kr_b, n0, m_b, header)\n",
          OPEN_MPIT + TAKE_MPIT),
         ("\nBob -> Alice: pkt_b\n", "\nBob -> Alice: cdn\n"),
         ("	got_a = AEAD_DEC(kr_a, n0, pkt_b, header)?\n	_ = HASH(got_a)\n",
          "	got_a = AEAD_DEC(kr_a, n0, cdn, header)?\n	_ = ASSERT(got_a, ends)?\n")],
        ok(M_A, IDENTITY, MPIT, CDN, FRESH_MPIT),
    )
    model(
        "dprp-answer", "dprp",
        "DPRP up to the RGI, against an outsider without the group secret: does he learn who\n"
        "Bob is, or the token, or have Alice take an RGI that is not Bob's answer to this DDE?\n"
        "(In dprp.vp the verdict on these would hang on how the session goes on.)",
        [cut("// Message 1: e", "principal Alice[\n	_ = HASH(token_a, gsta_ab)\n]\n\n")],
        ok(IDENTITY, TOKEN, RGI, FRESH_RGI),
    )
    model(
        "dprp-answer-control-nonce", "dprp-answer",
        "Control: the nonce of the DDE does not go into the key of the RGI, so one answer is\n"
        "good for all negotiations of these addresses.\n"
        "Needs two sessions.",
        [every(RGI_KEY, RGI_KEY.replace("nonce_a, ", ""), 2)],
        attack(RGI, FRESH_RGI),
    )
    model(
        "dprp-answer-control-clear", "dprp-answer",
        "Control: the RGI goes in the clear.",
        [(f"rgi = AEAD_ENC({RGI_KEY}, n0, CONCAT(token_b, gsta_b), nil)", "rgi = CONCAT(token_b, gsta_b)"),
         (f"	report_a = AEAD_DEC({RGI_KEY}, n0, rgi, nil)?\n", ""),
         ("SPLIT(report_a)?", "SPLIT(rgi)?")],
        attack(IDENTITY, TOKEN, RGI, FRESH_RGI), sessions=1,
    )
    model(
        "limit-dprp-replay", "dprp-answer",
        "Limit: Bob answers a replayed DDE. That he keeps nothing of it is about state, which\n"
        "is not modelled.\n"
        "Needs two sessions.",
        [], attack(DDE),
    )
    model(
        "dprp-control-session", "dprp",
        "Control: MPIT outside the session, under a key of the group and the nonce. Bob keeps\n"
        "nothing of a DDE, so he takes it again.\n"
        "Needs two sessions.",
        outside(),
        attack(MPIT, FRESH_MPIT),
    )


def outside():
    """MPIT is sealed by members for members, not in the session."""
    key = RGI_KEY.replace("l_rgi", "l_mpit")
    return [
        (SEAL_MPIT, "	knows public l_mpit\n" + SEAL_MPIT.replace("ki_a", key)),
        (OPEN_MPIT, "	knows public l_mpit\n" + OPEN_MPIT.replace("ki_b", key)),
    ]


TAKE_MPIT = """\
	nonce_m, ends_m, token_m, m_m = SPLIT(got_b)?
	_ = ASSERT(MAC(sec_b, CONCAT(nonce_m, ends_m)), token_m)?
	_ = HASH(m_m)
	cdn = AEAD_ENC(kr_b, n0, ends_m, header)
"""
# Whoever has the group secret can ask Bob for a token and learn who he is. So Bob does not look at
# the token, which only helps the attacker, and his identity is known; any RGI can then be made
# without him, and nothing is lost if the DDE of Alice comes to him as it is.
NO_TOKEN = [
    (TAKE_MPIT, "	_ = HASH(got_b)\n	cdn = AEAD_ENC(kr_b, n0, ends, header)\n"),
    ("\nAlice -> Bob: nonce_a, ends, slot_a\n", "\nAlice -> Bob: [nonce_a], [ends], [slot_a]\n"),
    ("	ggms = PUBKEY(gms)\n", "	ggms = PUBKEY(gms)\n	leaks gsta_b\n"),
]

BEFOREHAND = "// Known beforehand"
ADMITTED = """\
principal Carol[
	knows public l_adm
	knows private secret, gms, sta_c
	adm_c = SIGN(gms, CONCAT(l_adm, PUBKEY(sta_c)))
	leaks secret, sta_c, adm_c
]

"""


def dprp_member():
    model(
        "dprp-thief", "dprp",
        "DPRP: Carol has the group secret, but no admission of the server. May she answer in\n"
        "Bob's place, or make the MPIT of Alice, or have one taken again? (Bob takes an MPIT\n"
        "without looking at its token, which only helps her; for the rest see groups.py.)",
        [(BEFOREHAND, CAROL + BEFOREHAND), *NO_TOKEN],
        ok(M_A, MPIT, CDN, FRESH_MPIT),
    )
    model(
        "dprp-thief-control-admission", "dprp-thief",
        "Control: Alice does not verify the admission of whom the RGI names.",
        [(CHECK_ADMISSION, "")],
        attack(M_A, CDN), sessions=1,
    )
    compare = "	token_a, gsta_ab = SPLIT(report_a)?\n"
    model(
        "dprp-member", "dprp-thief",
        "DPRP: as dprp-thief.vp, but the server has admitted Carol with a key of her own, and\n"
        "Alice takes no RGI but one with Bob's identity. May Carol read the packet that Alice\n"
        "sends to Bob, or make the MPIT of Alice, or have one taken again? (The RGI need not be\n"
        "changed on the way: another one with his identity differs in the token alone.)",
        [(CAROL, ADMITTED),
         ("Bob -> Alice: [ggms]\n", "Bob -> Alice: [ggms], [gsta_b]\n"),
         ("\nBob -> Alice: rgi\n", "\nBob -> Alice: [rgi]\n"),
         (compare, compare + "	_ = ASSERT(gsta_ab, gsta_b)?\n")],
        ok(M_A, MPIT, CDN, FRESH_MPIT),
    )
    model(
        "dprp-member-control-session", "dprp-member",
        "Control: MPIT outside the session, under a key of the group and the nonce.",
        outside(),
        attack(M_A, MPIT), sessions=1,
    )
    model(
        "limit-dprp-member", "dprp",
        "Limit: a member on the way answers a DDE with its own identity, and gets the flow:\n"
        "what is at an ordinary address is known from the RGI alone. It also reads the RGI of\n"
        "another, and so the token, which is not bound to a member.",
        [(BEFOREHAND, ADMITTED + BEFOREHAND)],
        attack(M_A, IDENTITY, TOKEN, RGI), sessions=1,
    )
