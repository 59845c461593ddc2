"""EasyTier: a mesh with a shared secret; two nodes, peered over UDP."""

from .. import debian
from .peer import INSIDE, Peer

PORT = 11010
RPC_PORT = 15888
VERSION = "2.0.3"


class EasyTier(Peer):
    name = "easytier"
    about = "mesh in Rust, UDP, encrypted (the Rust registry has an older release than its own site)"

    def install(self, tools):
        # Only to build it.
        debian.install(["protobuf-compiler", "libprotobuf-dev", "clang", "libclang-dev"], tools.say)
        self._program = tools.crates.install("easytier-core", "easytier", VERSION)

    def version(self, tools):
        return VERSION

    def prepare(self, stage):
        return INSIDE["b"]

    def start(self, stage):
        for place in ("b", "a"):
            ask = ["-p", f"udp://{stage.bed.address['b']}:{PORT}"] if place == "a" else []
            stage.launch(place, place, [
                self._program, "--network-name", "compare", "--network-secret", "compare", "--console-log-level", "error",
                "--instance-name", place, "--dev-name", "easytier0", "-i", INSIDE[place], "-l", f"udp://0.0.0.0:{PORT}",
                "--rpc-portal", f"127.0.0.1:{RPC_PORT}", *ask])
            if place == "b":
                stage.wait_for_listener(place, PORT)


ALL = [EasyTier()]
