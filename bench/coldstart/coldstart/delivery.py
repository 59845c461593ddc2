"""How long a node waits for its group's credentials, from the server on the same LAN.

| figure | from … to |
|---|---|
| `join_ms` | the time that `kumi join` itself tells on a fresh machine: from the use of its line until it is a member |
| `restart_ms` | `kumi up` run at a member that has no session, until its log says that its groups are current |
| `restart_ready_ms` | of that: from when its log says that the node is ready |
"""

import datetime
import time

from sidebyside.stage import Stage
from sidebyside.trouble import Trouble

from .site import Site

READY, CURRENT = "ready address=", "groups current"


def measure(site: Site, stage: Stage, number: int) -> dict:
    """Both, once. Nothing of the peer runs before or afterwards."""
    try:
        return {"join_ms": _join(site, stage, number), **_restart(site, stage)}
    finally:
        stage.stop()


def _join(site: Site, stage: Stage, number: int) -> float:
    fresh = site.fresh(stage, f"fresh{number}")
    fresh.start_nodes(stage, ["a"], joined=False)
    told = fresh.join(stage, "a", fresh.invite(stage, fresh.name, []))
    stage.halt()
    return told["took_ms"]


def _restart(site: Site, stage: Stage) -> dict:
    log = site.state(stage, "a") / "log"
    before = log.stat().st_size if log.exists() else 0
    begun = time.time()
    stage.run("a", site.argv(stage, "a", ["up", "--no-invite"]))
    site.wait_joined(stage, ["a"])
    ready, current = read_log(stage.wait_for("line in the log of a", lambda: _if_current(log.read_text()[before:])))
    stage.run("a", site.argv(stage, "a", ["down"]))
    return {"restart_ms": round((current - begun) * 1e3, 3), "restart_ready_ms": round((current - ready) * 1e3, 3)}


def _if_current(text: str) -> str:
    return text if CURRENT in text else ""


def read_log(text: str) -> tuple[float, float]:
    """When the node was ready, and when its groups were current: seconds since 1970."""
    times = {}
    for line in text.splitlines():
        for what in (READY, CURRENT):
            if what in line and what not in times:
                times[what] = datetime.datetime.fromisoformat(line.split()[0]).timestamp()
    if len(times) < 2:
        raise Trouble(f"The log of a node lacks `{READY}` or `{CURRENT}`:\n{text[-400:]}", "See what its lines are called now.")
    return times[READY], times[CURRENT]
