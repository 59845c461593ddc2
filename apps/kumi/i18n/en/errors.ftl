## Failures. Each has what happened, .why, and .fix: what to do.

failure-why = why:
failure-fix = fix:

error-usage-unknown = Unknown option { $argument }.
    .why = This command has no such option.
    .fix = See `{ $help }`.
error-usage-unknown-near = Unknown option { $argument }.
    .why = This command has no such option; { $near } is similar.
    .fix = Write { $near }, or see `{ $help }`.
error-usage-command = Unknown command { $command }.
    .why = kumi has no such command.
    .fix = See `{ $help }`.
error-usage-command-near = Unknown command { $command }.
    .why = kumi has no such command; { $near } is similar.
    .fix = Write { $near }, or see `{ $help }`.
error-usage-missing = Something is missing: { $argument }
    .why = This command cannot work without it.
    .fix = Add it; `{ $help }` has examples.
error-usage-no-command = A command is missing.
    .why = kumi alone does nothing.
    .fix = See `{ $help }`; to begin with, try `kumi demo`.
error-usage-twice = { $argument } is given twice, or beside something that excludes it.
    .why = Only one of them can count.
    .fix = Leave one out; `{ $help }` has examples.
error-usage-no-value = { $argument } needs a value.
    .why = Nothing follows it.
    .fix = Write the value after it; `{ $help }` has examples.
error-usage-other = The command line is wrong at { $argument } { $value }.
    .why = It does not fit this command.
    .fix = See `{ $help }`.
error-usage-value = { $option } cannot be "{ $value }".
    .why = { $expected } is expected.
    .fix = Write it like that, or leave it out.

expected-offloads = on or off
expected-language = en or ja
expected-expires = a time from 1m to 30d, such as 30m, 24h or 7d,
expected-address = an address such as 192.0.2.7 or 2001:db8::7
expected-port = a port such as tcp/22 or udp/6000-6100
expected-ports = at most 64 of them
expected-prefix = none, or a prefix such as 192.168.20.0/24 or fd00:20::/64
expected-prefixes = at most 64 of them
expected-label = a name of 1 to 63 bytes without control characters
expected-count = a number from 1 to 1000000
expected-interval = a number of seconds from 0.1 to 3600
expected-wait = a number of seconds from 1 to 300
expected-size = a number of MiB from 1 to 1024
expected-who = an address in fc00::/8, or a root key of 64 hexadecimal digits,
expected-proxy = an address and a port such as 127.0.0.1:1080
expected-listen = an address and a port of this machine such as 127.0.0.1:2222, or inside:22,
expected-target = an address and a port such as 127.0.0.1:22 or [fc12::1]:22, or a peer's name and a port such as server:22,
expected-shell = bash, zsh, fish, elvish or powershell

error-config-unreadable = { $file } cannot be read.
    .why = { $detail }
    .fix = Give the right file with --config, or remove it: every setting is optional.
error-config-syntax = { $file }:{ $line }:{ $column }: this is not TOML.
    .why = { $detail }
    .fix = Correct that line, or put a # in front of it.
error-config-key = { $file }:{ $line }:{ $column }: unknown key "{ $key }".
    .why = A key that is not understood would be a setting that silently has no effect.
    .fix = Remove it. There are: { $known }.
error-config-key-near = { $file }:{ $line }:{ $column }: unknown key "{ $key }".
    .why = A key that is not understood would be a setting that silently has no effect.
    .fix = Did you mean "{ $near }"? There are: { $known }.
error-config-type = { $file }:{ $line }:{ $column }: "{ $key }" has a value of the wrong type.
    .why = It is of type { $found }.
    .fix = Write a value like { $example }.
error-config-choice = { $file }:{ $line }:{ $column }: "{ $key }" cannot be "{ $value }".
    .why = Only certain values mean something.
    .fix = Write one of: { $known }.
error-config-listen = { $file }:{ $line }:{ $column }: "listen" cannot be "{ $value }".
    .why = It is not all addresses of this machine and a port.
    .fix = Write it like "[::]:4649"; the port is yours to choose.
error-config-label = { $file }:{ $line }:{ $column }: "label" does not fit.
    .why = It has { $len } bytes, or control characters in it.
    .fix = Write 1 to { $max } bytes of text, such as "laptop".
error-config-proxy = { $file }:{ $line }:{ $column }: "{ $key }" cannot be "{ $value }".
    .why = It is not an address and a port.
    .fix = Write it like "127.0.0.1:1080"; the port is yours to choose.
