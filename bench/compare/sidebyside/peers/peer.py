"""What every peer says about itself.

A peer is installed once, prepared once for each run (keys, configuration: everything that a user does
once), and then started several times. The time from the first start to the first answer counts; what
`prepare` does does not.
"""

from __future__ import annotations

import enum
import typing

if typing.TYPE_CHECKING:
    from ..stage import Stage
    from ..tools import Tools

# Inside the tunnel, where a peer leaves the choice of addresses to its user.
INSIDE = {"a": "10.98.0.1", "b": "10.98.0.2"}
INSIDE_LEN = 24
# Of the tunnel's device, for peers that leave it to their user.
TUNNEL_MTU = 1420


class Kind(enum.Enum):
    BASELINE = "baseline"
    OTHER = "other"
    KUMIHIMO = "kumihimo"


class Peer:
    """One row."""

    name: str
    kind = Kind.OTHER
    # Of `bed`: direct, or with a place in the middle.
    shape = "direct"
    # Not in a run that names no peers.
    optional = False
    # One line for `--list` and the JSON.
    about: str

    def install(self, tools: Tools) -> None:
        """Brings its programs onto this machine, outside the system."""

    def version(self, tools: Tools) -> str:
        """Which one it is."""
        raise NotImplementedError

    def prepare(self, stage: Stage) -> str:
        """Makes keys and configuration; returns the address of b inside the tunnel."""
        raise NotImplementedError

    def start(self, stage: Stage) -> None:
        """Starts it at all places, by `stage.launch`, and sets up what it leaves to its user."""
        raise NotImplementedError

    def check(self, stage: Stage) -> None:
        """Looks that packages go the way that this row is about; `Trouble` if not."""

    def stopped(self, stage: Stage) -> None:
        """Removes what its processes leave behind outside the namespaces."""
