## `kumi bridge`: being a Bridge, and using some.

cmd-bridge = Be a Bridge, or use one
    .long =
        A Bridge is a node that others can reach, and that relays between them what it
        cannot read. Nodes behind NAT reach each other through it. Any machine with a
        reachable address will do; it needs no administrator's rights.
    .examples =
        kumi bridge up                    on a machine that can be reached
        kumi up --bridge kumi1:AgAAAA…    on the others, with the line that it printed

cmd-bridge-up = Make this node a Bridge and print a line for a client
    .long =
        Starts the node if it does not run, and prints a line by which one other node
        attaches. It stays a Bridge through restarts. UDP and TCP use one port, which is
        that of `listen` in kumi.toml (4649 if not given). A firewall has to let both in.

        With --password-file the line holds no secret: any number of nodes that say the
        password may use it. The node keeps only the Argon2id hash of the password. Each
        customer may have a password; clients of different customers do not reach each
        other through this Bridge.
    .examples =
        kumi bridge up                                            a line that works once, for 24 hours
        kumi bridge up --password-file pass                       a line for all who know the password
        kumi bridge up --password-file pass --customer club       one for those of the customer "club"
        kumi bridge up --no-line                                  those of `kumi bridge allow` only

cmd-bridge-down = Be a Bridge no more
    .long = Ends all channels. The list of clients stays, and so does the node: `kumi down` stops it.
    .examples =
        kumi bridge down    be a Bridge no more
        kumi bridge up      be one again

cmd-bridge-invite = Make a line for one more client of this Bridge
    .long = The line works once and expires. With --password it holds no secret and works for all who know the password that `kumi bridge up --password-file` has set.
    .examples =
        kumi bridge invite                      valid for 24 hours
        kumi bridge invite --customer club      for a client of the customer "club"
        kumi bridge invite --expires 7d         valid for seven days
        kumi bridge invite --password           for all who know the password, valid for 30 days

cmd-bridge-allow = Admit a client to this Bridge, or change its terms
    .long =
        The client may use the Bridge without a line's secret or a password. It reaches
        only clients of the same customer. A client is not a peer: it reaches nothing on this
        machine unless `kumi allow` says so.
    .examples =
        kumi bridge allow fc12:…:89ab                       as long as it likes, as much as it likes
        kumi bridge allow fc12:…:89ab --rate 10M            at most 10 Mbit/s
        kumi bridge allow fc12:…:89ab --customer club --label ada

cmd-bridge-deny = Admit a client no more; its channels end at once
    .examples =
        kumi bridge deny fc12:…:89ab    by address
        kumi bridge deny ada            by the name in `kumi bridge list`

cmd-bridge-list = Show the clients of this Bridge
    .examples =
        kumi bridge list           for people
        kumi bridge list --json    for programs

cmd-bridge-use = Use a Bridge
    .long =
        Attaches this node to a Bridge by a line of the Bridge and remembers it. A node
        keeps up to eight and moves to another one when one dies. Invites made from then
        on name them. `kumi up --bridge LINE` does the same and makes an invite.
    .examples =
        kumi bridge use kumi1:AgAAAA…                         by a line with a secret
        kumi bridge use kumi1:AgAAAA… --password-file pass    by a line and a password
        kumi bridge use kumi1:AgAAAA… --wait 60               wait up to 60 seconds

cmd-bridge-forget = Use a Bridge no more
    .examples =
        kumi status                       shows the Bridges and their addresses
        kumi bridge forget fc12:…:89ab    by address

opt-bridge = A line that `kumi bridge up` printed: reach others, and be reached, through that Bridge; may be given up to 8 times
opt-bridge-password-file = Take the password of the Bridge from the first line of this file
opt-bridge-wait = How long to wait for the Bridge, in seconds (1 to 300; 20 if not given)
opt-customer = Whose client it is: a name of your choice; clients of different customers do not reach each other
opt-line-expires = How long the line is valid: 30m, 24h, 7d (1m to 30d; 24h if not given, 30d with a password)
opt-no-line = Do not make a line
opt-password = A line without a secret, for nodes that say the password
opt-password-file = Take the Bridge's password from the first line of this file (8 to 128 bytes)
opt-rate = What it may send through this Bridge, in bits a second as tc and iperf3 count: 500K, 10M, 1G (K = 1000)

