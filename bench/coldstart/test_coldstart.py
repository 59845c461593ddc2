"""What can be tested without root, network or peers: `python3 -m unittest discover bench/coldstart`."""

import pathlib
import struct
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "compare")]

from coldstart import breakdown, cli, delivery, ear, figures, lan, many, report, shot, vici  # noqa: E402
from coldstart.breakdown import Packet  # noqa: E402
from coldstart.peers import ALL  # noqa: E402
from sidebyside import bed  # noqa: E402
from sidebyside.trouble import Trouble  # noqa: E402

ADDRESSES = {"a": "192.0.2.1", "b": "192.0.2.2"}


def found(cold: float | None, warm: float | None = 0.3, again: int = 0) -> dict:
    return {"cold_ms": cold, "warm_ms": warm, "by_hand_ms": 0.0, "retransmitted": again, "warm_all_ms": []}


def row(name: str, *cold: float | None, **more) -> dict:
    rounds = [found(one) for one in cold]
    return {"peer": name, "kind": ALL[name].kind.value, "note": "", "version": "1", "udp": rounds, "tcp": rounds, **more}


class Figures(unittest.TestCase):
    def test_percentile_is_one_of_the_values(self):
        self.assertEqual(figures.percentile([3.0, 1.0, 2.0], 0.95), 3.0)
        self.assertEqual(figures.percentile([float(i) for i in range(1, 101)], 0.95), 95.0)
        self.assertEqual(figures.percentile([7.0], 0.5), 7.0)

    def test_a_lost_first_one_counts_as_lost_and_not_as_a_time(self):
        of = figures.of_rounds([found(2.0), found(None, again=1), found(4.0)])
        self.assertEqual((of["cold_ms"]["median"], of["cold_ms"]["count"], of["lost"], of["retransmitted"]), (3.0, 2, 1, 1))
        self.assertEqual(figures.of_rounds([found(None, None)])["cold_ms"], None)

    def test_the_limit_is_of_warm_and_cable(self):
        self.assertAlmostEqual(figures.limit_ms(0.2, 0.1), 0.91)


class Shots(unittest.TestCase):
    def test_reads_what_the_client_prints(self):
        one = shot.read("first 1500000\nwarm 300000 200000 250000\nretransmitted 2\n")
        self.assertEqual(one.row(by_hand_ms=1.0) | {"warm_all_ms": []}, found(2.5, 0.25, 2) | {"by_hand_ms": 1.0})
        self.assertIsNone(shot.read("first lost\nwarm\nretransmitted 0\n").first_ms)

    def test_anything_else_is_trouble(self):
        for said in ("", "first\nwarm\nretransmitted 0\n", "usage"):
            with self.assertRaises(Trouble):
                shot.read(said)


class Vici(unittest.TestCase):
    def test_a_tree_is_encoded_as_the_protocol_has_it(self):
        self.assertEqual(vici.encode({"k": "v", "s": {"l": ["x", "yz"]}}),
                         b"\x03\x01k\x00\x01v" b"\x01\x01s" b"\x04\x01l" b"\x05\x00\x01x" b"\x05\x00\x02yz" b"\x06" b"\x02")

    def test_answers_are_read_back(self):
        said = {"success": "no", "errmsg": "peer config is missing"}
        self.assertEqual(vici.values(vici.encode(said)), said)


class Breakdown(unittest.TestCase):
    def packets(self) -> dict[str, list[Packet]]:
        """A start in which everything happens, 100 µs apart."""
        a, b, target = ADDRESSES["a"], ADDRESSES["b"], ADDRESSES["b"]
        inner_out = (a, target, 17, 40000, shot.PORT, 0, 64)
        inner_back = (target, a, 17, shot.PORT, 40000, 0, 64)

        def wire(source, destination, first, length):
            return (source, destination, 17, 4649, 4649, first, length)

        story = [
            ("a", "kumi0", True, inner_out), ("a", "cable0a", True, wire(a, b, 6, 1200)), ("a", "cable0a", False, wire(b, a, 7, 340)),
            ("a", "cable0a", True, wire(a, b, 1, 1200)), ("a", "cable0a", True, wire(a, b, 1, 1200)),
            ("a", "cable0a", True, wire(a, "192.0.2.3", 4, 85)), ("a", "cable0a", False, wire(b, a, 2, 1200)),
            ("a", "cable0a", True, wire(a, b, 4, 32)), ("a", "cable0a", True, wire(a, b, 4, 1232)),
            ("a", "cable0a", False, wire(b, a, 4, 40)), ("a", "cable0a", True, wire(a, b, 4, 225)),
            ("b", "cable1b", False, wire(a, b, 4, 225)), ("b", "kumi0", False, inner_out), ("b", "kumi0", True, inner_back),
            ("a", "cable0a", False, wire(b, a, 4, 125)), ("a", "kumi0", False, inner_back), ("a", "cable0a", False, wire(b, a, 4, 85)),
            ("a", "cable0a", False, wire(b, a, 4, 46)),
        ]
        heard: dict[str, list[Packet]] = {"a": [], "b": []}
        for number, (place, device, out, packet) in enumerate(story):
            heard[place].append(Packet(number * 100_000, device, out, *packet))
        return heard

    def test_every_message_has_its_line_and_its_time(self):
        rows = breakdown.rows(breakdown.events(self.packets(), ADDRESSES, ADDRESSES["b"]))
        self.assertEqual([(one["ms"], one["where"], one["what"], one["datagrams"]) for one in rows], [
            (0.0, "a", "first packet leaves the host", 1), (0.1, "a to b", "DDE", 1), (0.2, "b to a", "RGI", 1),
            (0.3, "a to b", "message 1", 2), (0.6, "b to a", "message 2", 1), (0.7, "a to b", "empty (keys confirmed)", 1),
            (0.8, "both ways", "other", 2), (1.0, "a to b", "MPIT with the packet", 1), (1.2, "b", "first packet reaches the host", 1),
            (1.3, "b", "answer leaves the host", 1), (1.4, "b to a", "packet", 1), (1.5, "a", "answer reaches the host", 1),
            (1.6, "b to a", "CDN", 1),
        ])

    def test_half_a_story_is_none(self):
        heard = self.packets()
        heard["a"] = [packet for packet in heard["a"] if packet.device != "kumi0"]
        self.assertEqual(breakdown.events(heard, ADDRESSES, ADDRESSES["b"]), [])

    def test_the_ear_reads_datagrams_and_leaves_the_rest(self):
        udp = struct.pack("!HHHH", 4649, 4650, 8 + 3, 0) + b"\x06ab"
        header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, b"\xc0\0\2\1", b"\xc0\0\2\2")
        self.assertEqual(ear.read_packet(header + udp), ("192.0.2.1", "192.0.2.2", 17, 4649, 4650, 6, 3))
        self.assertIsNone(ear.read_packet(b"\x60" + bytes(39)))
        self.assertIsNone(ear.read_packet(b""))


