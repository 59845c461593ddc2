## `kumi group`: groups that are keys.

cmd-group = Groups that are keys
    .long =
        Put a node in a group, and that is all there is to configure: members reach each
        other wherever they are, encrypted from end to end, and nobody else reaches them.
        The node that makes the first group manages it (GMS); members go on without it.
    .examples =
        kumi group create lab          make a group; this node manages it and is in it
        kumi group add ada lab         print a line for the machine of "ada"
        kumi join kumi1:AgQAAA…        on that machine, and that was all
        kumi group remove ada          it is locked out at once, everywhere

cmd-group-create = Make groups; this node manages them
    .long =
        Starts this node if it is not running. It becomes a member, too, unless --apart is
        given or it is a server only (`kumi gms serve`). A group's key changes every night at
        03:00 in its time zone, and whenever a member leaves. With --site a group also
        protects the addresses that machines have.
    .examples =
        kumi group create lab                       this node is a member, called as its host is
        kumi group create lab office                two groups
        kumi group create lab --as server           this node is a member called "server"
        kumi group create lab --apart               this node only manages it
        kumi group create lab --site 10.0.0.0/16    flows between these addresses, too
        kumi group create lab --zone Asia/Tokyo     the time zone, if not that of this machine
        kumi group create vault --locked 1 --admin-key kumikey1.…    only this admin admits (`kumi group key`)

cmd-group-add = Put a member into groups
    .long =
        Prints a line for the machine of a new member: `kumi join LINE` there is all that it
        takes. The line works once. A member that has joined before is in the group at once,
        and nothing is typed on its machine.
    .examples =
        kumi group add ada lab                            a line for a new member
        kumi group add ada lab office                     in two groups
        kumi group add gate lab --behind 192.168.20.0/24  a router that protects what is behind it
        kumi group add ada lab --mode closed              it talks within its groups only

cmd-group-invite = Make a line by which several machines join groups
    .long =
        Each machine that uses the line becomes a member, called as its host is: so it says
        itself. To be sure who is behind a name, choose it: `kumi group add NAME GROUP`.
    .examples =
        kumi group invite sensors --uses 50                 for 50 machines, valid for 24 hours
        kumi group invite sensors --uses 50 --expires 7d    valid for seven days
        kumi group invite lab office                        for one machine, into two groups
        kumi group invite lab --mode closed                 it talks within its groups only

cmd-group-remove = Take a member out of a group, or out of all
    .long =
        It is locked out at once: every member in touch is told, sessions with it end, and
        the group's key changes. Members that are not in touch learn it from each other.
    .examples =
        kumi group remove ada        out of all groups; its machine is no member any more
        kumi group remove ada lab    out of the group "lab" only

cmd-group-role = Say what a member is, for the rules of its groups
    .long =
        A member has at most 8 roles, and those given here are all that it has from then on;
        without any it has none. Rules of groups speak of roles (`kumi group rules`).
    .examples =
        kumi group role ada staff             ada is "staff"
        kumi group role web-1 server public   web-1 is both
        kumi group role ada                   ada is nothing in particular

cmd-group-rules = Show or set what members of a group may reach at each other
    .long =
        Members of a group reach everything at each other, until the group has rules: then only
        what a rule names, and answers. Rules are shown as the file that sets them: change it
        with an editor, look what would become of it (`kumi group plan rules`), and give it.
        A test in the file says that a member reaches a service of another, or does not; an
        order that would make it wrong is refused. Removing a member altogether never is.

        {"[["}rule]]
        from = "staff"                        # who has this role; "*": every member
        to = "server"
        services = ["tcp/22", "udp/6000-6100"]    # or ["all"]

        {"[["}test]]
        from = "ada"                          # a member
        to = "web-1"
        service = "tcp/22"
        open = true
    .examples =
        kumi group rules lab > lab.toml       the rules and tests, to change
        kumi group plan rules lab lab.toml    what they would open and close
        kumi group rules lab lab.toml         they count at once, for sessions that stand, too
        kumi group rules lab --none           members reach everything again