error-config-proxy-open = { $file }:{ $line }:{ $column }: "{ $key }" cannot be "{ $value }".
    .why = Other machines may reach that address, and the proxy asks for no password: they would get to your peers.
    .fix = Write "127.0.0.1:{ $port }"; or, if they shall, add open = true to the table [proxy].
error-config-tun-name = { $file }:{ $line }:{ $column }: "tun.name" cannot be "{ $value }".
    .why = Linux does not take it as the name of an interface.
    .fix = Write 1 to 15 letters, digits, "_", "." or "-", such as "kumi0".
error-config-mtu = { $file }:{ $line }:{ $column }: "tun.mtu" cannot be { $value }.
    .why = IPv6 needs at least 1280, and a packet has at most 65535 bytes.
    .fix = Write a number from 1280 to 65535, or remove the line.
error-config-queues = { $file }:{ $line }:{ $column }: "tun.queues" cannot be { $value }.
    .why = Each queue has a thread of its own; there are 1 to { $max }.
    .fix = Write a number from 1 to { $max }, or remove the line: then half the processors count.
error-config-list = { $file }:{ $line }:{ $column }: "{ $key }" is too long.
    .why = It has { $len } entries, and at most { $max } are possible.
    .fix = Leave some out; neighbouring prefixes may be written as one that is shorter.
error-config-address = { $file }:{ $line }:{ $column }: "ip.addresses" cannot have "{ $value }".
    .why = It is not an IPv4 address that a machine may have, with the length of its prefix.
    .fix = Write an IPv4 address and a length like "10.77.0.1/24".
error-config-prefix = { $file }:{ $line }:{ $column }: "ip.announce" cannot have "{ $value }".
    .why = It is not an address with the length of its prefix.
    .fix = Write a prefix like "192.168.10.0/24" or "fd00:10::/64".
error-config-prefix-bits = { $file }:{ $line }:{ $column }: "ip.announce" cannot have "{ $value }".
    .why = The address goes on behind the prefix.
    .fix = Write "{ $meant }".
error-config-prefix-refused = { $file }:{ $line }:{ $column }: "ip.announce" cannot have "{ $value }".
    .why = Nobody may announce everything, fc00::/8, 200::/7, loopback, link-local or multicast addresses, or a part of them.
    .fix = Write the prefix of the network behind this node, like "192.168.10.0/24".

error-not-running = The node is not running.
    .why = Nobody listens on { $path }.
    .fix = Start it with `kumi up`.
error-socket-denied = You may not control this node.
    .why = { $path } belongs to another user.
    .fix = Use the account that started the node, or choose your own node with --state DIR.
error-socket = The node cannot be reached.
    .why = { $detail }
    .fix = Run `kumi check`; if the node hangs, `kumi down` and `kumi up` start it anew.
error-hung-up = The node hung up before it had answered.
    .why = { $detail }
    .fix = Look whether it still runs with `kumi status`; its log is { $log }.
error-version-mismatch = kumi and the running node are of different versions.
    .why = { $detail }
    .fix = Restart the node: `kumi down`, then `kumi up`.
error-no-home = There is no place for this node's files.
    .why = Neither XDG_STATE_HOME nor HOME is set.
    .fix = Say where with --state DIR.

error-file-missing = { $file } does not exist.
    .why = Something that is needed is not there.
    .fix = Bring it back from your copy, or restore everything with `kumi id restore FILE`.
error-file-exists = { $file } exists already.
    .why = It would be overwritten.
    .fix = Choose another name, or move the file away.
error-file-too-open = { $file } may be used by others (mode { $mode }).
    .why = Keys and state are for their owner alone.
    .fix = Correct it: chmod go= { $file }
error-file-owner = { $file } belongs to another user (uid { $owner }).
    .why = Keys and state are for their owner alone.
    .fix = Use that account, or choose your own place with --state DIR.
error-file-type = { $file } is not what it should be.
    .why = It is not a regular file, or not a directory where one is needed.
    .fix = Move it away, or choose another place with --state DIR.
error-file-long = { $file } is too long.
    .why = Nothing that belongs there is longer than { $max } bytes.
    .fix = Look what it is, and bring the right file back from your copy.
error-file-io = { $file } cannot be read or written.
    .why = { $detail }
    .fix = Check the disk and the permissions of its directory.

error-no-identity = This node has no identity yet.
    .why = { $file } does not exist.
    .fix = `kumi up` makes one by itself; `kumi id restore FILE` brings one back.
