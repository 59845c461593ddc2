## kumi check: check-ID is the title; .ok, .warn and .fail say what was found; .fix what to do.

check-level-ok = ok
check-level-warn = WARN
check-level-fail = FAIL
check-summary = { $ok } ok, { $warn } { $warn ->
    [one] warning
   *[other] warnings
}, { $fail } failed

check-config = kumi.toml
    .ok = { $detail }
    .none = there is none; all settings are the usual ones
    .fail = { $detail }
    .fix = { $fix }
check-directory = directory
    .ok = { $path }, for its owner alone
    .none = { $path } is made on the first start
    .fail = { $detail }
    .fix = { $fix }
check-identity = identity
    .ok = { $address }
    .none = there is none yet; `kumi up` makes one
    .fail = { $detail }
    .fix = { $fix }
check-certificate = node certificate
    .ok = valid until { $until }
    .warn = ends on { $until }
    .fail = ended on { $until }; peers refuse this node
    .early = not valid before { $until }: the clock is wrong, or was when it was made
    .fix = Run `kumi up`: it renews the certificate.
    .fixclock = Set the clock right, then run `kumi up`.
check-root-key = root key
    .ok = { $path }, for its owner alone
    .sealed = { $path }, sealed
    .none = not here: certificates cannot be renewed on this machine
    .fail = { $detail }
    .fix = { $fix }
    .fixnone = Bring { $path } back before the certificate ends.
check-next-key = next root key
    .ok = not here: kept offline, as it should be
    .warn = { $path } is on this machine
    .fail = { $detail }
    .fix = { $fix }
    .fixwarn = Move it to an offline place; otherwise whoever steals this machine has the address, too.
check-node-key = hot keys
    .ok = { $path }, for its owner alone
    .sealed = { $path }, sealed: `kumi up` asks for the passphrase
    .fail = { $detail }
    .fix = { $fix }
check-node = node
    .ok = running, process { $pid }, version { $version }
    .warn = not running
    .stale = running, but of version { $version } while this program is { $own }
    .fail = { $detail }
    .fix = { $fix }
    .fixwarn = Start it with `kumi up`.
    .fixstale = Restart it: `kumi down`, then `kumi up`.
check-port = UDP port
    .ok = { $listen } is this node's
    .free = { $listen } is free
    .warn = { $listen } is taken by another program; a free port will be used
    .fail = { $listen } is taken by another program, and kumi.toml asks for it
    .fix = To use { $listen }, end the other program; or choose another with `listen` in kumi.toml.
check-tun = network interface
    .ok = { $name }, in this machine's network
    .rootless = without privileges, in a namespace: use `kumi run`
    .possible = this account may make one in this machine's network
    .possiblerootless = this account may make one in a namespace: use `kumi run`
    .none = switched off by tun.mode = "none"
    .warn = there is none: { $detail }
    .fail = neither an interface nor a namespace can be made: { $detail }
    .fix = Load the driver (modprobe tun), allow unprivileged namespaces (sysctl kernel.unprivileged_userns_clone=1), or start the node as root.
check-clock = clock
    .ok = { $now }
    .warn = { $now } is { $behind } behind the last time that the node saw
    .fail = { $now } cannot be right
    .fix = Set the clock right, e.g. timedatectl set-ntp true
check-routes = routes
    .ok = nothing collides with fc00::/8 and 200::/7
    .warn = { $route } on { $device } also claims addresses of the private network
    .unknown = the routes could not be read: { $detail }
    .fix = Remove that route, or set tun.routes = "peers" in kumi.toml.
check-forwarding = forwarding
    .ok = on, for what kumi.toml announces
    .none = not needed: kumi.toml announces nothing behind this node
    .warn = kumi.toml announces { $prefix }, but { $sysctl } is off
    .fix = sysctl -w { $sysctl }=1 lets this machine forward; write it to /etc/sysctl.d/ to keep it.
check-reach = reachable
    .ok = by { $endpoints }
    .warn = this machine has no network address but its own
    .lan = from the same network only, by { $endpoints }
    .fix = Connect it to a network.
