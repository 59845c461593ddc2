"""Programs built from crates of the Rust registry, in a target directory of their own.

One crate at a time, at the lowest priority. Whoever wants fewer compilers at once sets
`CARGO_BUILD_JOBS`. A build that takes longer than `BUILD_S` is ended and counts as failed.
"""

import os
import pathlib
import shutil
import signal
import subprocess

from .trouble import Trouble, last_lines

BUILD_S = 25 * 60


class Crates:
    """Programs below `root`, each of the version that was asked for."""

    def __init__(self, root: pathlib.Path, toolchain_dir: pathlib.Path, say):
        self._root = root / "crates"
        self._build = root / "cargo-build"
        # Where cargo runs decides which compiler it takes: that of Kumihimo itself.
        self._toolchain_dir = toolchain_dir
        self._say = say

    def install(self, program: str, crate: str, version: str, env: dict | None = None) -> pathlib.Path:
        """Builds and installs a program, if that version is not there."""
        path = self._root / "bin" / program
        mark = self._root / f"{program}.version"
        if path.exists() and mark.exists() and mark.read_text() == version:
            return path
        self._say(f"building {crate} {version}, for which it has {BUILD_S // 60} minutes")
        self._root.mkdir(parents=True, exist_ok=True)
        log = self._root / f"{crate}.log"
        argv = ["nice", "-n", "19", "cargo", "install", "--locked", "--force", "--root", str(self._root),
                "--target-dir", str(self._build), "--version", version, crate]
        self._cargo(argv, log, {"CARGO_NET_RETRY": "3", **(env or {})})
        mark.write_text(version)
        shutil.rmtree(self._build, ignore_errors=True)
        return path

    def _cargo(self, argv: list[str], log: pathlib.Path, env: dict) -> None:
        if not shutil.which("cargo"):
            raise Trouble("There is no cargo.", "Install Rust by rustup.")
        with open(log, "wb") as out:
            build = subprocess.Popen(argv, cwd=self._toolchain_dir, stdin=subprocess.DEVNULL, stdout=out,
                                     stderr=subprocess.STDOUT, start_new_session=True, env={**os.environ, **env})
            try:
                code = build.wait(BUILD_S)
            except subprocess.TimeoutExpired:
                raise Trouble(f"`{' '.join(argv[3:])}` did not end within {BUILD_S // 60} minutes.",
                              f"Run it by hand in {self._toolchain_dir}; what was built so far is kept.") from None
            finally:
                _end_group(build)
        if code:
            raise Trouble(f"`{' '.join(argv[3:])}` ended with {code}:\n{last_lines(log.read_text(errors='replace'))}",
                          f"Read {log}.")


def _end_group(build: subprocess.Popen) -> None:
    """Ends a build and the compilers it started: all of one session, which is this one's own."""
    if build.poll() is None:
        os.killpg(build.pid, signal.SIGTERM)
        build.wait()
