## kumi demo: a short story in eight steps.

demo-title = Two nodes on this machine that cannot reach each other, a Bridge between them, and Eve listening on the wire of the Bridge.
demo-note = No privileges are used, and nothing outside this demo is touched.
demo-alice = Alice
demo-bob = Bob

demo-step-stage = Stage
demo-step-nodes = Nodes
demo-step-bridge = Bridge
demo-step-join = Invite
demo-step-ping = Ping
demo-step-file = File
demo-step-eve = Eve
demo-step-end = End

demo-stage-busy = Making namespaces and cables
demo-stage-done = five namespaces: Alice's home and Bob's home, each behind a NAT that lets nothing in but answers and cannot be punched through, and the Bridge on the internet between them.
demo-stage-done-no-nat = three namespaces: Alice's network, Bob's network, and the Bridge with a cable to each. No packet gets from one network into the other. (This kernel has no NAT for namespaces, so both are apart without one.)
demo-nodes-busy = Starting three nodes
demo-node = { $name }: { $address }
demo-node-meaning = Each address is derived from its node's keys: nobody handed it out, and nobody can forge it.
demo-bridge-busy = Alice and Bob attach to the Bridge
demo-bridge-used = { $name } uses the Bridge, which took { $ms } ms.
demo-bridge-meaning = It relays what it cannot read: the keys are at Alice's and Bob's only.
demo-join-busy = Bob uses Alice's invite line
demo-join-line = Alice made an invite line of { $len } characters: { $start }…
demo-join-done = Bob used it: connected { $via } after { $ms } ms. The keys were exchanged by X25519 and ML-KEM-768.
demo-ping-busy = Alice asks Bob for an answer
demo-ping-done = { $received } of { $sent } answered in { $min } to { $max } ms, { $via }
demo-file-make = Making a file of { $size } with a secret in it { $count } times
demo-file-busy = Alice sends it to Bob by TCP
demo-file-sums = Comparing SHA-256 at both ends
demo-file-done = { $size } in { $seconds } s: { $rate }
demo-file-sum = SHA-256 at { $name }: { $sum }
demo-file-equal = The two are equal.
demo-eve-busy = Searching what Eve has
demo-eve-saw = She saw every packet on the wire between Alice and the Bridge: { $packets } packets, { $bytes }.
demo-eve-missed = She could not keep up with { $count } packets.
demo-eve-packet = One of them looks like this:
demo-eve-entropy = Randomness: { $bits } bits in a byte of 8; to her it is noise.
demo-eve-canary = The secret in what she saw: found { $found } times. The same search finds it { $control } times in the file that Bob received.
demo-end-clean = All nodes have stopped, and everything is removed.
demo-end-good = What Alice sent, Bob has, and nobody in between could read it. That took { $seconds } s.
demo-end-next = Now with two machines: `kumi up` on one of them says how to go on.

error-demo-namespace = The demo cannot build its namespaces.
    .why = { $detail }
    .fix = Allow unprivileged namespaces (sysctl kernel.unprivileged_userns_clone=1, or kernel.apparmor_restrict_unprivileged_userns=0), or run the demo as root.
error-demo-stage = The demo could not build its stage.
    .why = { $detail }
    .fix = Free some space in the temporary directory, or name another with TMPDIR; then try again.
error-demo-node = { $name } did not start.
    .why = { $detail }
    .fix = Run `kumi check`; it says what this machine lacks.
error-demo-file = The file did not arrive as it was sent.
    .why = { $detail }
    .fix = Try again; if it stays like that, report it with `kumi bugreport`.
error-demo-leak = Eve found the secret { $found } times.
    .why = Something on the wire was not encrypted. This must never happen.
    .fix = Report it at once with `kumi bugreport`, and do not use this version.
error-demo-blind = Eve saw too little.
    .why = The file was not among what was captured on the wire, so nothing is proven.
    .fix = Try again; if it stays like that, report it with `kumi bugreport`.
