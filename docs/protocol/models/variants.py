"""The derived models: the question of each, its edits, the verdict of each query.

A model named `x-control-y` is model `x` with one deliberate fault `y`; a model
named `limit-y` shows an attack on the real protocol that the specification admits.
"""

from derive import (
    CHECK_INITIATOR, CHECK_RESPONDER, CURVE_KEYS, LATER, M_A, M_B, MATCH, P1, P2,
    PKT_A, PKT_B, PUBLIC_PSK, SECRET_PSK, at_start, cut, every, model, no_mix, weak_keys,
)


STATEMENTS = """\
	incep_%(x)s = CONCAT(groot_%(x)s, HASH(l_next, PUBKEY(next_%(x)s)))
	f_%(x)s = HASH(l_addr, incep_%(x)s)
	sig_%(x)s = SIGN(root_%(x)s, CONCAT(l_cert, f_%(x)s, gsta_%(x)s))
"""


def ok(*queries):
    return [f"PASS {q}" for q in queries]


def attack(*queries):
    return [f"FAIL {q}" for q in queries]


def define():
    base()
    later_leaks()
    early_leaks()
    broken_primitives()
    misbinding()
    downgrade()
    invite()
    rotation()
    limits()


def base():
    model(
        "base-control-unpinned", "base",
        "Control: the initiator does not compare the inception record with the address F\n"
        "that it wants to reach, so anybody's record and certificate will do.",
        [("	_ = ASSERT(HASH(l_addr, incep_b), f_b)?\n", ""),
         (CHECK_RESPONDER.splitlines(True)[2],
          "	_ = SIGNVERIF(groot_ab, CONCAT(l_cert, HASH(l_addr, incep_b), gsta_b), sig_b)?\n")],
        attack(M_A) + attack(P2), sessions=1,
    )
    model(
        "base-control-static", "base",
        "Control: the responder does not compare the certified static key with the one\n"
        "that the handshake proved, so a stranger may show Alice's certificate.",
        [("	_ = ASSERT(gsta_ba, s_b)?\n", "")],
        attack(M_B, PKT_A), sessions=1,
    )
    model(
        "known", "base",
        "As base.vp, but the initiator has the responder's certificate from an invite.\n"
        "The models below start from this one, which is cheaper to search.",
        [("Bob -> Alice: [f_b], incep_b, gsta_b, sig_b", "Bob -> Alice: [f_b], [gsta_b]"),
         (CHECK_RESPONDER, "")],
        ok(M_A, M_B, PKT_A, MATCH, P2, PKT_B), sessions=1,
    )
    model(
        "core", "known",
        "As known.vp, but Bob knows Alice's static key beforehand as well: the bare\n"
        "handshake, without certificates. The models about leaked keys start from it.",
        [("Alice -> Bob: [f_a]\n", "Alice -> Bob: [gsta_a]\n"),
         (STATEMENTS % {"x": "a"} + "	leaks incep_a, gsta_a, sig_a\n", ""),
         (STATEMENTS % {"x": "b"}, "	f_b = HASH(l_addr, groot_b)\n"),
         ("CONCAT(incep_a, gsta_a, sig_a, aead)", "aead"),
         ("	p1_b = AEAD_DEC", "	aead_b = AEAD_DEC"),
         ("	incep_ba, gsta_ba, sig_ba, aead_b = SPLIT(p1_b)?\n	groot_ba, _ = SPLIT(incep_ba)?\n", ""),
         (CHECK_INITIATOR, "	_ = ASSERT(gsta_a, s_b)?\n")],
        ok(M_A, M_B, PKT_A, MATCH, P2, PKT_B),
    )
    model(
        "skeleton", "core",
        "As core.vp, but without what ML-KEM and the matched field add: plain IKpsk2. The\n"
        "models about identities and the AEAD start from it, as they take the most search.",
        [("	generates e_a, dk_a\n", "	generates e_a\n"),
         ("	ek_a = PUBKEY(dk_a)\n", ""),
         ("	c_e1 = AEAD_ENC(k2_a, n0, ek_a, h1_a)\n	h2_a = HASH(h1_a, c_e1)\n", ""),
         ("	c_s = AEAD_ENC(k2_a, n1, gsta_a, h2_a)\n	h3_a = HASH(h2_a, c_s)\n",
          "	c_s = AEAD_ENC(k2_a, n0, gsta_a, h1_a)\n	h3_a = HASH(h1_a, c_s)\n"),
         ("\nAlice -> Bob: ge_a, c_e1, c_s, c_p1\n", "\nAlice -> Bob: ge_a, c_s, c_p1\n"),
         ("	ek_b = AEAD_DEC(k2_b, n0, c_e1, h1_b)?\n	h2_b = HASH(h1_b, c_e1)\n", ""),
         ("	s_b = AEAD_DEC(k2_b, n1, c_s, h2_b)?\n	h3_b = HASH(h2_b, c_s)\n",
          "	s_b = AEAD_DEC(k2_b, n0, c_s, h1_b)?\n	h3_b = HASH(h1_b, c_s)\n"),
         ("	generates e_b, r_b\n", "	generates e_b\n"),
         ("	kem_b, ct_b = KEM_ENCAP(ek_b, r_b)\n	c_kem = AEAD_ENC(k5_b, n0, ct_b, h5_b)\n"
          "	h6_b = HASH(h5_b, c_kem)\n	ck6_b, _ = HKDF(ck5_b, kem_b, nil)\n", ""),
         ("	ck7_b, k7_b = HKDF(ck6_b, se_b, nil)\n	c_match = AEAD_ENC(k7_b, n0, matched, h6_b)\n"
          "	h7_b = HASH(h6_b, c_match)\n", "	ck7_b, _ = HKDF(ck5_b, se_b, nil)\n"),
         ("h8_b = HASH(h7_b, th_b)", "h8_b = HASH(h5_b, th_b)"),
         ("\nBob -> Alice: ge_b, c_kem, c_match, c_p2\n", "\nBob -> Alice: ge_b, c_p2\n"),
         ("	ct_a = AEAD_DEC(k5_a, n0, c_kem, h5_a)?\n	kem_a = KEM_DECAP(dk_a, ct_a)\n"
          "	h6_a = HASH(h5_a, c_kem)\n	ck6_a, _ = HKDF(ck5_a, kem_a, nil)\n", ""),
         ("	ck7_a, k7_a = HKDF(ck6_a, se_a, nil)\n	matched_a = AEAD_DEC(k7_a, n0, c_match, h6_a)?\n"
          "	h7_a = HASH(h6_a, c_match)\n", "	ck7_a, _ = HKDF(ck5_a, se_a, nil)\n"),
         ("h8_a = HASH(h7_a, th_a)", "h8_a = HASH(h5_a, th_a)"),
         every("ck5_a, k5_a =", "ck5_a, _ =", 1), every("ck5_b, k5_b =", "ck5_b, _ =", 1)],
        ok(M_A, M_B, PKT_A, P2, PKT_B),
    )


