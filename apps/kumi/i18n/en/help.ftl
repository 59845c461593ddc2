## The command line: cmd-* are commands, opt-* options, arg-* arguments.

help-usage = Usage:
help-commands = Commands
help-options = Options
help-arguments = Arguments
help-examples = Examples:

cmd-kumi = Kumihimo: a private network whose addresses are keys
    .long = Two machines, five commands: install twice, `kumi up` on one, `kumi join LINE` on the other, `kumi ping`. No account, no domain, no administrator's rights.
    .after =
        Start here:
          kumi demo               see it work on this machine, in less than a minute
          kumi up                 start this node and print an invite line
          kumi join kumi1:…       on the other machine, with that line

        Exit codes:
          0 done   1 failed   2 wrong command line or kumi.toml
          3 the node is not running   4 permission denied

        `kumi COMMAND --help` explains a command and gives examples.

cmd-demo = Show two nodes talk through a Bridge on this machine, with an eavesdropper in between
    .long =
        Builds two nodes that cannot reach each other and a Bridge between them, in
        namespaces of its own, joins them, pings, sends a file and shows what an
        eavesdropper on the wire of the Bridge sees. It needs no privileges, touches
        nothing of this machine and leaves nothing behind.
    .examples =
        kumi demo               the whole story
        kumi demo --size 256    with a file of 256 MiB
        kumi demo --json        the figures only

cmd-up = Start this node and print an invite line
    .long =
        Makes an identity if there is none, starts the node in the background and prints
        its address, where others can reach it, and an invite line. If the node runs
        already, it prints its status and a new invite line. `kumi service install` starts
        the node at boot.

        With --bridge it waits until that Bridge has taken this node, and the invite
        leads through the Bridge. The Bridge is remembered: it need be given only once.

        With --socks5 or --http-proxy, programs outside the private network reach it
        through a proxy: by address, or by a name in `kumi list`. It asks for no password:
        every user of this machine can use it, as with `ssh -D`.
    .examples =
        kumi up                  start in the background
        kumi up --bridge kumi1:AgAAAA…    and be reached through that Bridge
        kumi up --no-invite      start without making an invite
        kumi up --foreground     stay in the foreground, e.g. under systemd
        kumi up --socks5 127.0.0.1:1080 --http-proxy 127.0.0.1:8080    with proxies for browsers and curl

cmd-down = Stop this node
    .long =
        Closes all sessions, removes the network interface and ends the node. The
        identity and the list of allowed peers stay.
    .examples =
        kumi down    stop the node
        kumi up      start it again

cmd-join = Join the node that made an invite line
    .long =
        Starts this node if it is not running, uses the invite line and waits until the
        session stands. Afterwards each end is on the other's list of allowed peers.
        With the line of a Bridge it does what `kumi bridge use` does. With one of
        `kumi group add` this node becomes a member, and that is all there is to do.
    .examples =
        kumi join kumi1:AQAAAA…                   the whole line, in one piece
        kumi join kumi1:AQAAAA… --label server    and call the peer "server"
        kumi join kumi1:AQAAAA… --wait 60         wait up to 60 seconds

cmd-invite = Make an invite line for one more machine
    .long =
        The line works once and expires. Whoever uses it first gets in, so send it by
        a way that others do not read.
    .examples =
        kumi invite                 valid for 24 hours
        kumi invite --expires 1h    valid for one hour
        kumi invite --expires 7d    valid for seven days

cmd-status = Show how this node stands
    .examples =
        kumi status           for people
        kumi status --json    for programs

cmd-ping = Ask a peer for an answer and show the time and the way
    .long =
        Sends an echo request inside the session, whether or not the two machines have
        an interface for it, and says by which way the answer came.
    .examples =
        kumi ping                    the only peer there is
        kumi ping server             by the name in `kumi list`
        kumi ping fc12:…:89ab        by address
        kumi ping server -c 1        once

cmd-peers = Show all allowed peers and their sessions
    .examples =
        kumi peers           for people
        kumi peers --json    for programs

