"""The command line, and the order of a run: install all, prepare all, measure in turns, report.

What was measured is written and printed when a run is interrupted, too.
"""

import argparse
import pathlib
import sys

from sidebyside import debian, machine, running
from sidebyside.running import DONE, FAILED, INTERRUPTED, USAGE, say
from sidebyside.stage import Stage
from sidebyside.tools import Tools
from sidebyside.trouble import Trouble

from . import breakdown, lan, report, shot
from .many import Many
from .peers import ALL
from .rounds import WARM, Rounds

HERE = pathlib.Path(__file__).resolve().parent.parent
RESULTS_DIR = HERE.parent / "results"
PACKAGES = ["iproute2", "procps", "nftables", "gcc", "libc6-dev"]
ROUNDS = 20

_ABOUT = """\
Measures cold starts: from the first packet between two hosts on a LAN that have no session to the first
answer, beside warm answers, for Kumihimo in site mode and for others, in turns, on this machine, in network
namespaces that it makes and removes. Needs root and Debian 12; installs what it lacks. A peer that cannot be
installed or does not answer makes the run fail, unless --without leaves it out.
"""
_EXAMPLES = """\
Examples:
  bench/coldstart/run                             every peer, 20 rounds, about 4 minutes
  bench/coldstart/run --rounds 3                  shows that all works, and little more
  bench/coldstart/run kumihimo wireguard-go veth  these only
  bench/coldstart/run --without strongswan        all but one
  bench/coldstart/run --many 10000                only Kumihimo, host to host: counts what is lost; Ctrl-C keeps what was counted
  bench/coldstart/run --install-only              fetch and build everything, measure nothing
  bench/coldstart/run --kumi target/release/kumi --json /tmp/mine.json

Tables go to standard output, progress to standard error, JSON to bench/results/.
Exit codes: 0 done, 1 a peer or the run failed, 2 wrong command line, 130 interrupted.
"""


def main(words: list[str]) -> int:
    """Runs the command; returns its exit code."""
    options = _parser().parse_args(words)
    if options.list:
        print("\n".join(f"{peer.name:16} {peer.about}" for peer in ALL.values()))
        return DONE
    try:
        peers = _choose(options)
    except ValueError as error:
        print(f"{error}\n    known: {' '.join(ALL)}", file=sys.stderr)
        return USAGE
    running.stop_in_order()
    try:
        return _run(peers, options)
    except Trouble as trouble:
        print(f"FAILED: {trouble}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        say("interrupted; everything that was made is removed")
        return INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench/coldstart/run", description=_ABOUT, epilog=_EXAMPLES,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("peers", nargs="*", metavar="PEER", help="what to measure; every peer if none is given")
    add("--without", action="append", default=[], metavar="PEER", help="leave this peer out; may be given several times")
    add("--rounds", type=_count, default=ROUNDS, metavar="N", help=f"how often everything is measured ({ROUNDS} if not given)")
    add("--many", type=_count, metavar="N", help="instead: N cold starts of kumihimo alone, and what was lost in them")
    add("--json", type=pathlib.Path, metavar="FILE", help="write here instead of bench/results/")
    add("--kumi", type=pathlib.Path, metavar="FILE", help="measure this `kumi` instead of building one from this repository")
    add("--install-only", action="store_true", help="bring all programs here and stop")
    add("--list", action="store_true", help="show all peers")
    return parser


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a number from 1 on")
    return int(text)


def _choose(options) -> list:
    if options.many and (options.peers or options.without):
        raise ValueError("--many measures kumihimo alone: name no peers with it.")
    return running.choose(ALL, ["kumihimo"] if options.many else options.peers, options.without)


def _run(peers: list, options) -> int:
    running.need_root("bench/coldstart/run")
    tools = Tools(running.given_program(options.kumi), say)
    with running.alone(tools.root):
        debian.install(PACKAGES, say)
        # Bound at its start: a first call must not look for a function in a library.
        program = tools.compile(HERE / "c/cold.c", ["-Wl,-z,now"])
        running.install(peers, tools)
        if options.install_only:
            say(f"everything is in {tools.root}")
            return DONE
        running.warn_when_busy("the figures will be too high, and not comparable.")
        with machine.AllowedCongestion(), Stage(lan.SHAPE, tools) as stage:
            lan.ready(stage, program)
            return (_many if options.many else _rounds)(peers, stage, program, options)


def _rounds(peers: list, stage: Stage, program, options) -> int:
    document = _document() | {"rounds": options.rounds, "warm": WARM, "settle_s": shot.SETTLE_S, "left_out": options.without}
    file = options.json or RESULTS_DIR / f"coldstart-{document['date']}.json"
    rounds = Rounds(peers, stage, program, say)
    document |= {"rows": rounds.rows, "delivery": rounds.delivery, "breakdown": []}
    try:
        rounds.prepare()
        rounds.run(options.rounds)
        for name in report.OURS:
            if rounds.works(name):
                document["breakdown"].append(breakdown.measure(stage, program, name, say))
    finally:
        if any(row["udp"] for row in document["rows"]):
            report.write(document, file)
            print(report.rounds(document))
            say(f"kept in {file}")
    return _failures(document["rows"])


def _failures(rows: list[dict]) -> int:
    failed = [row for row in rows if "failed" in row]
    for row in failed:
        print(f"FAILED: {row['peer']}: {row['failed']['cause']}\n    fix: {row['failed']['fix']}", file=sys.stderr)
    return FAILED if failed else DONE


def _many(peers: list, stage: Stage, program, options) -> int:
    (site,) = peers
    document = _document() | {"wanted": options.many, "version": site.version(stage.tools)}
    file = options.json or RESULTS_DIR / f"coldstart-many-{document['date']}.json"
    many = Many(site, stage, program, say)
    try:
        many.run(options.many)
    finally:
        document["many"] = many.document()
        if many.done:
            report.write(document, file)
            print(report.many(document))
            say(f"kept in {file}")
    return FAILED if many.lost or many.retransmitted or many.failed else DONE


def _document() -> dict:
    return {"date": machine.stamp(), "machine": machine.describe(), "congestion": machine.CONGESTION_CONTROL, "loadavg": machine.loadavg()}