def later_leaks():
    both = "root_%s, next_%s, sta_%s"
    statics = LATER % (both.replace("%s", "a"), both.replace("%s", "b"))
    model(
        "forward-secrecy", "core",
        "Forward secrecy: all long-term secrets of both ends (root, next root, static)\n"
        "leak after the session; the psk is public from the start.",
        [("\nqueries[", statics)],
        ok(M_A, M_B),
    )
    model(
        "forward-secrecy-control", "forward-secrecy",
        "Control: neither the ephemeral-ephemeral secret (ee) nor the ML-KEM secret goes\n"
        "into the keys, as in a protocol that uses static keys only.",
        no_mix(4, "ee") + no_mix(5, "kem"),
        attack(M_A, M_B), sessions=1,
    )
    model(
        "harvest", "core",
        "Harvest now, decrypt later: after the session every X25519 and Ed25519 secret,\n"
        "ephemerals included, can be computed from its public key; only ML-KEM stands.",
        [("\nqueries[", "\nphase[1]\n\nqueries[")] + weak_keys(CURVE_KEYS, " from phase 1"),
        ok(M_A, M_B),
    )
    model(
        "harvest-control", "harvest",
        "Control: the ML-KEM secret does not go into the keys.",
        no_mix(5, "kem"),
        attack(M_A, M_B), sessions=1,
    )


