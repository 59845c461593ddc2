"""Debian packages: programs that measure and build are installed; peers are only unpacked.

A peer never becomes a part of the system: it would bring services that start at the next boot, and a newer
one may not fit at all. A private apt, with lists and archives in the cache of the tools, fetches its
package from the mirror that this machine's own apt uses, and `dpkg-deb` unpacks it into a directory there.
Dependencies are not followed: a peer names all packages that it needs, and `need_libraries` looks.
"""

import os
import pathlib
import re
import shutil
import subprocess
import time

from .bed import run
from .trouble import Trouble

APT_S = 600
LISTS_VALID_S = 24 * 3600
_KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
_QUIETLY = {"DEBIAN_FRONTEND": "noninteractive"}
_NICE = ["nice", "-n", "19"]


def install(packages: list[str], say) -> None:
    """Installs what is missing into the system: only programs without services."""
    missing = [package for package in packages if not _is_installed(package)]
    if not missing:
        return
    say(f"installing {' '.join(missing)}")
    argv = _NICE + ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing]
    try:
        run(argv, APT_S, env=_QUIETLY)
    except Trouble:
        run(_NICE + ["apt-get", "update", "-qq"], APT_S)
        run(argv, APT_S, env=_QUIETLY)


def need_libraries(program: pathlib.Path, libraries: pathlib.Path) -> None:
    """Looks that a program finds all shared libraries it was linked with."""
    said = run(["ldd", str(program)], env={"LD_LIBRARY_PATH": str(libraries)})
    if missing := re.findall(r"(\S+) => not found", said):
        raise Trouble(f"{program.name} needs {' '.join(missing)}, which this machine has not.",
                      "Install the packages that hold them.")


def library_dir(unpacked: pathlib.Path) -> pathlib.Path:
    """Where the shared libraries of an unpacked package are."""
    found = sorted((unpacked / "usr/lib").glob("*-linux-gnu*"))
    return found[0] if found else unpacked / "usr/lib"


def _is_installed(package: str) -> bool:
    asked = subprocess.run(["dpkg-query", "-W", "-f", "${Status}", package], capture_output=True, text=True)
    return "ok installed" in asked.stdout


class PrivateApt:
    """An apt of our own below `root`."""

    def __init__(self, root: pathlib.Path, say):
        self._root = root / "apt"
        self._unpacked = root / "unpacked"
        self._say = say

    def unpack(self, name: str, packages: list[str], suites: list[str]) -> pathlib.Path:
        """The newest of each package that these suites have, unpacked into one directory."""
        into = self._unpacked / name
        if not into.is_dir():
            self._say(f"unpacking {' '.join(packages)} of {' or '.join(suites)}")
            self._update()
            fresh = self._unpacked / f"{name}.partial"
            shutil.rmtree(fresh, ignore_errors=True)
            versions = [self._unpack_one(package, suites, fresh) for package in packages]
            (fresh / "version").write_text(versions[0])
            fresh.rename(into)
        return into

    def _unpack_one(self, package: str, suites: list[str], into: pathlib.Path) -> str:
        version = self._newest(package, suites)
        archives = self._root / "archives"
        for old in archives.glob(f"{package}_*.deb"):
            old.unlink()
        argv = ["sh", "-c", 'cd "$1" && exec nice -n 19 apt-get download -qq "$2"', "sh", str(archives), f"{package}={version}"]
        run(argv, APT_S, env=self._environment())
        into.mkdir(parents=True, exist_ok=True)
        for archive in archives.glob(f"{package}_*.deb"):
            run(["dpkg-deb", "-x", str(archive), str(into)], APT_S)
        return version

    def _newest(self, package: str, suites: list[str]) -> str:
        said = run(["apt-cache", "madison", package], env=self._environment())
        newest = ""
        for line in said.splitlines():
            _, version, source = (part.strip() for part in line.split("|"))
            if any(f" {suite}/" in source for suite in suites) and _is_newer(version, newest):
                newest = version
        if not newest:
            raise Trouble(f"Debian's {' and '.join(suites)} have no package {package}.",
                          "See whether the mirror of this machine's apt carries them.")
        return newest

    def _update(self) -> None:
        lists = self._root / "lists"
        if lists.is_dir() and time.time() - lists.stat().st_mtime < LISTS_VALID_S:
            return
        for directory in ("lists/partial", "cache/archives/partial", "etc/preferences.d", "etc/apt.conf.d", "archives"):
            (self._root / directory).mkdir(parents=True, exist_ok=True)
        (self._root / "status").touch()
        (self._root / "apt.conf").write_text(self._configuration())
        suites = ("bookworm", "bookworm-backports", "trixie", "trixie-backports")
        mirror = _mirror()
        lines = [f"deb [signed-by={_KEYRING}] {mirror} {suite} main\n" for suite in suites]
        (self._root / "etc/sources.list").write_text("".join(lines))
        run(_NICE + ["apt-get", "update", "-qq"], APT_S, env=self._environment())
        os.utime(lists)

    def _configuration(self) -> str:
        root = self._root
        return (
            f'Dir "{root}";\nDir::State "{root}";\nDir::State::lists "{root}/lists";\n'
            f'Dir::State::status "{root}/status";\nDir::Cache "{root}/cache";\nDir::Etc "{root}/etc";\n'
            f'APT::Architecture "{_architecture()}";\nAPT::Sandbox::User "root";\n'
            'Acquire::Languages "none";\n'
        )

    def _environment(self) -> dict:
        return {"APT_CONFIG": str(self._root / "apt.conf")}


def _architecture() -> str:
    return run(["dpkg", "--print-architecture"]).strip()


def _is_newer(version: str, than: str) -> bool:
    return not than or subprocess.run(["dpkg", "--compare-versions", version, "gt", than]).returncode == 0


def _mirror() -> str:
    """Where this machine's own apt finds Debian."""
    said = run(["apt-get", "indextargets", "--format", "$(REPO_URI) $(SUITE)", "Created-By: Packages", "Origin: Debian",
                "Label: Debian"])
    for line in said.splitlines():
        return line.split()[0].rstrip("/")
    raise Trouble("This machine's apt knows no mirror of Debian.", "apt-get update, on Debian 12")