cmd-group-plan = Show which pairs of members a change would open and close
    .long =
        Nothing is done: the server decides on the order as if it were given, and compares. A
        pair is open if it shares a group.
    .examples =
        kumi group plan remove ada         whom ada would talk to no more
        kumi group plan add ada lab        whom ada would talk to
        kumi group plan invite lab         whom somebody new would talk to
        kumi group plan rules lab FILE     which services members would reach

cmd-group-plan-add = Show what putting a member into groups would open
    .examples = kumi group plan add ada lab    whom ada would talk to

cmd-group-plan-invite = Show what a line for groups would open
    .long = Whoever would come is *1, and others are *2.
    .examples = kumi group plan invite lab office --uses 5    and whom the five, each other

cmd-group-plan-remove = Show what removing a member would close
    .examples =
        kumi group plan remove ada        out of all groups
        kumi group plan remove ada lab    out of the group "lab" only

cmd-group-plan-role = Show which services a member would reach as something else
    .examples = kumi group plan role ada staff    what ada would reach, and who would reach her

cmd-group-plan-rules = Show what other rules would open and close
    .examples = kumi group plan rules lab lab.toml    per pair of members, both ways

cmd-group-share = Let another server manage groups, too
    .long =
        Two servers at two sites manage a group together, and either may die: each renews the
        membership of all, removes anybody, changes the key and takes in new members. Prints a
        line for the other server: `kumi group accept LINE` there is all that it takes.
    .examples =
        kumi group share lab                   a line for the second server, valid for 24 hours
        kumi group share lab office            for two groups
        kumi group share lab --expires 7d      valid for seven days

cmd-group-accept = Manage groups together with another server, by its line
    .long =
        This node becomes a management server by that, if it is none. It has members, lines and
        administrators of its own; the two tell each other whom they admitted and removed.
    .examples = kumi group accept LINE    the line of `kumi group share` on the first server

cmd-group-unshare = Take another server, or a machine of this one that is gone, out of a group
    .long =
        At once it can admit, renew and remove nobody any more, and whom it admitted is out. Whom
        it removed stays out. Members of this server go on. Only the server that made the
        group can do this: it has the root key. A machine of this server gives up its place, of
        which a group has eight, and nothing else changes; if it is there it comes back.
    .examples = kumi group unshare lab fc12:…:34    the address is shown by `kumi group list`

cmd-group-rotate = Change the key of a group now
    .long = It changes every night by itself. Sessions go on and lose nothing.
    .examples = kumi group rotate lab    change the key of the group "lab"

cmd-group-list = Show the groups of this node, and those that it manages
    .examples =
        kumi group list           for people
        kumi group list --json    for programs

cmd-group-lines = Show the lines that are good for something
    .examples =
        kumi group lines           for people
        kumi group lines --json    for programs

cmd-group-withdraw = Make a line good for nothing
    .long = Whoever has come by it stays.
    .examples = kumi group withdraw 5f0c…    the id is shown by `kumi group lines`

cmd-group-cost = Count the values that people enter for a network
    .long =
        Reads a network with groups from a file and counts how many values its administrators
        enter, with GSCIP and with IPsec, by the rules of the papers on GSCIP; and with our own
        commands, if they are recorded beside it (NAME.session). The files under docs/load are
        the papers' own networks; docs/load/README.md explains the rules.
    .examples =
        kumi group cost docs/load/five-elements.toml    the network of a paper
        kumi group cost --nodes 100                     how it grows with the number of nodes
        kumi group cost FILE --json                     for programs