error-identity-exists = This node has an identity already.
    .why = { $file } exists, and it is never overwritten.
    .fix = Keep using it, or make another node with --state DIR.
error-identity-damaged = { $file } is damaged.
    .why = { $detail }
    .fix = It was not changed. Bring it back from your copy, or move it away and use `kumi id restore FILE`.
error-identity-mixed = { $file } belongs to another identity.
    .why = Its address is { $found }, but this node's is { $expected }.
    .fix = It was not changed. Put the right file there; move this one away first.
error-key-truncated = { $file } is cut off or damaged.
    .why = Its checksum is wrong.
    .fix = It was not changed. Bring it back from your copy, or move it away and use `kumi id restore FILE`.
error-key-foreign-version = { $file } was written by another version.
    .why = It is in format { $version }; this program reads format { $known }.
    .fix = It was not changed. Use the version of kumi that wrote it, or a newer one.
error-key-not-a-key = { $file } is not a key file of Kumihimo.
    .why = It does not begin as such a file does.
    .fix = It was not changed. Put the right file there; move this one away first.
error-key-kind = { $file } holds a key of another kind.
    .why = It is a { $found } key where a { $expected } key is needed.
    .fix = It was not changed. Put the right file there; perhaps two files were swapped.
error-key-passphrase = The passphrase does not open { $file }.
    .why = It is not the one that the file was sealed with.
    .fix = Try again. Without the passphrase only a backup with another one helps.
error-key-bounds = { $file } asks for more memory or time than is reasonable.
    .why = { $detail }
    .fix = It was not changed. It is damaged, or somebody tampered with it: bring it back from your copy.
error-key-mismatch = { $file } does not fit this node's identity.
    .why = { $detail }
    .fix = It was not changed. Put the file there that belongs to { $address }.
error-next-missing = The root key cannot be rotated.
    .why = The next root key, { $file }, is not there. Perhaps it was taken offline, as it should be.
    .fix = Copy it back to that place, or bring it back with `kumi id restore FILE`; remove it again afterwards.
error-log-full = The root key cannot be rotated any more.
    .why = It was rotated { $max } times, which is the most that a log holds.
    .fix = Make a new identity: move the state directory away, then `kumi up`.
error-backup-old = The backup is older than the last rotation of the root key.
    .why = Its root key position is { $found }, this node's is { $expected }.
    .fix = Use a backup made after the rotation.
error-backup-other = The backup is of another identity.
    .why = It is of { $found }, but this node is { $expected }.
    .fix = Restore it elsewhere with --state DIR.
error-crypto = The identity could not be made.
    .why = { $detail }
    .fix = Report this with `kumi bugreport`.

error-passphrase-needed = A passphrase is needed, and nobody can be asked.
    .why = Standard input is not a terminal.
    .fix = Give it with --passphrase-file FILE or in the file that KUMI_PASSPHRASE_FILE names.
error-passphrase-differs = The two passphrases differ.
    .why = You typed them differently.
    .fix = Try again.
error-passphrase-empty = The passphrase is empty.
    .why = An empty passphrase protects nothing.
    .fix = Use one of at least 8 characters; several words are best.
error-passphrase-short = The passphrase is too short.
    .why = It has { $len } characters; at least 8 are needed.
    .fix = Use a longer one; several words are best.
error-passphrase-file = The passphrase file { $file } cannot be used.
    .why = { $detail }
    .fix = It must be a file of yours that others cannot read, with the passphrase in its first line.
error-password-file = The password file { $file } cannot be used.
    .why = { $detail }
    .fix = It must be a file of yours that others cannot read, with the password in its first line: chmod 600 { $file }
error-password-length = The password in { $file } does not fit.
    .why = It has { $len } bytes.
    .fix = Write { $min } to { $max } bytes into the first line; several words are best.
error-terminal = The terminal cannot be used.
    .why = { $detail }
    .fix = Give the passphrase with --passphrase-file FILE.

error-start = The node could not be started.
    .why = { $detail }
    .fix = Its log may say more: { $log }. `kumi check` looks for the usual causes.
error-start-silent = The node ended while it was starting.
    .why = It gave no reason.
    .fix = Its log says more: { $log }
error-already-runs = A node runs here already, but it does not answer.
    .why = Process { $pid } holds { $file }.
    .fix = Wait a moment; if it stays like that, end that process.
error-port-taken = The UDP port { $listen } is taken.
    .why = Another program listens there, and kumi.toml asks for this port.
    .fix = Change `listen` in kumi.toml, or remove it: then a free port is used.
