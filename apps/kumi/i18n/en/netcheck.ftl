## `kumi netcheck`: what this network lets through.

cmd-netcheck = Show what this network lets through
    .long =
        Asks each Bridge that this node uses over UDP and over TCP, and says from where it
        sees this node, how long an answer takes and how large datagrams may be. With
        HOST:PORT it makes a TCP connection there as well and closes it. It takes up to five
        seconds and changes nothing.
    .examples =
        kumi netcheck                        the Bridges
        kumi netcheck bridge.example:4649    does TCP reach that place?
        kumi netcheck --json                 for programs

arg-place = A place to make a TCP connection to, such as 192.0.2.2:4649; up to 4 of them

expected-place = a host and a port such as 192.0.2.2:4649 or [2001:db8::1]:443
expected-places = at most 4 places

netcheck-waiting = Asking the Bridges
netcheck-local = This machine
netcheck-none = none that other machines could reach
netcheck-port = port
netcheck-lan = this network
netcheck-discovery = peers in it are found by themselves
netcheck-no-discovery = peers in it are not found by themselves; invites and Bridges work
netcheck-nat-unknown = not known: no Bridge says what it sees
netcheck-nat-none = none: a Bridge sees an address of this machine
netcheck-nat-behind = yes
netcheck-nat-same = yes; all Bridges see the same address and port
netcheck-nat-differs = yes; Bridges see different addresses or ports
netcheck-bridge = The Bridge { $bridge }
netcheck-answers = answers
netcheck-silent = does not answer
netcheck-tcp = takes a connection in { $took } ms
netcheck-tcp-name = no such name
netcheck-tcp-refused = refused: nothing listens there, or a firewall says no
netcheck-tcp-unreachable = no route
netcheck-tcp-other = could not be tried
netcheck-session = round trip { $rtt } ms; packets of up to { $mtu } bytes pass in one piece
netcheck-observed = sees this node at { $observed }
netcheck-not-attached = has not taken this node; `kumi status` says why
netcheck-targets = Other places

netcheck-verdict-offline = This machine is in no network. Connect it, then try again.
netcheck-verdict-lan-only = This node works on this network. To learn what lies beyond it, and to be reached from there, use a Bridge: `kumi bridge up` on any machine that can be reached, then `kumi up --bridge LINE` here.
netcheck-verdict-global = This machine has the public address { $endpoint }: others reach it unless a firewall forbids UDP port { $port }. A Bridge on another machine would tell: `kumi bridge up` there, then `kumi up --bridge LINE` here.
netcheck-verdict-open = UDP passes and there is no NAT. Everything works here.
netcheck-verdict-nat = UDP passes through a NAT. This node reaches others, and others reach it through its Bridge.
netcheck-verdict-tcp-only = This network lets no UDP through to the Bridge. This node uses TCP instead, which works but is slower when packets are lost; letting UDP out to the Bridge's port would help.
netcheck-verdict-refused = A Bridge is there but has not taken this node. `kumi status` says why; a new line of `kumi bridge invite` may be needed.
netcheck-verdict-blocked = No Bridge answers, neither over UDP nor over TCP. Either they are off or this network lets nothing out to their ports; `kumi netcheck HOST:PORT` with a place that is surely there tells which.
netcheck-verdict-unknown = The node says something that this program does not know. Update kumi.
