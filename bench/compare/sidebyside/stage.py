"""The processes of one peer on its bed, and the measuring programs beside them.

A process is ended by its PID, and only if this run started it, or if it runs in a namespace of this run (then
a process of this run started it). What counts as the peer is every process in the namespaces but the
measuring programs.
"""

import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

from . import machine
from .bed import Bed
from .tools import Tools
from .trouble import Trouble, last_lines

GRACE_S = 5.0
DEVICE_WAIT_S = 20.0


class Stage:
    """A bed, a scratch directory, and who works there. Entered by `with`; leaves nothing behind."""

    def __init__(self, shape: str, tools: Tools):
        self.bed = Bed(shape)
        self.tools = tools
        # When the first process of the peer was started since the last `stop`.
        self.begun: float | None = None
        self._peer: list[subprocess.Popen] = []
        self._measuring: list[subprocess.Popen] = []

    def __enter__(self) -> "Stage":
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="kumi-compare-"))
        try:
            self.bed.__enter__()
        except BaseException:
            shutil.rmtree(self.dir, ignore_errors=True)
            raise
        return self

    def __exit__(self, *_) -> None:
        # Ctrl-C waits until all is taken down.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM, signal.SIGHUP))
        try:
            _end(self._measuring)
            self.stop()
        finally:
            self.bed.__exit__()
            shutil.rmtree(self.dir, ignore_errors=True)
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    # --- the peer -------------------------------------------------------------------------

    def launch(self, place: str, name: str, argv: list, env: dict | None = None) -> None:
        """Starts a process of the peer; what it says goes to a file."""
        argv = self.bed.argv(place, [str(word) for word in argv])
        with open(self._log(name), "wb") as log:
            if self.begun is None:
                self.begun = time.monotonic()
            self._peer.append(_start(argv, log, env))

    def halt(self) -> None:
        """Ends the processes that were launched; quicker than `stop`, for a peer that starts no others."""
        _end(self._peer)
        self._peer.clear()
        self.begun = None

    def stop(self) -> None:
        """Ends the peer, all of it."""
        self.halt()
        left = {pid for place in self.bed.places for pid in self.peer_pids(place)}
        for number in (signal.SIGTERM, signal.SIGKILL):
            for pid in left:
                _signal(pid, number)
            left = _wait_gone(left)

    def peer_pids(self, place: str) -> set[int]:
        return self.bed.pids(place) - {tool.pid for tool in self._measuring}

    def peer_busy_s(self) -> dict[str, float]:
        """For each place, the seconds that the peer's processes have worked."""
        return {place: sum(map(machine.process_busy_s, self.peer_pids(place))) for place in self.bed.places}

    def endpoint_rss_mib(self) -> float:
        """Resident memory of the largest process of the peer at an end; what stands between does not count."""
        pids = self.peer_pids("a") | self.peer_pids("b")
        return max(map(machine.process_rss_mib, pids), default=0.0)

    def said(self) -> str:
        """The last words of every process, for a report of trouble."""
        logs = sorted(self.dir.glob("*.log"))
        parts = [f"    {log.stem} said:\n{last_lines(log.read_text(errors='replace'))}" for log in logs if log.stat().st_size]
        return "\n".join(parts) or "    its processes said nothing"

    def _log(self, name: str) -> pathlib.Path:
        return self.dir / f"{name}.log"

    # --- what peers need for it -----------------------------------------------------------

    def run(self, place: str, argv: list, seconds: float = 20, stdin: str = "", env: dict | None = None) -> str:
        return self.bed.run(place, [str(word) for word in argv], seconds, stdin, env)

    def wait_for(self, what: str, found, seconds: float = DEVICE_WAIT_S, every: float = 0.005):
        """Asks until the answer is true; returns the answer."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if answer := found():
                return answer
            time.sleep(every)
        raise Trouble(f"No {what} within {seconds:.0f} s.\n{self.said()}", "Look at what it said.")

    def wait_for_device(self, place: str, device: str) -> None:
        self.wait_for(f"network device {device}", lambda: self.bed.has_device(place, device))

    def wait_for_listener(self, place: str, port: int) -> None:
        """For peers whose other end asks once and then not for seconds: they are shown at their best."""
        listens = f":{port} "
        self.wait_for(f"program at {place} that listens at port {port}", lambda: listens in self.run(place, ["ss", "-Hltun"]))

    def give_address(self, place: str, device: str, address: str, mtu: int) -> None:
        self.run(place, ["ip", "address", "add", address, "dev", device])
        self.run(place, ["ip", "link", "set", device, "mtu", mtu, "up"])

    def write(self, name: str, text: str) -> pathlib.Path:
        """A file for the peer that nobody else may read."""
        path = self.dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(text)
        return path

    # --- measuring programs ---------------------------------------------------------------

    def measure(self, place: str, argv: list, out=subprocess.DEVNULL) -> subprocess.Popen:
        """Starts a measuring program; `finish` ends it."""
        argv = self.bed.argv(place, [str(word) for word in argv])
        process = _start(argv, out, None, subprocess.DEVNULL)
        self._measuring.append(process)
        return process

    def finish(self, process: subprocess.Popen) -> None:
        _end([process])
        self._measuring.remove(process)


def _start(argv: list[str], out, env: dict | None, err=subprocess.STDOUT) -> subprocess.Popen:
    # A session of its own: Ctrl-C at the terminal reaches this program only, which then ends them in order.
    return subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=err, text=True,
                            start_new_session=True, env={**os.environ, **(env or {})})


def _end(processes: list[subprocess.Popen]) -> None:
    for process in processes:
        if process.poll() is None:
            process.terminate()
    end = time.monotonic() + GRACE_S
    for process in processes:
        try:
            process.wait(max(0.0, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def _wait_gone(pids: set[int]) -> set[int]:
    """Those that are still there after a while."""
    end = time.monotonic() + GRACE_S
    while pids and time.monotonic() < end:
        pids = {pid for pid in pids if os.path.exists(f"/proc/{pid}")}
        time.sleep(0.02)
    return pids