error-proxy-open = { $option } cannot be "{ $value }".
    .why = Other machines may reach that address, and the proxy asks for no password: they would get to your peers.
    .fix = Write 127.0.0.1:{ $port }; or, if they shall, put open = true into the table [proxy] of kumi.toml.
error-proxy-running = The node runs already, without this { $option }.
    .why = Proxies are chosen when it starts; it was started with: { $found }.
    .fix = Start it anew: `kumi down`, then the same command again.
error-tun = The network interface could not be made.
    .why = { $detail }
    .fix = Set tun.mode = "rootless" in kumi.toml and use `kumi run`; `kumi check` says more.
error-stop-slow = The node did not stop within { $seconds } seconds.
    .why = Process { $pid } is still there.
    .fix = Look at its log, { $log }, and end the process if need be.

error-peer-unknown = There is no peer "{ $who }".
    .why = It is neither an address in fc00::/8 nor a name in the list of allowed peers.
    .fix = See `kumi list`; let a peer in with `kumi allow ADDR` or an invite.
error-peer-unknown-near = There is no peer "{ $who }".
    .why = The list of allowed peers has no such name; "{ $near }" is similar.
    .fix = Write { $near }, or see `kumi list`.
error-peer-ambiguous = "{ $who }" may be one of several peers.
    .why = { $count } peers have this name.
    .fix = Use the address; see `kumi list`.
error-ping-nobody = There is no peer to ask.
    .why = No peer is allowed yet.
    .fix = Use an invite line with `kumi join LINE`, or make one with `kumi invite`.
error-ping-which = Which peer is to be asked?
    .why = There are { $count } peers.
    .fix = Name one, by address or by name: `kumi ping PEER`; see `kumi peers`.
error-ping-lost = { $peer } did not answer.
    .why = It was asked { $sent ->
        [1] once, and no answer came
       *[other] { $sent } times, and no answer came
    } in time.
    .fix = See `kumi peers` for where it was last; the peer must be running and must allow this node.
error-run-missing = { $program } could not be run.
    .why = { $detail }
    .fix = Check its name and PATH.
error-run-namespace = The namespace of the node could not be entered.
    .why = { $detail }
    .fix = Use the account that started the node; `kumi check` says more.
error-run-none = There is no private network for programs here.
    .why = The node runs without a network interface (tun.mode = "none", or it could not be made).
    .fix = `kumi check` says what is missing; then `kumi down` and `kumi up`.
error-report-write = The report cannot be written to { $file }.
    .why = { $detail }
    .fix = Choose another place, or - for the screen.
error-check-failed = Failed checks: { $failed }.
    .why = See the lines marked FAIL above.
    .fix = Do what is written below each of them, then run `kumi check` again.

api-bad-request = The node did not accept the request.
    .why = { $detail }
    .fix = Check the command line.
api-version = kumi and the running node are of different versions.
    .why = The node speaks version { $node } of the interface, this program version { $client }.
    .fix = Restart the node: `kumi down`, then `kumi up`.
api-internal = Something failed inside the node.
    .why = { $detail }
    .fix = Report it with `kumi bugreport`; restarting the node may help.
api-stopping = The node is shutting down.
    .why = It was told to stop.
    .fix = Start it again with `kumi up`.
api-unknown-peer = { $peer } is not an allowed peer.
    .why = It is not on the list of this node.
    .fix = Let it in with `kumi allow { $peer }`, or make an invite for it with `kumi invite`.
api-no-path = There is no way to { $peer }.
    .why = Nothing on this machine or in this network says where it is.
    .fix = Ask for a new invite from that side, or bring both machines into one network.
api-not-an-invite = This is not an invite line.
    .why = An invite line begins with "kumi1:".
    .fix = Copy the whole line that `kumi up`, `kumi invite` or `kumi group` printed on the other machine.
api-invite-damaged = The invite line is damaged.
    .why = Its checksum is wrong: it is cut off, or a character was changed.
    .fix = Copy it again, in one piece and without line breaks.
api-invite-newer = The invite line was made by a newer version of kumi.
    .why = It is of version { $version }.
    .fix = Update kumi on this machine.
api-invite-expired = The invite line has expired.
    .why = It was valid until { $expired }.
    .fix = Make a new one on the other machine: `kumi invite`.
api-invite-own = This invite line was made by this very node.
    .why = A node cannot join itself.
    .fix = Use it on the other machine.