def early_leaks():
    model(
        "kci-initiator", "core",
        "Key compromise impersonation: the attacker has all long-term secrets of Alice\n"
        "and tries to pass for Bob towards Alice.",
        at_start("a"),
        ok(M_A, MATCH, P2, PKT_B), sessions=1,
    )
    model(
        "kci-initiator-control", "kci-initiator",
        "Control: es does not go into the keys, so nothing but ss proves the responder.",
        no_mix(1, "es"),
        attack(M_A, P2), sessions=1,
    )
    model(
        "kci-responder", "core",
        "Key compromise impersonation: the attacker has all long-term secrets of Bob and\n"
        "tries to pass for Alice towards Bob.",
        at_start("b"),
        ok(M_B, PKT_A), sessions=1,
    )
    model(
        "kci-responder-control", "kci-responder",
        "Control: se does not go into the keys, so nothing but ss proves the initiator.",
        no_mix(6, "se"),
        attack(M_B, PKT_A), sessions=1,
    )


MALLORY = """\
principal Mallory[
	knows public l_addr, l_cert
	knows private root_m, sta_m
	groot_m = PUBKEY(root_m)
	gsta_m = PUBKEY(sta_m)
	f_m = HASH(l_addr, groot_m)
	leaks root_m, sta_m
]

// The allow-lists"""


def broken_primitives():
    model(
        "classical", "core",
        "Hybrid: after the session the ML-KEM secrets and all long-term secrets leak;\n"
        "the X25519 ephemerals alone keep the session secret.",
        [("\nqueries[", LATER % ("root_a, next_a, sta_a, dk_a", "root_b, next_b, sta_b, r_b"))],
        ok(M_A, M_B),
    )
    model(
        "classical-control", "classical",
        "Control: ee does not go into the keys.",
        no_mix(4, "ee"), attack(M_A, M_B), sessions=1,
    )
    model(
        "ephemeral-leak", "core",
        "All ephemeral secrets of a session (X25519, ML-KEM) leak after it, or turn out to\n"
        "have come from a bad generator; the static-static secret (ss) still stands.",
        [("\nqueries[", LATER % ("e_a, dk_a", "e_b, r_b"))],
        ok(M_A, M_B),
    )
    model(
        "ephemeral-leak-control", "ephemeral-leak",
        "Control: ss does not go into the keys.",
        no_mix(2, "ss"), attack(M_A, M_B), sessions=1,
    )
    model(
        "group-quantum", "core",
        "A secret psk (a group, an invite) against an attacker outside the group who\n"
        "computes every X25519 and Ed25519 secret during the handshake.",
        [every(PUBLIC_PSK, SECRET_PSK, 2)] + weak_keys(CURVE_KEYS, ""),
        ok(M_A, M_B, PKT_A, P2, PKT_B), sessions=1,
    )
    model(
        "group-quantum-control", "group-quantum",
        "Control: the psk does not go into the keys.",
        [("HKDF(ck7_a, psk, nil)", "HKDF(ck7_a, nil, nil)"),
         ("HKDF(ck7_b, psk, nil)", "HKDF(ck7_b, nil, nil)")],
        attack(M_A, M_B, PKT_A), sessions=1,
    )


