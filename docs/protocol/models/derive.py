#!/usr/bin/env python3
"""Writes the derived models next to base.vp.

Every model is base.vp with a few named edits, so that what differs between two
models, and what exactly a negative control breaks, stands here and nowhere else.
An edit whose old text is not found exactly once is an error.

    derive.py           write the models
    derive.py --check   fail if a file differs from what would be written
    derive.py --show M  print the edits that make model M
"""

import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent

# Pieces of base.vp that several models change.
CHECK_RESPONDER = """\
	groot_ab, _ = SPLIT(incep_b)?
	_ = ASSERT(HASH(l_addr, incep_b), f_b)?
	_ = SIGNVERIF(groot_ab, CONCAT(l_cert, f_b, gsta_b), sig_b)?
"""
CHECK_INITIATOR = """\
	_ = ASSERT(HASH(l_addr, incep_ba), f_a)?
	_ = SIGNVERIF(groot_ba, CONCAT(l_cert, f_a, gsta_ba), sig_ba)?
	_ = ASSERT(gsta_ba, s_b)?
"""
PUBLIC_PSK = "	knows public n0, n1, header, aead, matched, psk\n"
SECRET_PSK = "	knows public n0, n1, header, aead, matched\n	knows private psk\n"
C, A = "confidentiality? ", "authentication? "
M_A, M_B = C + "m_a", C + "m_b"
PKT_A, PKT_B = A + "Alice -> Bob: pkt_a", A + "Bob -> Alice: pkt_b"
MATCH, P2 = A + "Bob -> Alice: c_match", A + "Bob -> Alice: c_p2"
P1 = A + "Alice -> Bob: c_p1"


def every(old, new, count):
    """An edit of `count` places at once (both ends compute the same value)."""
    return (old, new, count)


CUT = -1


def cut(start, new):
    """Replaces everything from `start` up to the queries."""
    return (start, new, CUT)


def no_mix(step, value):
    """Leaves one secret out of the key schedule of both ends."""
    out = []
    for end in ("a", "b"):
        old = f"HKDF(ck{step}_{end}, {value}_{end}, nil)"
        out.append((old, f"HKDF(ck{step}_{end}, nil, nil)"))
    return out


def at_start(end):
    """The static secret of one end is known from the start."""
    old = f"	gsta_{end} = PUBKEY(sta_{end})\n"
    return [(old, old + f"	leaks sta_{end}\n")]


def weak_keys(names, since):
    """Public keys whose secret can be computed from phase `since` on."""
    out = []
    for name, secret in names:
        out.append((f"	{name} = PUBKEY({secret})", f"	{name} = PUBKEY[weak{since}]({secret})"))
    return out


LATER = """
phase[1]

principal Alice[
	leaks %s
]

principal Bob[
	leaks %s
]

queries["""

CURVE_KEYS = [
    ("gsta_a", "sta_a"), ("gsta_b", "sta_b"), ("ge_a", "e_a"), ("ge_b", "e_b"),
    ("groot_a", "root_a"), ("groot_b", "root_b"),
]

MODELS = {}


def model(name, origin, text, edits, expect, sessions=2):
    MODELS[name] = (origin, text, edits, expect, sessions)


def build(name):
    """The text of a model after its edits, without the header."""
    if name == "base":
        text = (HERE / "base.vp").read_text()
        return text[text.index("attacker["):]
    origin, _, edits, expect, _ = MODELS[name]
    text = build(origin)
    for edit in edits:
        old, new, count = edit if len(edit) == 3 else (*edit, 1)
        if count == CUT:
            old, count = text[text.index(old):text.rindex("queries[")], 1
        if text.count(old) != count:
            sys.exit(f"{name}: found {text.count(old)} times, not {count}:\n{old}")
        text = text.replace(old, new)
    queries = "".join(f"\t{q.split(' ', 1)[1]}\n" for q in expect)
    return text[: text.rindex("queries[")] + "queries[\n" + queries + "]\n"


def render(name):
    origin, text, _, expect, sessions = MODELS[name]
    lines = text.strip().split("\n")
    lines += ["", f"Made from {origin}.vp by derive.py; change it there.", ""]
    lines += [f"Sessions: {sessions}"] + [f"Expect: {q}" for q in expect]
    return "".join(f"// {l}".rstrip() + "\n" for l in lines) + "\n" + build(name)


def main():
    import bridges
    import groups
    import variants

    variants.define()
    bridges.define()
    groups.define()
    arg = sys.argv[1:]
    if arg[:1] == ["--show"]:
        origin, _, edits, _, _ = MODELS[arg[1]]
        print(f"{arg[1]} is {origin} with:")
        for edit in edits:
            print("--- old\n" + edit[0] + "\n+++ new\n" + edit[1])
        return
    stale = []
    for name in MODELS:
        path, text = HERE / f"{name}.vp", render(name)
        if arg[:1] == ["--check"]:
            if not path.exists() or path.read_text() != text:
                stale.append(path.name)
        else:
            path.write_text(text)
    if stale:
        sys.exit("not what derive.py writes: " + ", ".join(stale))


if __name__ == "__main__":
    sys.modules["derive"] = sys.modules["__main__"]
    main()