api-invite-identity = The invite line does not hold together.
    .why = { $detail }
    .fix = Make a new one on the other machine: `kumi invite`. Check the clocks of both.
api-join-timeout = { $peer } did not answer within { $waited_s } seconds.
    .why = It is off, out of reach ({ $tried }), or the invite was used already; a node is silent to strangers.
    .fix = Check that it runs and that one of these addresses can be reached from here, or make a new invite there.
api-invites-full = No more invites can be made.
    .why = { $max } invites are open, which is the most that a node keeps.
    .fix = Wait until some have been used or have expired.
api-allowlist-full = No more peers can be allowed.
    .why = The list has { $max } entries, which is the most that it holds.
    .fix = Take peers off that you no longer need: `kumi deny NAME`.
api-too-many-prefixes = No more prefixes can be accepted from this peer.
    .why = An entry of the list accepts at most { $max }.
    .fix = Begin anew with --accept none, and name wider ones.
api-prefix-refused = { $prefix } cannot be accepted from anybody.
    .why = Nobody may announce everything, fc00::/8, 200::/7, loopback, link-local or multicast addresses, or a part of them.
    .fix = Name the prefix of the network behind the peer, like 192.168.20.0/24.
api-own-address = This is this node's own address.
    .why = A node need not allow itself.
    .fix = Give the address of the other machine; `kumi status` shows it there.
api-not-listed = { $who } is not on the list.
    .why = It was never allowed, or was taken off already.
    .fix = See `kumi list`.
api-identity-unreadable = The node cannot read its identity.
    .why = { $detail }
    .fix = `kumi check` says what is wrong with it.
api-identity-other = The identity on the disk is not the one that runs.
    .why = It has another address.
    .fix = Restart the node: `kumi down`, then `kumi up`.
api-no-inside = There is no namespace to run a program in.
    .why = The node runs without a private network for programs (mode { $mode }).
    .fix = `kumi check` says what is missing; then `kumi down` and `kumi up`.
api-forwards-full = No more ports can be forwarded.
    .why = There are { $max } forwards, which is the most that a node keeps.
    .fix = Remove one that you no longer need: `kumi forward --remove LISTEN`.
api-forward-listen = { $listen } cannot be forwarded.
    .why = { $detail }
    .fix = Choose another address or port, or end the program that has it. Ports below 1024 of this machine are root's.
api-not-forwarded = Nothing is forwarded from { $listen }.
    .why = There is no such forward.
    .fix = `kumi forward` lists them.
api-bridge-line = This is the line of a Bridge, not of a peer.
    .why = It attaches a node to a Bridge; nobody is met by it.
    .fix = Use the Bridge with `kumi bridge use LINE`.
api-not-a-bridge = This is the invite of a peer, not the line of a Bridge.
    .why = `kumi up`, `kumi invite` and `kumi bridge up` print lines that look alike.
    .fix = Use it with `kumi join LINE`, or copy the line that `kumi bridge up` printed.
api-bridge-password = This Bridge wants a password.
    .why = Its line holds no secret.
    .fix = Write the password into the first line of a file that only you can read, and give it: --password-file FILE with `kumi bridge use`, --bridge-password-file FILE with `kumi up`.
api-bridge-timeout = The Bridge { $bridge } did not answer within { $waited_s } seconds.
    .why = It is off, or what lies between lets neither UDP nor TCP through to its port, or the line was used already: a Bridge is silent to strangers.
    .fix = This node goes on calling it; `kumi status` shows when it answers. On the Bridge, check with `kumi status` that it runs and that its port is open for UDP and TCP. If the line was used, make a new one there: `kumi bridge invite`.
api-bridge-refused = The Bridge { $bridge } does not take this node.
    .why = { $refusal ->
        [not-admitted] Its list does not name this node, and the line's secret was used already or has expired.
        [password] The password is missing or wrong.
        [try-later] Too many passwords were tried there.
        [full] It has no room for another client.
       *[other] Its reason is one that this version does not know: { $refusal }.
    }
    .fix = { $refusal ->
        [not-admitted] Have a new line made on the Bridge (`kumi bridge invite`), or have this node admitted there: `kumi bridge allow ADDR` with the address that `kumi status` shows here.
        [password] Correct the first line of the password file and try again; ask the Bridge's owner for the password.
        [try-later] Wait a minute and try again.
        [full] Ask its owner to make room (`kumi bridge deny`), or use another Bridge.
       *[other] Update kumi on this machine, or ask the Bridge's owner.
    }
