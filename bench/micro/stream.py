"""What two real nodes call and allocate while one TCP stream runs through them.

Two `kumi` in network namespaces, a veth pair of MTU 1500 between them, `iperf3` from *sender* to *receiver*.
In the middle of the stream each thread is counted for some seconds by `perf stat --per-thread`:

- system calls, by the tracepoints `syscalls:sys_enter_*` of the kernel: each call, no sample;
- allocations, by uprobes on `malloc`, `calloc`, `realloc`, `posix_memalign` of the C library, which is what the
  release binary allocates with. Those within the C library that bypass these names are not seen.

Both are divided by the full-size packets of the same seconds: the datagrams that the sender's node says it sent
(`kumi status --json`, read when counting begins and ends). Acknowledgements come back at the same time by the same
thread; what they cost is part of its row.

Limits: counting costs time at each event, so the stream is slower than it is alone, and the number of packets
that come at once may differ. As none is the right number of allocations, a control shows that the probes see the
same thread allocate: the sender's kumi-data hands packets to an unknown node to another thread in memory of their
own. Names carry the process id; everything goes away at the end, also of Ctrl-C.
"""

import collections
import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import time

SYSCTLS = [
    "net.ipv4.tcp_congestion_control=cubic",
    "net.ipv4.tcp_rmem=4096 131072 6291456",
    "net.ipv4.tcp_wmem=4096 16384 4194304",
    "net.ipv4.ping_group_range=0 2147483647",
    "net.ipv6.conf.all.accept_dad=0",
    "net.ipv6.conf.default.accept_dad=0",
]
CUBIC = pathlib.Path("/proc/sys/net/ipv4/tcp_allowed_congestion_control")
ALLOCATORS = ["malloc", "calloc", "realloc", "posix_memalign"]
WORK = ["datagrams_out", "datagrams_in", "sends", "receives", "interface_reads", "interface_writes"]
DATA_THREADS = ("kumi-data",)
# (node, thread, what it carries)
ROLES = [
    ("sender", "kumi-data", "packets out, acknowledgements in"),
    ("receiver", "kumi-data", "packets in, acknowledgements out"),
]
WARM_UP_S = 2
NOBODY = "fc00::77"


def sh(*words):
    """What a command prints; it has to succeed."""
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{words}: {done.stdout}{done.stderr}")
    return done.stdout


class Host:
    """A namespace with a node in it."""

    def __init__(self, name, kumi, folder):
        self.name, self.kumi = name, kumi
        self.state = folder / name
        self.log = folder / f"{name}.log"
        self.state.mkdir(mode=0o700)
        self.node = None
        sh("ip", "netns", "add", name)
        sh("ip", "-n", name, "link", "set", "lo", "up")
        for sysctl in SYSCTLS:
            sh("ip", "netns", "exec", name, "sysctl", "-qw", sysctl)

    def inside(self, *words):
        """A command for here."""
        return ["ip", "netns", "exec", self.name, *[str(word) for word in words]]

    def kumi_words(self, *words):
        """A command to the node."""
        return self.inside(self.kumi, "--state", self.state, *words)

    def start(self):
        """Starts the node."""
        words = self.kumi_words("up", "--foreground", "--no-invite")
        with open(self.log, "w", encoding="utf-8") as log:
            self.node = subprocess.Popen(words, stdout=log, stderr=log)

    def status(self):
        """What the node says of itself."""
        return json.loads(sh(*self.kumi_words("status", "--json")))

    def end(self):
        """Ends what runs here, and the namespace."""
        for _ in range(20):
            pids = sh("ip", "netns", "pids", self.name).split()
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(pid), 15)
            if not pids:
                break
            time.sleep(0.1)
        if self.node:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.node.wait(2)
        sh("ip", "netns", "del", self.name)


