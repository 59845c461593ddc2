## What commands print when all is well.

up-identity-made = Made a new identity. Its address, derived from its keys: { $address }
up-certificate-renewed = Renewed the node certificate; it is valid until { $until }.
up-started = The node is running (process { $pid }).
up-already = The node is running already (process { $pid }).
up-foreground = The node is running in the foreground. End it with Ctrl-C.
up-root-sealed = The node certificate ends on { $until } and the root key is sealed: run `kumi up` in a terminal, or with --passphrase-file, to renew it.
up-next-command = On the other machine, type:
up-invite-life = The line works once, until { $until }. Whoever uses it first gets in: send it by a private way.
up-then = Then, on the other machine as well: kumi ping { $address }
up-no-invite = Make an invite line for another machine with `kumi invite`.
up-hint-next-key = Tip: move { $file } to an offline place, such as a USB stick. It is what keeps this address yours if the root key is stolen.

label-address = address
label-alias = alias
label-label = name
label-reached = reached by
label-announces = announces
label-listen = listens on
label-network = network
label-proxies = proxies
label-peers = peers
label-certificate = certificate
label-traffic = traffic
label-offloads = offloads
label-drops = discarded
label-span = measured
label-calls = per call
label-subnet = alias subnet
label-root-key = root key
label-rotations = root key changes
label-files = files

status-title = Kumihimo { $version }, running for { $uptime } (process { $pid })
status-reached-none = no other machine yet: this one has no network address
status-reached-lan = { $endpoints } (from the same network only)
status-network-kernel = interface { $name } in this machine's network, MTU { $mtu }{ $queues ->
    [one] {""}
   *[other] , { $queues } queues
}
status-network-rootless = in a namespace, without privileges (MTU { $mtu }{ $queues ->
    [one] {""}
   *[other] , { $queues } queues
}): use `kumi run -- COMMAND`
status-network-none = none: sessions and `kumi ping` work, programs cannot use them
status-forwards = { $count ->
    [one] one forward
   *[other] { $count } forwards
}
status-proxies-local = { $list } (open to every user of this machine)
status-proxies-public = { $list } (open to everyone who reaches these addresses)
status-peers = { $connected } connected, { $allowed } allowed, { $invites } open invites
status-certificate = counter { $counter }, valid until { $until } ({ $left } left)
status-certificate-over = counter { $counter }, ended on { $until }
status-traffic = { $received } received, { $sent } sent
status-offloads = { $idle ->
    [none] in use: { $used }
   *[other] { $used ->
        [none] not in use: { $idle }
       *[other] in use: { $used }; not in use: { $idle }
    }
}
offload-interface-tcp = interface TCP (TSO)
offload-interface-udp = interface UDP (USO)
offload-send = sending (UDP GSO)
offload-receive = receiving (UDP GRO)

notice-label = notice:
notice-clone-self = Another machine uses this node's keys ({ $endpoint }). Two copies of one identity disturb each other: stop one of them; if it is not yours, the keys are stolen: `kumi id rotate`.
notice-clone-peer = Two machines use the keys of { $address } ({ $endpoint } and { $endpoint_other }). Ask its owner; if need be, `kumi deny { $address }`.
notice-certificate-expiring = { $root ->
    [sealed] The node certificate ends in { $days } days, and the root key is sealed: run `kumi up` in a terminal, or with --passphrase-file, to renew it.
    [missing] The node certificate ends in { $days } days, and root.key is not on this machine: bring it back (`kumi id restore FILE`), then run `kumi up` to renew it.
   *[other] The node certificate ends in { $days } days. `kumi up` renews it.
}
notice-certificate-expired = { $root ->
    [sealed] The node certificate has ended, and peers refuse this node. The root key is sealed: run `kumi up` in a terminal, or with --passphrase-file, to renew it.
    [missing] The node certificate has ended, and peers refuse this node. root.key is not on this machine: bring it back (`kumi id restore FILE`), then run `kumi up` to renew it.
   *[other] The node certificate has ended, and peers refuse this node. `kumi up` renews it.
}
notice-no-tun = There is no network interface: { $detail }. `kumi check` says what to do.
notice-no-site = A group of this node protects { $prefixes }, and this machine cannot take part: { $detail }. Flows there are as without Kumihimo.
notice-no-beacon = Peers in this network are not found by themselves: { $detail }.
notice-clock-behind = The clock of this machine is { $behind_s } seconds behind the time that the node knows. Set it right.
notice-no-endpoint = No other machine can reach this node by what it knows. Connect it to a network.
notice-not-listening = Nothing waits for connections at { $listen }: { $detail }. Free that address, then `kumi down` and `kumi up`; or remove the forward with `kumi forward --remove { $listen }`.
notice-beyond-gateway = Beyond the gateway, { $prefixes } is ordinary IP: Kumihimo protects it only between the two nodes.
notice-not-accepted = { $name } announces { $prefixes }, which has no effect here. To accept it: kumi allow { $who } { $accept }
notice-contested = { $name } announces { $prefixes }, and so does another peer or this node: it does not lead to { $name }. One of them must announce something else.
notice-prefix-elsewhere = { $prefix } leads to { $device } on this machine, and is left there: packets for it do not go to the peer that announces it.
notice-not-forwarding = This node announces { $prefix }, but this machine does not forward packets. To let it: sysctl -w { $sysctl }=1
notice-nothing-behind = This node announces { $prefix }, but its interface is not in this machine's network, so it is the gateway of nothing. Start it as root, or remove `announce` from kumi.toml.
notice-unknown = The node says something that this program does not know. Update kumi.