arg-line-id = The id of a line, from `kumi group lines`
arg-scenario = A file that describes a network (TOML)
arg-group = The name of a group
arg-gms-backup = The file to make; it must not be there
arg-gms-to = The place to carry it to: postgresql://USER@HOST/DATABASE, or a directory
arg-group-new = What to call the groups
arg-group-left = The group to leave; all if not given
arg-share-line = The line that `kumi group share` printed on the other server
arg-server = The address F of the server, from `kumi group list`
arg-groups = The names of groups
arg-member = The name of a member, from `kumi group list`
arg-member-new = What to call the member, or the name of one
opt-as = What to call this node in the group
opt-apart = Manage the groups without being in them
opt-no-site = New groups protect no ordinary addresses
opt-zone = The time zone in which the key changes at 03:00, such as Asia/Tokyo
opt-mode = open: it also talks to those outside its groups, in the clear; closed: it does not
opt-site = Ordinary addresses that groups protect as well (site mode), such as 192.168.0.0/16; may be given several times
opt-behind = What lies behind its machine: a network such as 192.168.20.0/24 (a router), or a server such as 192.168.1.50 (an adapter); may be given several times
opt-database = Keep the records in this PostgreSQL database: postgresql://USER@HOST/DATABASE
opt-database-file = Take the place of the database from this file; nobody else may be able to read it
opt-key = The file gms.key of the server whose records are used, copied from its state directory
opt-uses = How many machines may use the line (1 if not given)
opt-group-role = What a new member is, for the rules of its groups; may be given up to 8 times
opt-none = The group has no rules: its members reach everything at each other
opt-why-port = A service there: tcp/22 or udp/53; a number alone is a TCP port
arg-roles = All its roles
arg-rules = A file with rules and tests (TOML); - for standard input
expected-service = one port such as tcp/22, udp/53 or 22
opt-group-expires = How long the line is valid: 30m, 24h, 7d (1m to 30d; 24h if not given)
expected-mode = open or closed
expected-line-id = an id of 32 letters and digits, as `kumi group lines` shows it
expected-server = an address such as fc12:3456::1
expected-uses = a number from 1 to 100000

group-created = { $count ->
        [one] The group { $groups } is made. This node manages it; its key changes daily at 03:00 ({ $zone }).
       *[other] The groups { $groups } are made. This node manages them; their keys change daily at 03:00 ({ $zone }).
    }
group-created-site = { $count ->
        [one] It protects { $site }.
       *[other] They protect { $site }.
    }
group-created-member = { $count ->
        [one] This node is in it and is called { $member }.
       *[other] This node is in them and is called { $member }.
    }
group-created-next = Put others in, each with a name:
group-added = { $member } is in { $groups } now. Nothing is to be done on its machine.
group-line-once = Works once, until { $until }. On the machine of { $of }: kumi join LINE
group-line-many = Works for { $of } machines, until { $until }. On each of them: kumi join LINE
group-share-line = Works once, until { $until }. On the other server: kumi group accept LINE
group-accepted = This node manages { $groups } together with the server at { $server } now, after { $took } ms.
group-accepted-next = Put members in here as there: kumi group add NAME GROUP
group-unshared = The server at { $server } does not manage { $group } any more. Members in touch know it.
group-removed = { $member } is out of all groups. Every member in touch knows it.
group-removed-from = { $member } is out of { $group }. Every member in touch knows it.
group-role-set = { $member } is { $roles } now.
group-role-none = { $member } has no role now.
group-rules-set = { $group } has { $count ->
        [one] one rule
       *[other] { $count } rules
    } now{ $tests ->
        [0] .
        [one] , and one test holds.
       *[other] , and { $tests } tests hold.
    } Members in touch know it.
group-rules-none = { $group } has no rules now: its members reach everything at each other.
group-rules-free = # { $group } has no rules: its members reach everything at each other.
group-rules-head = # What members of { $group } may reach at each other. Set it with: kumi group rules { $group } FILE
group-rotated = The key of { $group } has changed. Members in touch have the new one.
gms-backup-done = All that this server knows is in { $file } now. It opens with gms.key of the state directory alone: keep a copy of that somewhere else.
gms-moved = Everything is at the new place, was read there, and is served from there now. The old store is not used any more.
join-group-done = This node is { $name } in { $groups } now, after { $took } ms.
join-group-next = Nothing else is to be configured. The others: kumi group list