@contextlib.contextmanager
def hosts(kumi):
    """Sender and receiver, with a session between them; and the receiver's address."""
    if "cubic" not in CUBIC.read_text(encoding="ascii").split():
        CUBIC.write_text(CUBIC.read_text(encoding="ascii").strip() + " cubic", encoding="ascii")
    with contextlib.ExitStack() as stack:
        folder = pathlib.Path(tempfile.mkdtemp(prefix="kumi-micro-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        both = []
        for letter in "sr":
            host = Host(f"kmm{os.getpid()}{letter}", kumi, folder)
            stack.callback(host.end)
            both.append(host)
        sender, receiver = both
        links = [f"kmm{os.getpid()}{letter}v"[-15:] for letter in "sr"]
        sh("ip", "link", "add", links[0], "netns", sender.name, "type", "veth",
           "peer", "name", links[1], "netns", receiver.name)
        for number, (host, link) in enumerate(zip(both, links), 1):
            sh("ip", "-n", host.name, "addr", "add", f"10.97.0.{number}/24", "dev", link)
            sh("ip", "-n", host.name, "link", "set", link, "mtu", 1500, "up")
            host.start()
        yield sender, receiver, join(sender, receiver)


def join(sender, receiver):
    """The sender joins by a line of the receiver's; the address of the receiver."""
    for host in (sender, receiver):
        until(lambda host=host: bool(host.status()), f"{host.name} does not start")
    said = sh(*receiver.kumi_words("invite"))
    line = next(word for word in said.split() if word.startswith("kumi1:"))
    sh(*sender.kumi_words("join", line))
    status = receiver.status()
    address = status.get("address") or status["node"]["address"]
    sh(*sender.inside("ping", "-c", 2, "-i", 0.2, address))
    return address


def until(holds, else_say):
    """Waits for something, ten seconds at most."""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        with contextlib.suppress(RuntimeError, ValueError):
            if holds():
                return
        time.sleep(0.1)
    raise RuntimeError(else_say)


@contextlib.contextmanager
def streaming(sender, receiver, address):
    """One stream, until the end of the block."""
    server = subprocess.Popen(receiver.inside("iperf3", "-s"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(0.5)
    words = sender.inside("iperf3", "-c", address, "-t", 600)
    client = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        time.sleep(WARM_UP_S)
        if client.poll() is not None:
            raise RuntimeError("iperf3 ended")
        yield
    finally:
        for process in (client, server):
            process.terminate()
            process.wait()


@contextlib.contextmanager
def probes():
    """Uprobes on what allocates; their names for perf."""
    group = f"kmm{os.getpid()}"
    libc = next(pathlib.Path("/lib").glob("*-linux-gnu/libc.so.6"))
    try:
        for name in ALLOCATORS:
            sh("perf", "probe", "-q", "-x", libc, f"{group}:{name}={name}")
        yield [f"{group}:{name}" for name in ALLOCATORS]
    finally:
        subprocess.run(["perf", "probe", "-q", "-d", f"{group}:*"], check=False)


def control(sender, allocators, folder):
    """How often the sender's kumi-data allocates while it is given ten packets a second to nobody."""
    ping = subprocess.Popen(sender.inside("ping", "-q", "-i", 0.1, NOBODY), stdout=subprocess.DEVNULL)
    try:
        (counted,) = count([sender], allocators, 1, folder)
    finally:
        ping.terminate()
        ping.wait()
    seen = sum(counted["threads"].get("kumi-data", {}).values())
    if seen == 0:
        raise RuntimeError("the probes do not see what kumi-data allocates")
    return seen


def count(both, events, seconds, folder):
    """Counts events of both nodes at the same time: for each node counts by thread and event, and its work."""
    running = []
    for host in both:
        base = folder / host.name
        status = " ".join(f"'{word}'" for word in host.kumi_words("status", "--json"))
        script = f"{status} > {base}.before && sleep {seconds} && {status} > {base}.after"
        words = ["perf", "stat", "--per-thread", "-x;", "-o", f"{base}.perf"]
        for event in events:
            words += ["-e", event]
        words += ["-p", str(host.node.pid), "--", "sh", "-c", script]
        running.append(subprocess.Popen(words, stderr=subprocess.PIPE, text=True))
    try:
        for process in running:
            _, said = process.communicate()
            if process.returncode != 0:
                raise RuntimeError(said)
    finally:
        for process in running:
            process.terminate()
            process.wait()
    return [read(folder / host.name) for host in both]


def read(base):
    """What one perf counted."""
    counts = collections.defaultdict(dict)
    for line in pathlib.Path(f"{base}.perf").read_text(encoding="utf-8").splitlines():
        fields = line.split(";")
        if len(fields) < 4 or not fields[1].isdigit() or fields[1] == "0":
            continue
        thread, event = fields[0].rpartition("-")[0], fields[3].partition(":")[2]
        name = event.removeprefix("sys_enter_")
        counts[thread][name] = counts[thread].get(name, 0) + int(fields[1])
    before, after = (json.loads(pathlib.Path(f"{base}.{when}").read_text(encoding="utf-8"))["work"]
                     for when in ("before", "after"))
    return {"threads": dict(counts), "work": {key: after[key] - before[key] for key in WORK}}


def measure(kumi, seconds):
    """Both counts."""
    if os.geteuid() != 0:
        raise SystemExit("the second part needs root")
    with hosts(kumi) as (sender, receiver, address), probes() as allocators:
        with streaming(sender, receiver, address), tempfile.TemporaryDirectory() as folder:
            both, folder = (sender, receiver), pathlib.Path(folder)
            calls = count(both, ["syscalls:sys_enter_*"], seconds, folder)
            allocations = count(both, allocators, seconds, folder)
        with tempfile.TemporaryDirectory() as folder:
            seen = control(sender, allocators, pathlib.Path(folder))
        offloads = sender.status().get("offloads")
    for counted in (*calls, *allocations):
        if not all(counted["work"].values()):
            raise RuntimeError(f"nothing passed: {counted['work']}")
    names = ("sender", "receiver")
    return {
        "seconds": seconds,
        "offloads": offloads,
        "system_calls": dict(zip(names, calls)),
        "allocations": dict(zip(names, allocations)),
        "control_allocations": seen,
    }


def per(counted, node, thread, packets):
    """Of each event of a thread, how many for so many full-size packets; the sum first."""
    sent = counted["sender"]["work"]["datagrams_out"]
    events = counted[node]["threads"].get(thread, {})
    each = {name: packets * number / sent for name, number in events.items()}
    return sum(each.values()), sorted(each.items(), key=lambda item: -item[1])


def others(counted, node, packets):
    """The same for all other threads of a node together."""
    threads = [thread for thread in counted[node]["threads"] if thread not in DATA_THREADS]
    return sum(per(counted, node, thread, packets)[0] for thread in threads)


def table(result):
    """The same in Markdown."""
    calls, allocations = result["system_calls"], result["allocations"]
    lines = ["| thread | carries | system calls for 40 packets | of them | allocations for 1,000 packets |",
             "|---|---|---:|---|---:|"]
    total = [0.0, 0.0]
    for node, thread, what in ROLES:
        number, each = per(calls, node, thread, 40)
        allocated, _ = per(allocations, node, thread, 1000)
        total = [total[0] + number, total[1] + allocated]
        shown = ", ".join(f"{name} {count:.2f}" for name, count in each if count >= 0.005)
        lines.append(f"| {node} {thread} | {what} | {number:.2f} | {shown} | {allocated:.2f} |")
    lines.append(f"| both | all data threads | {total[0]:.2f} | | {total[1]:.2f} |")
    rest = [sum(others(counted, node, count) for node in ("sender", "receiver"))
            for counted, count in ((calls, 40), (allocations, 1000))]
    lines.append(f"| both | all other threads | {rest[0]:.2f} | | {rest[1]:.2f} |")
    lines.append("")
    for name, counted in (("system calls", calls), ("allocations", allocations)):
        work = counted["sender"]["work"]
        back = work["datagrams_in"] / max(work["datagrams_out"], 1)
        rate = work["datagrams_out"] / result["seconds"]
        lines.append(f"{name}: {work['datagrams_out']:,} full-size packets, about {rate:,.0f} a second, "
                     f"{1000 * back:.0f} datagrams back for 1,000; "
                     f"{work['datagrams_out'] / max(work['sends'], 1):.0f} in a call out, "
                     f"{counted['receiver']['work']['datagrams_in'] / max(counted['receiver']['work']['receives'], 1):.0f} "
                     "in a call in")
    lines.append(f"control: {result['control_allocations']} allocations of kumi-data seen where some are due")
    return "\n".join(lines) + "\n"