def misbinding():
    model(
        "misbinding-responder", "skeleton",
        "Unknown key share: Alice starts sessions with Bob and with Mallory, a real node\n"
        "that belongs to the attacker. May Mallory make Bob take what Alice meant for\n"
        "Mallory? (Two scenarios of one session each; without payload 1, which leaves more to\n"
        "the attacker.)",
        [("// The allow-lists", MALLORY.replace("	leaks", "	sig_m = SIGN(root_m, CONCAT(l_cert, gsta_m))\n	leaks")),
         ("	f_b = HASH(l_addr, groot_b)\n",
          "	f_b = HASH(l_addr, groot_b)\n	sig_b = SIGN(root_b, CONCAT(l_cert, gsta_b))\n"),
         ("[f_b], [gsta_b]\n",
          "[groot_b], [gsta_b], [sig_b]\nMallory -> Alice: [groot_m], [gsta_m], [sig_m]\n"),
         ("	generates e_a\n", "	knows public root_peer, g_peer, sig_peer\n"
          "	_ = SIGNVERIF(root_peer, CONCAT(l_cert, g_peer), sig_peer)?\n"
          "	f_peer = HASH(l_addr, root_peer)\n	generates e_a\n"),
         ("h0_a = HASH(protocol_name, prologue, f_b, gsta_b)",
          "h0_a = HASH(protocol_name, prologue, f_peer, g_peer)"),
         ("es_a = DH_KEX(gsta_b, e_a)", "es_a = DH_KEX(g_peer, e_a)"),
         ("ss_a = DH_KEX(gsta_b, sta_a)", "ss_a = DH_KEX(g_peer, sta_a)"),
         ("	c_p1 = AEAD_ENC(k3_a, n0, aead, h3_a)\n	h4_a = HASH(h3_a, c_p1)\n", ""),
         ("	aead_b = AEAD_DEC(k3_b, n0, c_p1, h3_b)?\n	h4_b = HASH(h3_b, c_p1)\n", ""),
         ("\nAlice -> Bob: ge_a, c_s, c_p1\n", "\nAlice -> Bob: ge_a, c_s\n"),
         every("aead_b", "aead", 2), ("h4_a", "h3_a"), ("h4_b", "h3_b"),
         cut("	generates m_b\n", "]\n\nscenarios[\n\tAlice[root_peer = groot_b, g_peer = gsta_b, sig_peer = sig_b]\n"
             "\tAlice[root_peer = groot_m, g_peer = gsta_m, sig_peer = sig_m]\n]\n\n")],
        ok(PKT_A), sessions=1,
    )
    model(
        "misbinding-responder-control", "misbinding-responder",
        "Control: the responder's key is not used (no es, no ss) and neither it nor F is in\n"
        "the transcript; only se authenticates, and it names no peer.",
        no_mix(1, "es") + no_mix(2, "ss")
        + [("HASH(protocol_name, prologue, f_peer, g_peer)", "HASH(protocol_name, prologue)"),
           ("HASH(protocol_name, prologue, f_b, gsta_b)", "HASH(protocol_name, prologue)")],
        attack(PKT_A), sessions=1,
    )
    model(
        "misbinding-initiator", "skeleton",
        "Unknown key share: Bob accepts Alice and Mallory, a real node that belongs to the\n"
        "attacker, who may certify any static key as its own, Alice's included. May Bob\n"
        "take Alice's session for Mallory's? (Two scenarios of one session each; the root\n"
        "key stands for the address.)",
        [("// The allow-lists", MALLORY),
         ("	gsta_a = PUBKEY(sta_a)\n",
          "	gsta_a = PUBKEY(sta_a)\n	sig_a = SIGN(root_a, CONCAT(l_cert, gsta_a))\n	leaks gsta_a, sig_a\n"),
         ("Alice -> Bob: [gsta_a]\n", "Alice -> Bob: [groot_a]\nMallory -> Bob: [groot_m]\n"),
         ("AEAD_ENC(k3_a, n0, aead, h3_a)", "AEAD_ENC(k3_a, n0, sig_a, h3_a)"),
         ("	h0_b = HASH", "	knows public root_peer\n	h0_b = HASH"),
         ("	aead_b = AEAD_DEC", "	sig_ba = AEAD_DEC"),
         ("	_ = ASSERT(gsta_a, s_b)?\n", "	_ = SIGNVERIF(root_peer, CONCAT(l_cert, s_b), sig_ba)?\n"),
         every("aead_b", "aead", 2),
         ("queries[", "scenarios[\n\tBob[root_peer = groot_a]\n\tBob[root_peer = groot_m]\n]\n\nqueries[")],
        ok(M_A, PKT_B), sessions=1,
    )
    model(
        "misbinding-initiator-control", "misbinding-initiator",
        "Control: payload 1 (the certificate) goes in the clear and outside the transcript.",
        [("	c_p1 = AEAD_ENC(k3_a, n0, sig_a, h3_a)\n", ""),
         ("Alice -> Bob: ge_a, c_s, c_p1\n", "Alice -> Bob: ge_a, c_s, sig_a\n"),
         ("h4_a = HASH(h3_a, c_p1)", "h4_a = HASH(h3_a, nil)"),
         ("	sig_ba = AEAD_DEC(k3_b, n0, c_p1, h3_b)?\n", ""),
         ("h4_b = HASH(h3_b, c_p1)", "h4_b = HASH(h3_b, nil)"),
         ("CONCAT(l_cert, s_b), sig_ba)", "CONCAT(l_cert, s_b), sig_a)")],
        attack(PKT_B), sessions=1,
    )