cmd-top = Watch what goes to and from each peer
    .long =
        Shows the rates of every peer in both directions, those with the most traffic
        first, by which way they go, and the round-trip time; besides, what the node
        discarded since the sample before, which offloads it uses, and how many datagrams
        one call of the kernel moved. A terminal is drawn anew until Ctrl-C; the last view
        stays. Elsewhere, and with --json, it takes one sample, or as many as -c says.

        With --json each sample is one line. Rates are null for a peer that appeared or
        counts anew, and for all when the node was restarted: the next sample has them.
    .examples =
        kumi top                               watch until Ctrl-C
        kumi top --interval 5                  a sample each 5 seconds
        kumi top --json                        one sample for a program
        kumi top --json -c 60 --interval 10    60 of them, over ten minutes

cmd-run = Run a program that sees the private network
    .long =
        Without administrator's rights the private network is in a namespace of its
        own; this command runs a program there. When the interface is in the machine's
        own network, every program sees it, and the command is run as it is.
    .examples =
        kumi run -- ssh alice@fc12:…:89ab        log in to a peer
        kumi run -- curl http://[fc12:…:89ab]/   fetch from a peer
        kumi run -- bash                         a shell inside

cmd-forward = Lead a TCP port into the private network, or out of it
    .long =
        LISTEN is where connections are waited for, TARGET where they lead to. An end is an
        address and a port of this machine, or one in the private network: inside:PORT
        as LISTEN, a peer as TARGET. Alone it lists the forwards.

        Forwards stay through restarts. A port of this machine is open to all of its users,
        as with `ssh -L`; one inside is open to the peers that `kumi list` lets in. After
        --remove, connections under way go on until they end.
    .examples =
        kumi forward inside:22 127.0.0.1:22              peers reach the sshd of this machine
        kumi forward 127.0.0.1:2222 [fc12::1]:22         ssh -p 2222 127.0.0.1 reaches a peer
        kumi forward 127.0.0.1:8080 server:80            by a name in `kumi list`
        kumi forward                                     list them
        kumi forward --remove inside:22                  remove one

cmd-allow = Let a peer in
    .long =
        Nobody gets in unless it is on the list. The peer must allow this node as well.
        Without --port it may reach everything on this machine, and behind it what this
        node announces; with it, those ports only. A network behind the peer takes effect
        once it is accepted with --accept, which changes nothing else.
    .examples =
        kumi allow fc12:…:89ab --label server              everything
        kumi allow fc12:…:89ab --port tcp/22               SSH only
        kumi allow fc12:…:89ab -p tcp/80 -p tcp/443        two ports
        kumi allow fc12:…:89ab --accept 192.168.20.0/24    a network behind it as well
        kumi allow fc12:…:89ab --accept none               none behind it any more

cmd-deny = Take a peer off the list; its session ends at once
    .examples =
        kumi deny fc12:…:89ab    by address
        kumi deny server         by the name in `kumi list`

cmd-list = Show who is allowed to do what
    .examples =
        kumi list           for people
        kumi list --json    for programs

cmd-check = Look for what is wrong, and say what to do
    .long =
        Checks kumi.toml, the identity, files and their permissions, whether the node runs,
        the UDP port, the network interface, the clock, routes that collide, forwarding, and
        by which addresses others reach this node. It changes nothing.
    .examples =
        kumi check           for people; exit code 1 if something fails
        kumi check --json    for programs

cmd-bugreport = Collect what a bug report needs, without secrets
    .long =
        Writes status, peers, checks and versions as text. No key, passphrase, invite
        or traffic is in it. Read it before you send it.
    .examples =
        kumi bugreport               to kumi-bugreport.txt
        kumi bugreport report.txt    to a file of your choice
        kumi bugreport -             to the screen

cmd-completions = Print a script that completes commands in your shell
    .examples =
        kumi completions bash > ~/.local/share/bash-completion/completions/kumi
        kumi completions zsh > ~/.zfunc/_kumi
        kumi completions fish > ~/.config/fish/completions/kumi.fish

cmd-id = Make, show and keep safe this node's identity
    .long =
        The identity is a root key, which signs rarely, the next root key, which is
        meant to be kept offline, and the hot keys. The address is derived from
        it and stays the same when the root key is rotated.
    .examples =
        kumi id show                   this node's address and keys
        kumi id backup identity.kumi   a sealed copy of everything
        kumi id rotate                 change the root key, keep the address

