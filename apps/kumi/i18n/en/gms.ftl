## `kumi gms`: being the management server of groups, and using one elsewhere.

cmd-gms = Manage groups
    .long =
        `kumi group create` makes a node a management server (GMS) without being asked. Others
        administer it from their own machines with a key: the interface for that is open inside
        the overlay as long as somebody has one.
    .examples =
        kumi gms serve               be a management server, and have no group yet
        kumi gms admin add olivia    print a key; she gives orders from her machine
        kumi gms use kumiadmin1.…    there: `kumi group …` goes to that server from now on

cmd-gms-serve = Be a management server of groups, also after a restart
    .long =
        Unless this node is a member already, it is in none of the groups that it makes. With
        --site they protect these addresses, unless one is made with other ones. What it knows
        is in the files gms.db and gms.key in the state directory, or with --database in a
        PostgreSQL database and gms.key. Several machines may serve one database: each needs the
        first one's gms.key. The place is remembered, in a file that nobody else may read.
    .examples =
        kumi gms serve                                        in a file, on this machine
        kumi gms serve --site 10.0.0.0/8                      its groups protect these addresses
        kumi gms serve --no-site                              new groups protect no such addresses any more
        kumi gms serve --database postgresql://kumi@%2Frun%2Fpostgresql/kumi
        kumi gms serve --database-file FILE                   the place, with a password, from a file
        kumi gms serve --database-file FILE --key gms.key     a second machine, with the first one's key

cmd-gms-backup = Copy what the management server knows into a file, while it runs
    .long =
        The file is a store as gms.db is, also of groups that are in PostgreSQL, and never
        written over. It is sealed: keep the file gms.key of the state directory in another
        place. To restore, put it as gms.db beside that gms.key into the state directory of a
        node that does not run, with the node's own identity (`kumi id restore`), and say
        `kumi gms serve`. Restore the newest: members do not believe a server that has
        forgotten what it told them.
    .examples =
        kumi gms backup groups-2026-11-26.db    a copy of now

cmd-gms-move = Carry everything to another store: from the file to PostgreSQL, or back
    .long =
        Copies records and sealed secrets, reads all of it at the other place, and only then
        uses that. The old store stays as it is, with a mark that it was moved, and is not
        served again. Interrupted at any point nothing is lost; say it again. End other
        instances first (`kumi down`), and let them use the new place afterwards.
    .examples =
        kumi gms move postgresql://kumi@%2Frun%2Fpostgresql/kumi
        kumi gms move --database-file FILE    the place, with a password, from a file
        kumi gms move ~/.local/state/kumihimo    back into a file in this directory

cmd-gms-status = Show how many there are of everything
    .examples = kumi gms status    groups, members, lines, and the end of the audit trail

cmd-gms-log = Show who changed what, and when
    .long = Each record is hashed with all before it, so that nothing can be changed or left out unseen.
    .examples =
        kumi gms log                             the first 100 records
        kumi gms log --after 100 --most 1000     those that follow
        kumi gms log --json                      whole, with the hashes

cmd-gms-admin = Say who administers
    .long =
        An administrator has a key, which is shown once and kept nowhere. Whoever uses this
        node's control socket is an owner anyway.
    .examples =
        kumi gms admin add olivia --role owner     may do everything
        kumi gms admin list                        all, and until when
        kumi gms admin remove olivia               the key is good for nothing at once

cmd-gms-admin-add = Make an administrator, and print the key
    .long =
        auditor: reads everything; admin: and changes groups and members; owner: and says who
        administers.
    .examples =
        kumi gms admin add olivia                          changes groups and members
        kumi gms admin add ci --role auditor --expires 90d    for a program, for 90 days

cmd-gms-admin-list = Show the administrators
    .examples = kumi gms admin list    all, their roles, and until when

cmd-gms-admin-remove = Take an administrator's rights away
    .examples = kumi gms admin remove olivia    the key is good for nothing at once

cmd-gms-use = Give orders to a management server elsewhere
    .long =
        From now on `kumi group …` and `kumi gms …` of this account go there. Inside the overlay
        the key says where that is. Elsewhere the server needs `[gms] https` in kumi.toml.
    .examples =
        kumi gms use kumiadmin1.AbC…                                      the key of an administrator
        kumi gms use kumiadmin1.AbC… --url https://gms:8443 --trust ca.pem
        kumi gms use --own                                                the node here again