def downgrade():
    model(
        "downgrade", "skeleton",
        "Downgrade of the AEAD: Alice offers a strong and a weak one, strong first, and Bob\n"
        "takes the first. Each AEAD is named by a public key of a code breaker, and every\n"
        "traffic key is also sent encrypted to the name of the AEAD in use: whoever has\n"
        "broken that AEAD learns the key. The attacker has broken the weak one.",
        [("// The allow-lists", """\
principal Breaker[
	knows private x_strong, x_weak
	strong = PUBKEY(x_strong)
	weak = PUBKEY(x_weak)
	leaks x_weak
]

Breaker -> Alice: [strong], [weak]

// The allow-lists"""),
         every("header, aead, matched", "header, matched", 2),
         ("AEAD_ENC(k3_a, n0, aead, h3_a)", "AEAD_ENC(k3_a, n0, CONCAT(strong, weak), h3_a)"),
         ("	aead_b = AEAD_DEC(k3_b, n0, c_p1, h3_b)?\n",
          "	offer_b = AEAD_DEC(k3_b, n0, c_p1, h3_b)?\n	aead_b, _ = SPLIT(offer_b)?\n"),
         ("\nAlice -> Bob: pkt_a\n", "\nAlice -> Bob: pkt_a, broken_a\n"),
         ("	pkt_a = AEAD_ENC(ki_a, n0, m_a, header)\n",
          "	pkt_a = AEAD_ENC(ki_a, n0, m_a, header)\n	broken_a = PKE_ENC(aead_a, ki_a)\n"),
         cut("	generates m_b\n", "]\n\n")],
        ok(M_A), sessions=1,
    )
    model(
        "downgrade-control-offer", "downgrade",
        "Control: the offer goes in the clear and outside the transcript.",
        [("AEAD_ENC(k3_a, n0, CONCAT(strong, weak), h3_a)", "AEAD_ENC(k3_a, n0, nil, h3_a)"),
         ("Alice -> Bob: ge_a, c_s, c_p1\n", "Alice -> Bob: ge_a, c_s, c_p1, strong\n"),
         ("	offer_b = AEAD_DEC(k3_b, n0, c_p1, h3_b)?\n	aead_b, _ = SPLIT(offer_b)?\n",
          "	_ = AEAD_DEC(k3_b, n0, c_p1, h3_b)?\n"),
         every("aead_b", "strong", 2)],
        attack(M_A), sessions=1,
    )
    model(
        "downgrade-control-choice", "downgrade",
        "Control: the choice goes in the clear, outside payload 2 and the key derivation.",
        [("c_p2 = AEAD_ENC(k8_b, n0, aead_b, h8_b)", "c_p2 = AEAD_ENC(k8_b, n0, nil, h8_b)"),
         ("\nBob -> Alice: ge_b, c_p2\n", "\nBob -> Alice: ge_b, c_p2, aead_b\n"),
         ("	aead_a = AEAD_DEC(k8_a, n0, c_p2, h8_a)?\n", "	_ = AEAD_DEC(k8_a, n0, c_p2, h8_a)?\n"),
         ("CONCAT(l_transport, aead_b)", "l_transport"),
         ("CONCAT(l_transport, aead_a)", "l_transport"),
         ("PKE_ENC(aead_a, ki_a)", "PKE_ENC(aead_b, ki_a)")],
        attack(M_A), sessions=1,
    )


