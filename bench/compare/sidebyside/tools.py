"""The programs of a run: where they are kept, and how those that measure come to be.

All of it lies in `kumihimo-compare` in the user's cache directory, and may be removed at any time.
"""

import os
import pathlib

from . import debian
from .bed import run
from .crates import Crates

COMPARE_DIR = pathlib.Path(__file__).resolve().parent.parent
REPO_DIR = COMPARE_DIR.parent.parent
MEASURING_PACKAGES = ["iperf3", "iputils-ping", "iproute2", "procps", "nftables", "gcc", "libc6-dev", "libssl-dev"]
_C_PROGRAMS = {"forwarder": ["-lcrypto", "-lpthread"], "probe": []}


class Tools:
    """Where the programs are."""

    def __init__(self, kumi: pathlib.Path | None, say):
        cache = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
        self.root = pathlib.Path(cache) / "kumihimo-compare"
        self.root.mkdir(parents=True, exist_ok=True)
        self.kumi_given = kumi
        self.say = say
        self.apt = debian.PrivateApt(self.root, say)
        self.crates = Crates(self.root, REPO_DIR, say)
        self.forwarder = self.root / "bin/forwarder"
        self.probe = self.root / "bin/probe"

    def install(self) -> None:
        """Everything that measures."""
        debian.install(MEASURING_PACKAGES, self.say)
        for name, libraries in _C_PROGRAMS.items():
            self.compile(COMPARE_DIR / f"c/{name}.c", libraries)

    def compile(self, source: pathlib.Path, libraries: list[str]) -> pathlib.Path:
        """A program of one file in C; returns where it is."""
        program = self.root / "bin" / source.stem
        if program.exists() and program.stat().st_mtime > source.stat().st_mtime:
            return program
        program.parent.mkdir(exist_ok=True)
        run(["gcc", "-O2", "-Wall", "-Wextra", "-Werror", "-o", str(program), str(source), *libraries], seconds=120)
        return program