class Delivery(unittest.TestCase):
    LOG = ("2026-11-26T18:52:15.935291Z  INFO kumi::daemon: ready address=fc7d:: port=4649\n"
           '2026-11-26T18:52:15.940279Z  INFO runtime::slow: what="groups current"\n'
           '2026-11-26T18:52:19.000000Z  INFO runtime::slow: what="groups current"\n')

    def test_the_first_of_each_line_counts(self):
        ready, current = delivery.read_log(self.LOG)
        self.assertAlmostEqual((current - ready) * 1e3, 4.988, places=2)

    def test_a_log_without_them_is_trouble(self):
        with self.assertRaises(Trouble):
            delivery.read_log(self.LOG.splitlines()[0])


class Report(unittest.TestCase):
    ROWS = [row("veth", 0.1, 0.1), row("kumihimo", 1.0, 1.2), row("wireguard-go", 1.4, None),
            row("strongswan", failed={"cause": "no\nmore", "fix": "look"})]

    def test_every_line_has_as_many_cells(self):
        for protocol in shot.PROTOCOLS:
            lines = report.table(self.ROWS, protocol).splitlines()
            self.assertEqual({line.count("|") for line in lines}, {lines[0].count("|")})
            self.assertIn("FAILED: no", lines[-1])
            self.assertIn("1 of 2", lines[-2])

    def test_limits_are_those_of_the_run(self):
        said = report.limits(self.ROWS)
        self.assertIn("| kumihimo, UDP | 1.10 | below wireguard-go | 1.40 | yes |", said)
        self.assertIn("| kumihimo, TCP | 1.10 | warm + 1.1 RTT + 0.6 ms | 1.23 | yes |", said)
        self.assertNotIn("strongswan", said)
        self.assertEqual(report.limits(self.ROWS[:1]), "")


class Many(unittest.TestCase):
    def test_progress_says_what_is_left(self):
        self.assertEqual(many.progress(100, 10_000, 10.0), "100 of 10,000, 10.0 a second, 16 min left")
        self.assertEqual(many.progress(9_900, 10_000, 990.0), "9,900 of 10,000, 10.0 a second, 10 s left")
        self.assertEqual(many.progress(0, 10, 1.0), "0 of 10")


class CommandLine(unittest.TestCase):
    def chosen(self, *words: str) -> list[str]:
        return [peer.name for peer in cli._choose(cli._parser().parse_args(words))]

    def test_peers_are_those_of_the_table(self):
        self.assertEqual(self.chosen(), ["veth", "kumihimo", "kumihimo-gen", "wireguard-go", "strongswan"])
        self.assertEqual(self.chosen("strongswan", "veth"), ["veth", "strongswan"])
        self.assertEqual(self.chosen("--many", "5"), ["kumihimo"])

    def test_wrong_words_are_refused(self):
        for words in (["nobody"], ["--many", "5", "veth"]):
            with self.assertRaises(ValueError):
                self.chosen(*words)

    def test_every_peer_says_what_it_is(self):
        self.assertTrue(all(peer.about for peer in ALL.values()))
        self.assertIn(lan.SHAPE, bed._CABLES)


class Lan(unittest.TestCase):
    def test_only_cables_with_an_address_are_ports(self):
        links = [
            {"ifname": "lo", "link_type": "loopback", "address": "00:00:00:00:00:00", "addr_info": [{"family": "inet", "local": "127.0.0.1"}]},
            {"ifname": "cable1b", "link_type": "ether", "address": "02:00:00:00:00:01",
             "addr_info": [{"family": "inet", "local": "192.0.2.2"}, {"family": "inet6", "local": "fe80::1"}]},
            {"ifname": "lan", "link_type": "ether", "address": "02:00:00:00:00:02", "addr_info": []},
        ]
        self.assertEqual(lan.read_ports("b", links), [lan.Port("b", "cable1b", "02:00:00:00:00:01", "192.0.2.2")])


if __name__ == "__main__":
    unittest.main()