arg-bridge = The address of the Bridge, from `kumi status`
arg-bridge-line = The line that `kumi bridge up` or `kumi bridge invite` printed
arg-client = Whom to deny: an address, a root key, or a name in `kumi bridge list`

expected-bridge = the address of a Bridge, as `kumi status` shows it,
expected-bridges = at most 8 Bridges
expected-customer = a name of 1 to 32 bytes without control characters
expected-rate = a number of bits a second such as 500K, 10M or 1G

label-bridge = through
label-serving = Bridge

bridge-serving = This node is a Bridge: it relays between its clients what it cannot read.
bridge-password-kept = The node keeps only the Argon2id hash of the password. The file may be deleted.
bridge-no-line = Make a line for a client with `kumi bridge invite`, or admit one with `kumi bridge allow ADDR`.
bridge-next = On a machine that shall use this Bridge, type:
bridge-line-once = The line works once, until { $until }. Whoever uses it first gets in: send it by a private way.
bridge-line-password = The line holds no secret and works until { $until } for all who know the password. FILE has the password in its first line.
bridge-stopped = This node is a Bridge no more. It goes on running; `kumi down` stops it.
bridge-not-serving = This node is no Bridge. `kumi bridge up` makes it one.
bridge-allowed = Admitted: { $who } may use this Bridge.
bridge-allowed-next = It needs a line to know where the Bridge is, and may use any: `kumi bridge invite`.
bridge-denied = Denied: { $who } may not use this Bridge any more, and its channels have ended.
bridge-clients-none = No clients yet. Make a line with `kumi bridge invite`, or admit one with `kumi bridge allow ADDR`.
bridge-customer = CUSTOMER
bridge-channels = CHANNELS
bridge-relayed = RELAYED
bridge-rate = AT MOST
bridge-client-here = here
bridge-client-away = away
bridge-waiting = Waiting for the Bridge
bridge-used = The Bridge { $bridge } has taken this node, { $via }, in { $took } ms.
bridge-used-next = Invites from now on lead through it: `kumi invite`.
bridge-forgotten = This node does not use the Bridge { $bridge } any more.

status-bridge-attached = the Bridge { $endpoint } over { $carrier } ({ $bridge })
status-bridge-calling = the Bridge { $endpoint } ({ $bridge }): it does not answer; this node goes on calling
status-bridge-refused = { $refusal ->
    [not-admitted] the Bridge { $endpoint } ({ $bridge }): it does not admit this node. Ask its owner for a new line
    [password] the Bridge { $endpoint } ({ $bridge }): the password is missing or wrong. Again: kumi bridge use LINE --password-file FILE
    [try-later] the Bridge { $endpoint } ({ $bridge }): too many passwords were tried there; it is asked again in a minute
    [full] the Bridge { $endpoint } ({ $bridge }): it has no room for another client
   *[other] the Bridge { $endpoint } ({ $bridge }): it does not take this node, for a reason that this version does not know
}
status-serving = { $tcp ->
    [none] clients here: { $clients }; channels: { $channels }; open lines: { $lines }; UDP only: the TCP port could not be had
   *[other] clients here: { $clients }; channels: { $channels }; open lines: { $lines }; UDP and TCP port { $tcp }
}

advice-lan = It works on this network. From elsewhere this node is reached only through a Bridge: `kumi bridge up` on any machine that can be reached, then `kumi up --bridge LINE` here.
advice-bridge-lan = By these addresses only machines of this network reach this Bridge. For others, let the router forward UDP and TCP port { $port } to this machine, or run the Bridge on a machine with a public address.

invite-bridges = It leads through the Bridge at { $bridges }, so it works from anywhere that reaches that.
