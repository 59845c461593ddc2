"""What a peer of a cold start does beyond one of `bench/compare`."""

from sidebyside.peers import Peer
from sidebyside.trouble import Trouble


class NotCold(Trouble):
    """There was a session before anybody wanted one: nothing to measure."""


class Cold(Peer):
    """`start` makes it cold at both ends, ready for a first packet."""

    # It cannot wait for a first packet: `open` makes its session, and counts.
    by_hand = False
    # Where b answers; `prepare` returned it.
    target = ""
    # What stands below the tables about it.
    note = ""

    def need_cold(self, stage) -> None:
        """`NotCold` if there is a session already."""

    def open(self, stage) -> None:
        """Makes a session, where a first packet does not."""