plan-nothing = No pair of members would open or close.
plan-change = CHANGE
plan-one = MEMBER
plan-other = WITH
plan-by = BY
plan-services = SERVICES
plan-no-service = answers
plan-changes = changes
plan-when = WHEN
plan-opens = opens
plan-closes = closes
plan-stays = stays open
plan-at-once = at once
plan-waits = once admitted
plan-waits-signed = once admitted and signed
plan-left-out = And { $count } more pairs.
plan-not-done = Nothing is done yet.

groups-none = This node is in no group. Make one with `kumi group create NAME`, or join one with a line: `kumi join LINE`.
groups-member-of = This node is in:
groups-managed = This node manages (change { $rev }):
groups-group = GROUP
groups-name = AS
groups-mode = MODE
groups-epoch = KEY
groups-lease = LEASE UNTIL
groups-server = SERVER
groups-in-touch = IN TOUCH WITH
groups-next = NEXT KEY
groups-zone = ZONE
groups-members = MEMBERS
groups-servers = OTHER SERVERS
groups-member = MEMBER
groups-node = NODE
groups-element = ELEMENT
groups-of = GROUPS
groups-roles = ROLES
groups-rules = RULES
groups-open = open
groups-closed = closed
groups-server-there = in touch
groups-server-away = not in touch
groups-invited = invited
groups-here = in touch
groups-away = away
groups-by-other = { $state }, by another server

opt-nodes = Show how keys and peers grow, up to this number of nodes
expected-nodes = a number from 2 to 1000000

cost-keys = keys
cost-policy = policies
cost-element = elements
cost-membership = memberships
cost-exchange = key exchange
cost-server = server
cost-values = values
cost-words = all words
cost-total = total
cost-changes = Changes
cost-nodes = nodes
cost-curve-keys = Values entered for keys
cost-curve-peers = Values that say who talks with whom

error-scenario-unreadable = { $file } cannot be read.
    .why = { $detail }
    .fix = Give the path of a file like docs/load/five-elements.toml.
error-scenario-large = { $file } is too large.
    .why = A scenario has at most { $max }.
    .fix = Give the path of a file like docs/load/five-elements.toml.
error-scenario-syntax = { $file } is not a scenario.
    .why = { $detail }
    .fix = Correct that line; docs/load/README.md lists what there is.
error-scenario-many = { $file } has too many { $what }.
    .why = At most { $max } are counted.
    .fix = Leave some out.
error-scenario-twice = { $file } has two things of the name "{ $name }".
    .why = A name must say which one is meant.
    .fix = Give one of them another name.
error-scenario-unknown = { $file }: "{ $by }" names "{ $name }".
    .why = There is nothing of that name.
    .fix = Correct the name, or add what it names.
error-scenario-router = { $file }: "{ $by }" cannot be behind "{ $name }".
    .why = Only an element of kind "gen" has others behind it, and none is behind itself.
    .fix = Name a "gen", or remove `behind`.
error-scenario-group = { $file }: "{ $name }" is in no group.
    .why = Whoever is in no group needs no key, and there is nothing to count.
    .fix = Put it in a group, or leave it out.
error-scenario-change = { $file }: the change "{ $title }" is not one thing.
    .why = A change is either a move or an addition.
    .fix = Give it `move` or `add`, not both.
error-session = { $file } is no record of commands for its scenario.
    .why = { $detail }
    .fix = Write `MACHINE$ kumi …` on each line, commands that this version of kumi has, and changes by their titles in the scenario. Or remove the file. An example is docs/load/five-elements.session.

