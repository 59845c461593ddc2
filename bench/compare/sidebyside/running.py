"""What every command that measures in namespaces has around its work: root, one run at a time, an orderly stop.

Exit codes: 0 done, 1 something failed, 2 wrong command line, 130 interrupted.
"""

import contextlib
import fcntl
import os
import pathlib
import signal
import sys
import time

from .trouble import Trouble

DONE, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130
BUSY_LOAD = 0.5


def say(text: str) -> None:
    """One line of progress."""
    print(f"[{time.strftime('%H:%M:%S')}] {text}", file=sys.stderr, flush=True)


def choose(known: dict, names: list[str], without: list[str]) -> list:
    """The peers that were asked for, in the order of the table; `ValueError` says what is wrong."""
    for name in {*names, *without} - {"all"}:
        if name not in known:
            raise ValueError(f"There is no peer {name}.")
    if not names:
        chosen = [peer for peer in known.values() if not peer.optional]
    else:
        chosen = [peer for peer in known.values() if peer.name in names or "all" in names]
    chosen = [peer for peer in chosen if peer.name not in without]
    if not chosen:
        raise ValueError("Nothing is left to measure.")
    return chosen


def stop_in_order() -> None:
    """A signal interrupts once; what is under way is then taken down, undisturbed by more of them."""

    def interrupt(*_):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # What whoever started it chose to ignore (nohup) stays ignored.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, interrupt)


def need_root(command: str) -> None:
    if os.geteuid() != 0:
        raise Trouble("It makes network namespaces and devices, and needs root for that.", f"sudo {command} …")


def given_program(path: pathlib.Path | None) -> pathlib.Path | None:
    """The `kumi` that was given, if one was."""
    if path and not os.access(path, os.X_OK):
        raise Trouble(f"{path} is no program.", "Name a `kumi`, or leave --kumi out to build one.")
    return path.resolve() if path else None


def warn_when_busy(what_follows: str) -> None:
    if os.getloadavg()[0] > BUSY_LOAD:
        say(f"The machine is busy (load {os.getloadavg()[0]:.1f}): {what_follows}")


@contextlib.contextmanager
def alone(directory: pathlib.Path):
    """Two runs at once would measure each other."""
    with open(directory / "lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Trouble("Another run is under way.", "Wait for it, or end it.") from None
        yield


def install(peers: list, tools) -> None:
    """Brings all peers here; nothing is measured if one of them cannot be had."""
    failed = []
    for peer in peers:
        try:
            peer.install(tools)
            say(f"{peer.name}: version {peer.version(tools)}")
        except Trouble as trouble:
            say(f"{peer.name}: cannot be installed")
            failed.append(f"{peer.name}: {trouble} Or leave it out: --without {peer.name}")
    if failed:
        raise Trouble("Not everything can be installed, and nothing was measured.\n" + "\n".join(failed),
                      "each as said; what is installed already stays.")