api-bridges-full = No more Bridges can be used.
    .why = This node uses { $max }, which is the most that it keeps.
    .fix = `kumi status` shows them; use one no more with `kumi bridge forget ADDR`.
api-unknown-bridge = This node does not use the Bridge { $bridge }.
    .why = None of its Bridges has this address.
    .fix = `kumi status` shows them.
api-not-serving = This node is no Bridge.
    .why = Only a Bridge has clients and makes lines for them.
    .fix = Make it one: `kumi bridge up`.
api-bridge-full = This Bridge keeps no more of them.
    .why = There are { $max } open lines, or as many customers with a password, which is the most.
    .fix = Wait until lines have been used or have expired, admit nodes with `kumi bridge allow ADDR`, or give one customer's password to more nodes.
api-unknown-name = There is no peer or member "{ $who }".
    .why = Neither the list of allowed peers nor a management server that is in touch knows the name.
    .fix = See `kumi list` and `kumi group list`.
api-not-managing = This node manages no groups.
    .why = Only the node that made a group manages it.
    .fix = Type the command on that node, or make a group here: `kumi group create NAME`.
api-group-refused = { $refusal ->
        [name] A group or member cannot be called "{ $name }".
        [group-exists] There is a group "{ $group }" already.
        [no-group] There is no group "{ $group }".
        [no-member] There is no member "{ $member }".
        [in-group] { $member } is in { $group } already.
        [not-in-group] { $member } is not in { $group }.
        [zone] There is no time zone "{ $zone }".
        [no-invite] The server does not know this line.
        [invite-expired] The line has expired.
        [has-node] { $member } has another machine already.
        [is-member] This machine is the member { $member } already.
        [prefix] { $prefix } cannot lie behind a member.
        [full] The server takes no more of them.
        [admin-exists] There is an administrator "{ $admin }" already.
        [no-admin] There is no administrator "{ $admin }".
        [no-user] There is no user "{ $user }".
        [user-exists] There is a user "{ $user }" already.
        [user-name] A user cannot be called "{ $user }".
        [period] A sign-in cannot be good for so long.
        [role] Your role does not allow this.
        [terms] These limits make no sense.
        [rules] These rules or roles cannot be.
        [rule-test] A test that is kept with { $group } would fail.
        [lock] These admin keys are no lock.
        [not-asked] Nothing waits for this signature.
        [signature] The signature is not right.
        [not-locked] The line does not lead to this locked group.
        [not-admitted] The admins of { $group } do not admit this machine by this line.
        [name-taken] There is a member { $member } already.
        [for-servers] This line is for a management server, not for a member.
        [not-for-servers] This line is for a member, not for a management server.
        [not-managed] This server does not manage { $group }.
        [shared-locked] { $group } is locked, so it has one server.
        [shared-sign-in] { $group } cannot ask for sign-ins and have several servers.
        [no-root] This server cannot say who manages { $group }.
        [no-server] No server of { $group } is at { $server }.
        [server-named] The server at { $server } has a place in the group already.
        [own-server] A server cannot take itself out of { $group }.
        [name-elsewhere] { $group } has a member { $member } already, at its other server.
        [several-called] Several members are called { $member }.
        [no-groups] The other server said nothing of its groups.
       *[other] The management server refused.
    }
    .why = { $refusal ->
        [name] A name has 1 to 63 bytes and no spaces, dots or control characters.
        [group-exists] Two groups of one server have two names.
        [no-group] Perhaps it is spelt differently.
        [no-member] Perhaps it is spelt differently, or was removed.
        [in-group] Nothing has changed.
        [not-in-group] Nothing has changed.
        [zone] Time zones are called by their place, as in /usr/share/zoneinfo.
        [no-invite] It was used by another machine, was withdrawn, or another line was made for this member since.
        [invite-expired] Lines live as long as whoever made them said.
        [has-node] A member has one machine.
        [is-member] A machine is one member of a server.
        [prefix] It holds addresses of the overlay, of one link or of everybody.
        [full] There are { $most } already.
        [admin-exists] Two administrators have two names.
        [no-admin] Perhaps it is spelt differently, or was removed.
        [no-user] Perhaps it is spelt differently, or was removed.
        [user-exists] Two users have two names.
        [user-name] A name has 1 to 63 bytes and no spaces or control characters.
        [period] It is good for 1 minute to 30 days.
        [role] It takes the role { $role }.
        [terms] Lines live for 1 s to 30 days, keys for at most ten years.
        [rules] { $detail }.
        [rule-test] It says that { $from } { $open ->
            [yes] reaches
           *[no] does not reach
        } { $to } at { $service }.
        [lock] A lock takes 1 to 16 different keys, and at least one of them, at most all, to sign.
        [not-asked] What it signs is in force already, or was asked for anew since.
        [signature] No admin key of { $group } has made it for what is asked.
        [not-locked] The group { $group } is not what the line was made for.
        [not-admitted] Not enough of them have signed for the line, or the machine is not what they allow: its name, what lies behind it, or the time.
        [name-taken] In a locked group the name is signed, so the server gives no other.
        [for-servers] Whoever uses it manages the group, and is no member by it.
        [not-for-servers] Lines of `kumi group add` and `kumi group invite` make members.
        [not-managed] The group's root key names other servers.
        [shared-locked] A second one would have to hear of every signature of its admins.
        [shared-sign-in] Each server would know of the sign-ins of its own users only.
        [no-root] Only the server that made the group has its root key.
        [no-server] Perhaps it was taken out already.
        [server-named] It, or its key, was named before at another place.
        [own-server] Somebody else has to go on with the group.
        [name-elsewhere] A name stands for one member of a group.
        [several-called] Servers that did not hear of each other have given the name twice.
        [no-groups] The connection was lost on the way, or there was too much to do.
       *[other] Its reason: { $refusal }.
    }
    .fix = { $refusal ->
        [no-user] `kumi gms user list` shows the users.
        [user-exists] Choose another name, or set its password: `kumi gms user password NAME`.
        [user-name] Choose another name.
        [period] Write a time such as 12h.
        [name] Choose another name.
        [group-exists] Choose another name, or use that group: `kumi group add NAME GROUP`.
        [no-group] `kumi group list` shows the groups.
        [no-member] `kumi group list` shows the members.
        [in-group] `kumi group list` shows who is where.
        [not-in-group] `kumi group list` shows who is where.
        [zone] Write one such as Asia/Tokyo or Europe/Berlin.
        [no-invite] Have a new line made: `kumi group add NAME GROUP` on the server.
        [invite-expired] Have a new line made: `kumi group add NAME GROUP` on the server.
        [has-node] Remove it first (`kumi group remove NAME`), or choose another name.
        [is-member] Use that name, or remove it first: `kumi group remove NAME` on the server.
        [prefix] Name the network behind it, such as 192.168.20.0/24.
        [full] Remove some, or wait until lines have expired.
        [admin-exists] Choose another name, or remove that one first: `kumi gms admin remove NAME`.
        [no-admin] `kumi gms admin list` shows them.
        [role] Ask an owner for a key with that role: `kumi gms admin add NAME --role ROLE`.
        [terms] Give another time.
        [rules] Correct it; `kumi group rules --help` shows how it is written.
        [rule-test] Nothing has changed. Change the order, or the test: `kumi group rules { $group }`.
        [lock] Say how many must sign with --locked K, and give each key once.
        [not-asked] `kumi group pending` shows what waits.
        [signature] Have it made anew: `kumi group request`, then `kumi group sign` on the admin's machine.
        [not-locked] Have a new line made.
        [not-admitted] Ask them for another line: `kumi group offer` says what a line allows.
        [name-taken] Come by another name: `kumi join LINE --label NAME`.
        [for-servers] Run `kumi group accept LINE` on the machine that is to be the second server.
        [not-for-servers] Have one made on the first server: `kumi group share GROUP`.
        [not-managed] Give the order to one of its servers: `kumi group list` on a member shows them.
        [shared-locked] Run a second instance of this server instead, on PostgreSQL: `kumi gms serve --database`.
        [shared-sign-in] `kumi group sign-in { $group } off` lets it be shared; `kumi group unshare` lets it ask again.
        [no-root] Give this order on the server that made the group, or restore that from its backup.
        [no-server] `kumi group list --json` shows the servers of each group.
        [server-named] Take it out first: `kumi group unshare GROUP ADDRESS`.
        [own-server] Take out the others, or leave it as it is.
        [name-elsewhere] Choose another name.
        [several-called] Name the one by its address F, which `kumi group list` shows.
        [no-groups] Run the command again, with the same line.
       *[other] Update kumi on this machine.
    }
