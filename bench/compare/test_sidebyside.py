"""What can be tested without root, network or peers: `python3 -m unittest discover bench/compare`."""

import pathlib
import sys
import unittest
import xml.etree.ElementTree
from unittest import mock

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from sidebyside import bed, chart, cli, measure, peers, ratios, report  # noqa: E402
from sidebyside.trouble import Trouble  # noqa: E402


def row(name: str, kind: str, tcp: float = 2.0, udp: float = 100e3, p99: float = 5.0, **more) -> dict:
    rtt = {"avg": p99 / 2, "p99": p99, "lost": 0.0}
    return {
        "peer": name, "kind": kind, "version": "1", "tcp1_gbps": tcp, "tcp4_gbps": tcp, "tcp_reverse_gbps": tcp,
        "udp64_pps": udp, "flood_pps": udp / 2, "rtt_idle_ms": rtt, "rtt_load_ms": rtt, "first_answer_s": 0.02,
        "rss_idle_mib": 10.0, "rss_load_mib": 20.0, "cpu_peer_s_per_gbit": 0.5, "cpu_machine_s_per_gbit": 1.0,
        "cpu_places_s_per_gbit": {"a": 0.2, "b": 0.3}, **more,
    }


def failed(name: str) -> dict:
    return {"peer": name, "kind": "other", "failed": {"cause": "no answer\nmore", "fix": "look"}}


ROWS = [row("fwd-gsoaes", "baseline", tcp=8.0), row("kumihimo", "kumihimo", tcp=6.0, p99=2.0), row("nebula", "other", tcp=0.8, udp=160e3),
        row("gotatun", "other", tcp=1.2, p99=20.0), failed("softether")]


def find(what: str, against: str) -> ratios.Ratio:
    return next(found for found in ratios.compare(ROWS) if found.what == what and found.against == against)


class Ratios(unittest.TestCase):
    def test_best_peer_is_the_best_of_each_figure_and_no_yardstick(self):
        self.assertEqual(find("TCP, 1 stream (Gb/s)", "best peer (gotatun)").value, 5.0)
        self.assertEqual(find("UDP, 64 bytes (datagrams/s)", "best peer (nebula)").value, 100 / 160)

    def test_the_best_round_trip_is_the_shortest(self):
        self.assertEqual(find("RTT beside TCP, p99 (ms)", "best peer (nebula)").value, 2.0 / 5.0)

    def test_what_is_not_in_the_run_is_left_out(self):
        self.assertFalse([found for found in ratios.compare(ROWS) if "Bridge" in found.what or "softether" in found.against])
        self.assertEqual(ratios.compare([failed("kumihimo")]), [])

    def test_the_bridge_stands_against_both_ends(self):
        bridge = row("kumihimo-bridge", "kumihimo", cpu_places_s_per_gbit={"a": 0.2, "b": 0.3, "p": 0.1})
        self.assertAlmostEqual(ratios.compare([bridge])[-1].value, 0.2)


class Report(unittest.TestCase):
    DOCUMENT = {"date": "2026-11-26T0000Z", "machine": {"cores": 2, "cpu": "A & B", "kernel": "6"}, "congestion": "cubic",
                "extent": {"secs": 1, "repeats": 1}, "rows": ROWS}

    def test_every_line_has_as_many_cells(self):
        lines = report.table(ROWS).splitlines()
        self.assertEqual({line.count("|") for line in lines}, {lines[0].count("|")})
        self.assertIn("FAILED: no answer", lines[-1])

    def test_the_picture_is_whole_and_has_a_bar_for_each_figure(self):
        picture = chart.draw(self.DOCUMENT)
        tree = xml.etree.ElementTree.fromstring(picture)
        bars = tree.findall("{http://www.w3.org/2000/svg}rect")
        self.assertEqual(len(bars), 1 + 4 * 5)


class PacedRate(unittest.TestCase):
    """The search against a tunnel that is simulated: what it carries, it carries without loss."""

    def search(self, carries: float, sender: float = 1e9, steps: int = 12) -> float:
        def shot(_stage, _target, rate, seconds):
            sent = min(rate, sender) * seconds
            return sent, sent if sent <= carries * seconds else carries * seconds, 0.0

        with mock.patch.object(measure, "udp_shot", shot):
            return measure.udp_rate(None, "10.0.0.1", carries, steps)

    def test_it_comes_close_from_below(self):
        for carries in (30_000, 150_000, 400_000):
            self.assertAlmostEqual(self.search(carries), carries, delta=0.011 * carries)

    def test_it_does_not_believe_a_sender_that_cannot_keep_up(self):
        self.assertLessEqual(self.search(200_000, sender=90_000), 90_000)

    def test_nothing_carried_is_nothing(self):
        self.assertEqual(self.search(0), 0.0)


class CommandLine(unittest.TestCase):
    def test_optional_peers_are_measured_when_they_are_named(self):
        names = lambda *words: [peer.name for peer in cli._choose(*words)]  # noqa: E731
        self.assertNotIn("openvpn", names([], []))
        self.assertIn("openvpn", names(["all"], []))
        self.assertEqual(names(["openvpn", "veth"], []), ["veth", "openvpn"])
        self.assertNotIn("nebula", names([], ["nebula"]))

    def test_unknown_names_are_refused(self):
        for words in ((["nobody"], []), ([], ["nobody"]), (["veth"], ["veth"])):
            with self.assertRaises(ValueError):
                cli._choose(*words)

    def test_every_peer_says_what_it_is(self):
        for peer in peers.ALL.values():
            self.assertTrue(peer.about and peer.shape in bed._CABLES and isinstance(peer.kind, peers.Kind))

    def test_a_command_that_is_missing_has_a_remedy(self):
        with self.assertRaises(Trouble) as caught:
            bed.run(["kumihimo-no-such-program"])
        self.assertIn("Install it", caught.exception.fix)


if __name__ == "__main__":
    unittest.main()