invite-life = Works once, until { $until }. On the other machine: kumi join LINE

join-waiting = Waiting for { $peer }
join-starting = Starting this node
join-done = Connected to { $peer }{ $label } { $via } in { $took } ms.
join-next = Now type:

via-direct = directly at { $endpoint }
via-stream = over TCP at { $endpoint }
via-bridge = through the Bridge { $bridge }

ping-title = Asking { $peer }{ $label }
ping-answer = { $seq }: answer { $via }, { $rtt } ms
ping-lost = { $seq }: no answer
ping-summary = { $received } of { $sent } answered; round trip { $min } / { $mean } / { $max } ms (least / mean / most)
ping-summary-none = 0 of { $sent } answered

peers-none = No peers yet. Make an invite with `kumi invite`, or allow one with `kumi allow ADDR`.
peers-name = NAME
peers-address = ADDRESS
peers-state = STATE
peers-via = BY
peers-rtt = TIME
peers-traffic = RECEIVED / SENT
peers-prefixes-used = { $name } announces { $prefixes }: packets for it go there.
peers-prefixes-not-accepted = { $name } announces { $prefixes }, which has no effect here. To accept it: kumi allow { $who } { $accept }
peers-prefixes-contested = { $name } announces { $prefixes }, and so does another peer or this node: it does not lead to { $name }.
peer-connected = connected
peer-connecting = connecting
peer-idle = idle
peer-unreachable = no way known

top-first = from now on; the rates follow
top-restarted = anew: the node was restarted; the rates follow
top-span = over the last { $seconds } s
top-calls = { $sent } datagrams sent, { $received } received (what one call of the kernel moved)
top-drops-none = nothing
top-received = RECEIVED
top-sent = SENT
top-packets = PACKETS/s
top-total = total
top-appeared = new
top-reset = anew
top-more = { $count } more do not fit here

list-none = Nobody is allowed yet. Make an invite with `kumi invite`, or allow a peer with `kumi allow ADDR`.
list-who = WHO
list-services = MAY REACH
list-accepts = MAY ANNOUNCE
list-since = SINCE
list-answers = nothing (answers only)
list-everything = everything

forward-done = Forwarded: { $listen } leads to { $target }.
forward-done-inside = Forwarded: peers that may reach tcp/{ $port } here get from { $listen } to { $target }. Who may: `kumi list`.
forward-local = It is open to every user of this machine.
forward-public = It is open to everyone who reaches that address.
forward-removed = Removed: { $listen } leads nowhere any more. Connections under way go on.
forward-none = There are no forwards. `kumi forward --help` has examples.
forward-listen = LISTEN
forward-target = TARGET
forward-open = open

allow-done = Allowed: { $who } may reach { $services }.
allow-accepts = It may announce { $prefixes }: packets for what it announces of that go there.
allow-mutual = That side must allow this node as well: kumi allow { $address }
deny-done = Denied: { $who } is off the list, and its session has ended.
down-done = The node has stopped.
down-already = The node was not running.

id-made = Made a new identity.
id-sealed = sealed
id-open = not sealed
id-absent = not here
id-rotated = The root key was changed; the address is still { $address }.
id-rotated-told = { $peers ->
    [0] The running node knows; no peer is connected now. Peers learn it at the next contact.
    [one] The running node knows and has told one connected peer.
   *[other] The running node knows and has told { $peers } connected peers.
}
id-rotated-stopped = The node is not running; peers learn it when it next meets them.
id-rotated-next = A new next root key is in { $file }. Move it to an offline place.
id-seal-done = Sealed: { $files }
id-backup-done = Wrote the whole identity of { $address } to { $file }, sealed with the passphrase.
id-backup-keep = Keep the file and the passphrase in different places. Without the passphrase nobody can open it.
id-restored = Restored the identity { $address }: { $files }
id-restored-nothing = Nothing was missing: all files of { $address } are here.
id-restored-clone = Never run the same identity on two machines at once: peers notice and name it.

passphrase-ask = Passphrase for { $file }:
passphrase-new = New passphrase:
passphrase-again = The same again:
passphrase-backup = Passphrase for the backup:

bugreport-done = Wrote { $file }. It holds addresses and names of peers, but no keys; read it before you send it.