FOUND = "equivalence? f_a, joined"


def invite():
    model(
        "invite", "core",
        "Invite: Bob does not know Alice. She has his invite line with a secret, which\n"
        "gives a tag (slot in payload 1) and a psk. May a stranger without the secret get\n"
        "in, and is the address that Bob writes down (`joined`) that of Alice? (The\n"
        "inception record is the root key alone here.)",
        [every("	knows public n0, n1, header, aead, matched, psk\n",
               "	knows public n0, n1, header, aead, matched, l_tag, l_psk\n"
               "	knows private secret\n", 2),
         ("HKDF(ck7_a, psk, nil)", "HKDF(ck7_a, MAC(secret, l_psk), nil)"),
         ("HKDF(ck7_b, psk, nil)", "HKDF(ck7_b, MAC(secret, l_psk), nil)"),
         ("	gsta_a = PUBKEY(sta_a)\n",
          "	gsta_a = PUBKEY(sta_a)\n	f_a = HASH(l_addr, groot_a)\n"
          "	sig_a = SIGN(root_a, CONCAT(l_cert, f_a, gsta_a))\n	leaks groot_a, gsta_a, sig_a\n"),
         ("Alice -> Bob: [gsta_a]\n", ""),
         ("AEAD_ENC(k3_a, n0, aead, h3_a)",
          "AEAD_ENC(k3_a, n0, CONCAT(groot_a, sig_a, MAC(MAC(secret, l_tag), CONCAT(ge_a, f_b))), h3_a)"),
         ("	aead_b = AEAD_DEC(k3_b, n0, c_p1, h3_b)?\n",
          "	p1_b = AEAD_DEC(k3_b, n0, c_p1, h3_b)?\n"
          "	groot_ba, sig_ba, slot_b = SPLIT(p1_b)?\n"
          "	_ = ASSERT(MAC(MAC(secret, l_tag), CONCAT(ge_a, f_b)), slot_b)?\n"),
         ("	_ = ASSERT(gsta_a, s_b)?\n",
          "	_ = SIGNVERIF(groot_ba, CONCAT(l_cert, HASH(l_addr, groot_ba), s_b), sig_ba)?\n"),
         every("aead_b", "aead", 2),
         ("	_ = HASH(got_b)\n", "	_ = HASH(got_b)\n	joined = HASH(l_addr, groot_ba)\n")],
        ok(M_B, PKT_A, FOUND),
    )
    model(
        "invite-control-stranger", "invite",
        "Control: the psk does not go into the keys and the slot is not compared, so\n"
        "anybody joins.",
        [("MAC(secret, l_psk)", "nil", 2),
         ("	_ = ASSERT(MAC(MAC(secret, l_tag), CONCAT(ge_a, f_b)), slot_b)?\n", "")],
        attack(M_B, PKT_A, FOUND), sessions=1,
    )
    model(
        "invite-control-address", "invite",
        "Control: Bob writes down a root key that came beside message 1 in the clear, not\n"
        "the one that the certificate belongs to.",
        [("Alice -> Bob: ge_a, c_e1, c_s, c_p1\n", "Alice -> Bob: ge_a, c_e1, c_s, c_p1, groot_a\n"),
         ("joined = HASH(l_addr, groot_ba)", "joined = HASH(l_addr, groot_a)")],
        attack(FOUND), sessions=1,
    )