cmd-id-new = Make an identity
    .long = `kumi up` does this by itself on the first start. With --seal the root keys are sealed with a passphrase from the beginning.
    .examples =
        kumi id new           without a passphrase
        kumi id new --seal    ask for a passphrase and seal the root keys

cmd-id-show = Show this node's address, root key and certificate
    .examples =
        kumi id show           for people
        kumi id show --json    for programs

cmd-id-rotate = Change the root key; the address stays
    .long =
        The next root key takes the place of the root key, a new next root key is made,
        and a running node tells its peers. Sessions go on. Certificates of the old root
        key are refused from then on.
    .examples =
        kumi id rotate                                   when next.key is in its place
        cp /media/usb/next.key ~/.local/state/kumihimo/ && kumi id rotate

cmd-id-seal = Seal the root keys with a passphrase, or change it
    .long = With --node the hot keys are sealed as well; `kumi up` then asks for the passphrase.
    .examples =
        kumi id seal           the root keys
        kumi id seal --node    the hot keys as well

cmd-id-backup = Write the whole identity into one sealed file
    .examples =
        kumi id backup identity.kumi                          ask for a passphrase
        kumi id backup identity.kumi --passphrase-file pass   take it from a file

cmd-id-restore = Bring an identity back from a sealed file
    .long = Brings back what is missing. A file that is there is never overwritten.
    .examples =
        kumi id restore identity.kumi               on a new machine
        kumi id restore identity.kumi && kumi up    and start the node

opt-help = Explain this command
opt-version = Print the version
opt-json = Print JSON, for programs
opt-lang = The language of all texts: en or ja
opt-state = Where this node keeps its files
opt-config = The configuration file to use
opt-size = The size of the file that is sent, in MiB (1 to 1024; 64 if not given)
opt-foreground = Stay in the foreground and log to standard error
opt-no-invite = Do not make an invite line
opt-socks5 = Offer a SOCKS5 proxy at this address and port of this machine
opt-http-proxy = Offer an HTTP proxy at this address and port of this machine
opt-remove = Remove the forward that waits there
opt-passphrase-file = Take the passphrase from the first line of this file (or of the file that KUMI_PASSPHRASE_FILE names)
opt-new-passphrase-file = Take the new passphrase from the first line of this file
opt-label = What to call the peer
opt-wait = How long to wait for the peer, in seconds (1 to 300; 30 if not given)
opt-expires = How long the invite is valid: 30m, 24h, 7d (1m to 30d; 24h if not given)
opt-count = How many times to ask (4 if not given)
opt-interval = Time between two questions, in seconds (1 if not given)
opt-top-count = How many samples to take (on a terminal until Ctrl-C if not given, else one)
opt-top-interval = Time between two samples, in seconds (0.1 to 3600; 1 if not given)
opt-port = A port that the peer may reach: tcp/22 or udp/6000-6100; may be given up to 64 times
opt-accept = A prefix that the peer may announce, in addition to those before: 192.168.20.0/24 or fd00:20::/64; none takes all back; may be given up to 64 times
opt-seal = Seal the root keys with a passphrase
opt-node = Seal the hot keys as well

arg-line = The invite line that `kumi up` or `kumi invite` printed
arg-peer = A peer: its address, or its name in `kumi list`; or the name of a member of a group: NAME or NAME.GROUP
arg-command = The program to run and its arguments
arg-listen = Where to wait: an address and a port of this machine, or inside:PORT
arg-target = Where it leads: an address and a port; fc00::/8 and 200::/7, names of peers and inside:ADDRESS:PORT go through the private network
arg-who = Whom to allow: an address in fc00::/8, or a root key of 64 hexadecimal digits
arg-who-listed = Whom to deny: an address, a root key, or a name in `kumi list`
arg-report = Where to write it; - for the screen
arg-shell = bash, zsh, fish, elvish or powershell
arg-backup = The file to write; it must not exist
arg-restore = The file that `kumi id backup` wrote