arg-admin = What the administrator is called
arg-admin-key = The key that `kumi gms admin add` printed
opt-role = auditor, admin (if not given) or owner
opt-admin-expires = How long the key is valid: 12h, 90d (until it is removed, if not given)
opt-after = The number of the last record that was read
opt-most = How many records, 1 to 1000 (100 if not given)
opt-url = Where the server is, if it is not reached through the overlay
opt-trust = A file with the certificate to trust there (PEM)
opt-own = Give orders to the node here again
expected-role = auditor, admin or owner
expected-admin-expires = a time such as 12h or 90d, at most ten years
expected-after = a number
expected-most = a number from 1 to 1000

gms-serving = This node manages groups. Make one: kumi group create NAME
gms-status = { $address } manages { $groups } groups with { $members } members, of which { $there } are in touch; { $lines } lines are open.
gms-status-trail = { $rev } changes so far; the audit trail ends with { $trail }.
gms-admin = Administrator
gms-role = Role
gms-until = Until
gms-id = Id
gms-admins-none = Nobody but the operator of this node administers.
gms-admin-key = This is the key of { $admin } ({ $role }); it is not shown again. On that machine: kumi gms use KEY
gms-admin-removed = { $admin } administers no more.
gms-log-rev = Number
gms-log-time = When
gms-log-who = Who
gms-log-what = What
gms-used = Orders about groups go to { $address } now ({ $groups } groups, { $members } members).
gms-used-own = Orders about groups go to the node here.

error-admin-key-text = This is no administrator's key.
    .why = A key begins with kumiadmin1. and has a checksum; a letter is wrong, or a part is missing.
    .fix = Copy the whole key that `kumi gms admin add NAME` printed on the server.
error-gms-url = { $url } is no place to send a key to.
    .why = Outside the overlay the key and all that is said would be in clear.
    .fix = Leave --url out if this machine is in the overlay, or write one that begins with https://.
error-gms-authority = { $url } needs a certificate to trust.
    .why = This program trusts no certificate that it was not told to trust.
    .fix = Add --trust FILE, with the server's certificate or that of its authority (PEM).
error-gms-outside = The key is not sent to { $url }.
    .why = This node has no interface of this machine now, so the address leads to whoever is the next router.
    .fix = Start the node with an interface (`kumi up`, as root), or use the server over TLS: `kumi gms use KEY --url https://…`.
error-rules-file = The rules in { $file } cannot be used.
    .why = { $detail }
    .fix = Look at the name of the file and at what is in it; `kumi group rules --help` shows how it is written.
error-gms-file = { $file } cannot be used.
    .why = { $detail }
    .fix = Check that the file is there and is yours alone; `kumi gms use --own` forgets the server.
error-gms-unreachable = The management server at { $url } cannot be reached.
    .why = { $detail }
    .fix = Check with `kumi ping` that this node reaches it, and on the server with `kumi gms admin list` that the key is still valid: without any administrator nothing listens. `kumi gms use --own` gives orders to the node here.
error-group-as = --as names this node, and another one manages the group.
    .why = Orders go to the server that `kumi gms use` named.
    .fix = Leave --as out, and put this node into the group with `kumi group add NAME GROUP`.
error-config-gms = { $file }, line { $line }, column { $column }: [gms] is incomplete.
    .why = To serve administrators outside the overlay it takes an address, a certificate and its key.
    .fix = Write `https = "[::]:8443"`, `certificate = "/etc/kumihimo/gms.pem"` and `key = "/etc/kumihimo/gms.key.pem"`, or none of them.
error-config-https = { $file }, line { $line }, column { $column }: gms.https = "{ $value }" is not an address.
    .why = It takes an IP address and a port.
    .fix = Write "[::]:8443" for all addresses of this machine.
error-config-file = { $file }, line { $line }, column { $column }: { $key } = "{ $value }" is not a whole path.
    .why = The node does not run in the directory in which you are.
    .fix = Write the path from / on.