def rotation():
    model(
        "rotation", "core",
        "Rotation: Alice has gone over to her pre-committed next root; a thief has her old\n"
        "root. Bob knows her address F and that she has rotated (log position 1). May the\n"
        "thief make a rotation entry or a certificate of its own that Bob takes?",
        [("	gsta_a = PUBKEY(sta_a)\n", """\
	gsta_a = PUBKEY(sta_a)
	knows public l_rot
	gnext_a = PUBKEY(next_a)
	hash1_a = HASH(l_next, gnext_a)
	f_a = HASH(l_addr, groot_a, hash1_a)
	entry_a = SIGN(next_a, CONCAT(l_rot, f_a, gnext_a))
	sig_a = SIGN(next_a, CONCAT(l_cert, f_a, gsta_a))
	leaks root_a, gnext_a, entry_a, gsta_a, sig_a
"""),
         ("Alice -> Bob: [gsta_a]\n", "Alice -> Bob: [f_a]\n"),
         ("AEAD_ENC(k3_a, n0, aead, h3_a)",
          "AEAD_ENC(k3_a, n0, CONCAT(groot_a, hash1_a, gnext_a, entry_a, sig_a), h3_a)"),
         ("	aead_b = AEAD_DEC(k3_b, n0, c_p1, h3_b)?\n",
          "	p1_b = AEAD_DEC(k3_b, n0, c_p1, h3_b)?\n"
          "	groot_ba, hash1_ba, gnext_ba, entry_ba, sig_ba = SPLIT(p1_b)?\n"),
         ("	_ = ASSERT(gsta_a, s_b)?\n", """\
	knows public l_rot
	_ = ASSERT(HASH(l_addr, groot_ba, hash1_ba), f_a)?
	_ = ASSERT(HASH(l_next, gnext_ba), hash1_ba)?
	_ = SIGNVERIF(gnext_ba, CONCAT(l_rot, f_a, gnext_ba), entry_ba)?
	_ = SIGNVERIF(gnext_ba, CONCAT(l_cert, f_a, s_b), sig_ba)?
"""),
         every("aead_b", "aead", 2)],
        ok(M_B, PKT_A),
    )
    model(
        "rotation-control-commitment", "rotation",
        "Control: Bob does not compare the new root with the hash that the inception\n"
        "record committed to.",
        [("	_ = ASSERT(HASH(l_next, gnext_ba), hash1_ba)?\n", "")],
        attack(M_B, PKT_A), sessions=1,
    )
    model(
        "rotation-control-pin", "rotation",
        "Control: Bob still takes certificates of the root at position 0. The same attack\n"
        "works on a real verifier that has met nobody who knows of the rotation.",
        [("	_ = SIGNVERIF(gnext_ba, CONCAT(l_cert, f_a, s_b), sig_ba)?\n",
          "	_ = SIGNVERIF(groot_ba, CONCAT(l_cert, f_a, s_b), sig_ba)?\n"),
         ("	sig_a = SIGN(next_a, CONCAT(l_cert, f_a, gsta_a))\n",
          "	sig_a = SIGN(root_a, CONCAT(l_cert, f_a, gsta_a))\n")],
        attack(M_B, PKT_A), sessions=1,
    )


def limits():
    only_message1 = cut("	generates e_b, r_b\n", "	_ = HASH(h4_b, aead_b)\n]\n\n")
    model(
        "limit-replay", "core",
        "Limit: message 1 by itself can be replayed. The handshake cannot prevent it; the\n"
        "responder's stored number (section 3.1) does, which is state and not modelled.\n"
        "Needs two sessions.",
        [only_message1], attack(P1),
    )
    model(
        "limit-kci-message1", "kci-responder",
        "Limit: with Bob's static secret the attacker makes message 1 in Alice's name, as\n"
        "in every IK handshake. No packet follows from it (kci-responder.vp).",
        [only_message1], attack(P1), sessions=1,
    )
    model(
        "limit-quantum-now", "core",
        "Limit: an attacker who computes X25519 secrets during the handshake passes for\n"
        "either end if the psk is zero or known; post-quantum security is against\n"
        "recording only (harvest.vp), or needs a secret psk (group-quantum.vp).",
        weak_keys(CURVE_KEYS, ""), attack(M_A, M_B, PKT_A, P2), sessions=1,
    )
    model(
        "limit-stolen-invite", "invite",
        "Limit: whoever has the invite line and is first joins as himself.",
        [("	leaks groot_a, gsta_a, sig_a\n", "	leaks groot_a, gsta_a, sig_a, secret\n")],
        attack(PKT_A, FOUND), sessions=1,
    )
