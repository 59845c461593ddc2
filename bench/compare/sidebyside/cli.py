"""The command line, and the order of a run: install all, measure one after the other, report.

Nothing is measured before everything is installed. A peer that fails makes the run fail; the others are
measured all the same, and what was measured is written. `--without` is the only way to leave one out.
"""

import argparse
import pathlib
import sys
import traceback

from . import machine, report, running
from .peers import ALL, Peer
from .running import DONE, FAILED, INTERRUPTED, USAGE, say
from .tools import COMPARE_DIR, Tools
from .trial import Extent, Trial
from .trouble import Trouble

RESULTS_DIR = COMPARE_DIR.parent / "results"
QUICK = Extent(secs=1, repeats=1, echoes=100, steps=5)

_ABOUT = """\
Measures Kumihimo beside other private networks and beside yardsticks, on this machine, in network
namespaces that it makes and removes. Needs root and Debian 12; installs what it lacks. Nothing is
measured before everything is installed. A peer that cannot be installed or does not answer makes the
run fail, unless --without leaves it out.
"""
_EXAMPLES = """\
Examples:
  bench/compare/run                               every peer but the optional ones, about 50 minutes
  bench/compare/run --quick                       the same in about 10 minutes, with coarse figures
  bench/compare/run kumihimo fwd-gsoaes veth      these only
  bench/compare/run --without softether           all but one, e.g. one that cannot be installed here
  bench/compare/run all --secs 10 --repeats 5     the optional ones, too, and longer
  bench/compare/run --install-only                fetch and build everything, measure nothing
  bench/compare/run kumihimo --kumi ./kumi --json /tmp/mine.json

The table goes to standard output, progress to standard error, JSON and a picture to bench/results/.
Exit codes: 0 done, 1 a peer or the run failed, 2 wrong command line, 130 interrupted.
"""


def main(words: list[str]) -> int:
    """Runs the command; returns its exit code."""
    options = _parser().parse_args(words)
    if options.list:
        print("\n".join(f"{peer.name:16} {'(optional) ' if peer.optional else ''}{peer.about}" for peer in ALL.values()))
        return DONE
    try:
        peers = _choose(options.peers, options.without)
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
    parser = argparse.ArgumentParser(prog="bench/compare/run", description=_ABOUT, epilog=_EXAMPLES,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("peers", nargs="*", metavar="PEER", help="what to measure; `all` is everything; every peer that is not optional if none is given")
    add("--without", action="append", default=[], metavar="PEER", help="leave this peer out; may be given several times")
    add("--secs", type=int, help="seconds of each TCP transfer (5 if not given)")
    add("--repeats", type=int, help="how often everything is measured; the median counts (3 if not given)")
    add("--quick", action="store_true", help="1 second, once, and fewer shots: shows that all works, and little more")
    add("--json", type=pathlib.Path, metavar="FILE", help="write here instead of bench/results/; the picture goes beside it")
    add("--kumi", type=pathlib.Path, metavar="FILE", help="measure this `kumi` instead of building one from this repository")
    add("--install-only", action="store_true", help="bring all programs here and stop")
    add("--list", action="store_true", help="show all peers")
    return parser


def _choose(names: list[str], without: list[str]) -> list[Peer]:
    return running.choose(ALL, names, without)


def _run(peers: list[Peer], options) -> int:
    running.need_root("bench/compare/run")
    tools = Tools(running.given_program(options.kumi), say)
    with running.alone(tools.root):
        tools.install()
        running.install(peers, tools)
        if options.install_only:
            say(f"everything is in {tools.root}")
            return DONE
        with machine.AllowedCongestion():
            return _measure(peers, tools, options)


def _measure(peers: list[Peer], tools: Tools, options) -> int:
    extent = _extent(options)
    document = {
        "date": machine.stamp(), "machine": machine.describe(), "congestion": machine.CONGESTION_CONTROL,
        "extent": vars(extent) | {"quick": options.quick}, "left_out": options.without, "rows": [],
    }
    running.warn_when_busy("the figures will be too low, and not comparable.")
    file = options.json or RESULTS_DIR / f"compare-{document['date']}.json"
    try:
        for number, peer in enumerate(peers, 1):
            say(f"{number} of {len(peers)}: {peer.name}, {peer.about}")
            document["rows"].append(_row(peer, tools, extent))
            say(report.line(document["rows"][-1]))
            picture = report.write(document, file)
    finally:
        if document["rows"]:
            print(f"{report.heading(document)}\n\n{report.table(document['rows'])}\n\n{report.ratio_table(document['rows'])}")
    say(f"kept in {file} and {picture}")
    failed = [row for row in document["rows"] if "failed" in row]
    for row in failed:
        print(f"FAILED: {row['peer']}: {row['failed']['cause']}\n    fix: {row['failed']['fix']}", file=sys.stderr)
    return FAILED if failed else DONE


def _extent(options) -> Extent:
    base = QUICK if options.quick else Extent(secs=5, repeats=3)
    return Extent(options.secs or base.secs, options.repeats or base.repeats, base.echoes, base.steps)


def _row(peer: Peer, tools: Tools, extent: Extent) -> dict:
    try:
        return Trial(peer, tools, extent, say).run()
    except Trouble as trouble:
        cause, fix = trouble.cause, f"{trouble.fix} Or leave it out: --without {peer.name}"
    except Exception as error:  # a defect here may not cost the rows of the others
        traceback.print_exc()
        cause, fix = f"{type(error).__name__}: {error}", "This is a defect of bench/compare; say so in an issue."
    say(f"{peer.name}: FAILED: {cause}")
    return {"peer": peer.name, "kind": peer.kind.value, "about": peer.about, "failed": {"cause": cause, "fix": fix}}
