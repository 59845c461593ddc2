"""The machine: what it is, how busy it has been, and the one setting of it that a run changes.

That setting is the list of congestion controls that a namespace may choose from. A run adds its own to
the list and takes it off again. Nothing else of the machine itself is touched.
"""

import os
import pathlib
import platform
import re
import time

from .trouble import Trouble

CONGESTION_CONTROL = "cubic"
_TICKS = os.sysconf("SC_CLK_TCK")
_ALLOWED = pathlib.Path("/proc/sys/net/ipv4/tcp_allowed_congestion_control")
_AVAILABLE = pathlib.Path("/proc/sys/net/ipv4/tcp_available_congestion_control")


def describe() -> dict:
    """What stands beside every result."""
    model = re.search(r"model name\s*:\s*(.*)", pathlib.Path("/proc/cpuinfo").read_text())
    return {
        "cores": os.cpu_count(),
        "cpu": model.group(1).strip() if model else platform.machine(),
        "kernel": platform.release(),
        "memory_gib": round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30, 1),
    }


def loadavg() -> str:
    """How many processes wanted to run in the last 1, 5 and 15 minutes."""
    return " ".join(f"{load:.2f}" for load in os.getloadavg())


def stamp() -> str:
    """Date and time, as in the names of the results."""
    return time.strftime("%Y-%m-%dT%H%MZ", time.gmtime())


def busy_s() -> float:
    """Seconds that all cores together have worked since the machine started."""
    names = ("user", "nice", "system", "idle", "iowait", "irq", "softirq")
    fields = pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    spent = dict(zip(names, map(int, fields)))
    return (sum(spent.values()) - spent["idle"] - spent["iowait"]) / _TICKS


def process_busy_s(pid: int) -> float:
    """Seconds that a process has worked; 0 when it is gone."""
    try:
        # The name stands in brackets and may hold anything.
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICKS


def process_rss_mib(pid: int) -> float:
    """Resident memory of a process; 0 when it is gone."""
    try:
        found = re.search(r"VmRSS:\s+(\d+) kB", pathlib.Path(f"/proc/{pid}/status").read_text())
    except OSError:
        return 0.0
    return int(found.group(1)) / 1024 if found else 0.0


class AllowedCongestion:
    """Lets namespaces choose `CONGESTION_CONTROL` for as long as it is entered.

    The default of the machine would decide the figures otherwise: one that paces its packets costs a
    bare cable four fifths of its rate."""

    def __enter__(self) -> "AllowedCongestion":
        if CONGESTION_CONTROL not in _AVAILABLE.read_text().split():
            raise Trouble(
                f"The kernel has no TCP congestion control named {CONGESTION_CONTROL}.",
                f"modprobe tcp_{CONGESTION_CONTROL}",
            )
        self._before = _ALLOWED.read_text().strip()
        if CONGESTION_CONTROL not in self._before.split():
            _ALLOWED.write_text(f"{self._before} {CONGESTION_CONTROL}")
        return self

    def __exit__(self, *_) -> None:
        _ALLOWED.write_text(self._before)