api-admin-key = The management server does not know this key.
    .why = The key is another server's, has expired, or was taken away.
    .fix = Have another made on the server: `kumi gms admin add NAME`.
api-uncertain = The management server did not answer in time.
    .why = It waits for its store, perhaps; it may still do what was asked.
    .fix = Look whether it was done (`kumi group list`, `kumi gms log`) before you ask again.
api-busy = There is too much to do just now.
    .why = As many requests wait as may.
    .fix = Nothing has changed. Try again in a moment.
api-group-store = The management server cannot use its store.
    .why = { $detail }
    .fix = Nothing has changed, and groups go on as they are. See to the disk and to the files gms.db and gms.key in the state directory, or to the database; then try again.
api-group-database = { $problem ->
        [key] The key of this node does not fit the store { $place }.
        [no-key] The key of the store { $place } is not on this node.
        [other-key] This node has another key already.
        [moved] The store { $place } was moved.
        [newer] The store { $place } was written by a newer version of kumi.
        [unfinished] The store { $place } is not whole.
        [occupied] The store { $place } holds other groups.
        [here] The groups are in { $place } already.
        [exists] The file { $place } exists already.
        [elsewhere] This node keeps its groups in another place.
        [url] This is not the place of a database.
        [url-host] The place of the database names no host.
        [url-mode] The connection to the database would not be protected for sure.
        [url-roots] The certificates for the connection to the database are not named.
        [url-setting] kumi does not know "{ $setting }" for a database.
       *[other] The database cannot be used.
    }
    .why = { $problem ->
        [key] Its records are sealed, and the file gms.key in the state directory is another server's.
        [no-key] Its records are sealed with the key of the server that made it.
        [other-key] { $place } is not the key that was given.
        [moved] It is in { $to } now, and nothing is written to the old one any more.
        [newer] This version does not know its tables.
        [unfinished] Somebody began to move groups to it, and that was interrupted.
        [occupied] What is there would be lost.
        [here] There is nothing to be done.
        [exists] It would be overwritten.
        [elsewhere] They are in { $place }, and what was named holds other groups or none.
        [url] It is an absolute path, or of the form postgresql://USER@HOST/DATABASE.
        [url-host] For a Unix socket the host is its directory: postgresql://%2Frun%2Fpostgresql/DATABASE.
        [url-mode] sslmode is one of disable, require, verify-ca and verify-full; with others it is the server that decides.
        [url-roots] sslrootcert is the absolute path of a file, or "system"; with sslmode=verify-ca it has to be a file.
        [url-setting] kumi verifies the server by its certificate, and the server knows kumi by a password or by its account.
       *[other] Its reason is one that this version does not know: { $problem }.
    }
    .fix = { $problem ->
        [key] Copy gms.key from the state directory of the first server, and say `kumi gms serve --database URL --key FILE` on a node that has none.
        [no-key] Copy gms.key from the state directory of the first server, and say `kumi gms serve --database URL --key FILE`.
        [other-key] Use a node that manages no groups, or another state directory (--state DIR).
        [moved] Use the new place: `kumi gms serve --database URL`.
        [newer] Update kumi on this machine.
        [unfinished] Say `kumi gms move` once more, on the node that has the groups.
        [occupied] Name an empty database or directory.
        [here] Name another place.
        [exists] Choose another name, or move the file away.
        [elsewhere] Carry them over: `kumi gms move URL`.
        [url] Write it so; a special character in a name or password is written as %XX.
        [url-host] Write it so.
        [url-mode] Leave it out: across a network kumi uses TLS and verifies the server. If something else protects the connection, add ?sslmode=disable.
        [url-roots] Put the certificate of the server's CA into a file, and add sslrootcert=/PATH.
        [url-setting] Leave it out.
       *[other] Update kumi on this machine.
    }
error-gms-key = { $file } is not the key of a management server.
    .why = The file gms.key has 32 bytes.
    .fix = Copy gms.key from the state directory of the first server, as it is.
api-group-timeout = The management server { $server } did not answer within { $waited_s } seconds.
    .why = It is off, or what lies between lets no UDP through to it, or the line was used already.
    .fix = This node goes on calling it until the line expires; `kumi group list` shows when it is a member. On the server, check with `kumi status` that it runs.
api-no-endpoint = No line can be made: no other machine can reach this one by what it knows.
    .why = A line says where this machine is, and it has no network address.
    .fix = Connect it to a network, then try again. `kumi status` shows its addresses.
api-storage = The node could not write to its directory.
    .why = { $file }: { $detail }
    .fix = Check the disk and the permissions of that directory.
api-unknown = The node refused for a reason that this program does not know.
    .why = The node is newer than this program.
    .fix = Restart the node: `kumi down`, then `kumi up`.