cmd-why = Say why packets to an address go the way they do
    .long =
        Names what becomes of a packet to this address now, and every fact that decides it, in
        the order in which the node looks at them: rules, groups, the session, and in site
        mode the process table. It asks nobody: what the other end decides, say there.
    .examples =
        kumi why ada.lab         a member
        kumi why fc3a:…          a peer
        kumi why 192.168.1.7     an ordinary address, in site mode or behind a peer

arg-why-target = An address, a peer's name, or NAME.GROUP
why-own = { $address } is this node itself.
why-past = Packets to { $address } are not for Kumihimo: the host's own routes have them.
why-sealed = Packets to { $address } go encrypted.
why-asks = The next packet to { $address } waits while the node finds out.
why-clear = Packets to { $address } go in clear.
why-discarded = Packets to { $address } are discarded.
why-site = ip.site has { $prefix }: the process table decides.
why-entry-encrypt = from { $here }: encrypt with { $peer }, for { $left } s more
why-entry-provisional = from { $here }: { $peer } was asked to encrypt and has not confirmed
why-entry-relay = from { $here }: relay what passes between the two, { $left } s more unless more is asked
why-entry-discard = from { $here }: discard, for { $left } s more; then it is asked anew
why-entry-clear = from { $here }: nobody there is in a common group; looked at again in { $left } s
why-no-entry = The process table has nothing about it yet.
why-was-member = { $peer } was there: this node never goes there in clear (kumi pit --forget).
why-mode-open = This node is open: with those in no common group it talks in clear.
why-mode-closed = This node is closed: with those in no common group it does not talk.
why-leads = It is the address of { $peer }.
why-behind = { $prefix } lies behind { $peer }.
why-no-route = No peer has this address, or says that it lies behind it.
why-denied = A rule denies this peer (kumi list).
why-allowed = A rule allows this peer; it may reach here: { $services }
why-member = It is a member of { $group } with this node, for { $left } unless renewed.
why-rules = By the rules of your groups it may reach here: { $here }; this node may reach there: { $there }
why-permits = { $group } permits this service by its rule { $rules } (kumi group rules { $group }).
why-no-permit = No rule of { $group } permits this service.
why-unknown = No rule names it, and it has shown no membership. This node is in { $groups ->
        [0] no group
        [one] one group; a packet asks
       *[other] { $groups } groups; a packet asks
    }.
why-session = Session: { $state }
why-runs = The session runs { $via }.

cmd-pit = Show what becomes of flows between ordinary addresses
    .long =
        In site mode (`ip.site` in kumi.toml) this node decides on each flow with those
        addresses when its first packet comes: with members of its groups it encrypts, with
        others it talks in clear or not at all. This is its process table. Under a flow stand
        the elements on its way that say that they relay it, in its group; a router shows
        what it relays as rows of its own.
    .examples =
        kumi pit                         for people
        kumi pit --json                  for programs
        kumi pit --forget 192.168.1.7    a member was there, and somebody else is now

pit-none = The process table is empty: no flow has begun, or `ip.site` in kumi.toml names no addresses.
opt-forget = This address is a member's no more: it may be in clear again, where this node is open
pit-forgotten = { $address } is forgotten: the next packet finds out who is there.
pit-not-known = No member was ever at { $address }. The next packet finds out who is there.
pit-here = HERE
pit-there = THERE
pit-action = DOES
pit-peer = WITH
pit-key = KEY
pit-left = FOR
pit-encrypt = encrypt
pit-provisional = encrypt (asked)
pit-relay = relay
pit-discard = discard
pit-clear = clear
pit-past = past { $peer } ({ $element }, { $mode }), which said { $age } ago that it relays

error-site-mode = Site mode cannot be started.
    .why = { $detail }
    .fix = Start the node as root, with the package nftables installed, or take `ip.site` out of kumi.toml.

group-lines-none = No line is good for anything.
group-lines-uses = Uses left
group-line-withdrawn = The line { $id } is good for nothing now.
