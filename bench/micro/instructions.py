"""Instructions for each operation of the binary `micro`, and the time of each.

Callgrind counts within `case::measured_turns` only, so neither what is prepared nor what is done once counts.
The same binary gives the same number, but for the handshake (its randomness is the library's own).

Limits: valgrind's processor has AES-NI and AVX2 and no AVX-512, so AWS-LC takes another way through AES-GCM than
on a processor that has it: there the instructions of the cipher are fewer. The rows `cipher` say how many are the
cipher's; all others of a packet are our own. The time is that of the real processor.
"""

import re
import subprocess

MEASURED = "*measured_turns*"


def output(*words):
    """What a command prints."""
    return subprocess.run([str(word) for word in words], check=True, capture_output=True, text=True).stdout


def count(micro, name, turns):
    """Instructions of so many turns of a case."""
    words = ["valgrind", "--tool=callgrind", f"--toggle-collect={MEASURED}", "--callgrind-out-file=/dev/null"]
    done = subprocess.run([*words, str(micro), "run", name, str(turns)], capture_output=True, text=True, check=False)
    found = re.search(r"Collected : (\d+)", done.stderr)
    if done.returncode != 0 or not found or int(found[1]) == 0:
        raise SystemExit(f"{name}: {done.stderr}")
    return int(found[1])


def measure(micro):
    """All cases, in order."""
    times = dict(line.split("\t") for line in output(micro, "time").splitlines())
    rows = []
    for line in output(micro, "list").splitlines():
        name, unit, per_turn, turns = line.split("\t")
        counted = count(micro, name, turns) / (int(turns) * int(per_turn))
        rows.append({"name": name, "unit": unit, "instructions": round(counted, 1), "ns": float(times[name])})
    return rows


def table(rows):
    """The same in Markdown."""
    lines = ["| operation | for each | instructions | ns (not reviewed) |", "|---|---|---:|---:|"]
    for row in rows:
        lines.append(f"| {row['name']} | {row['unit']} | {row['instructions']:,.0f} | {row['ns']:,.0f} |")
    return "\n".join(lines) + "\n"
