## Signing in: the person as well as the machine.

cmd-login = Sign in at this machine, for groups that ask for it
    .long =
        Groups may ask for the person as well as the machine: this node is in them only while
        somebody is signed in here. The password is asked for without echo and goes to the
        management server, inside the session with it, and nowhere else. Signing in once more
        before the end goes on without a gap. The server decides who may sign in where:
        `kumi gms user add` there.
    .examples =
        kumi login ada                         ask for the password of "ada"
        kumi login                             whoever is signed in, for longer
        kumi login ada --password-file pass    the password is the first line of a file
        kumi login ada --group pay             if groups of several servers ask for it

cmd-logout = Sign out at this machine
    .long =
        This node is out of the groups that ask for a sign-in at once, and its server tells
        the others. If the server is not in touch it is told when it is.
    .examples =
        kumi logout                whoever is signed in
        kumi logout --group pay    at the server of this group alone

cmd-gms-user = Say who signs in, and where
    .long =
        Users are people. In a group that asks for a sign-in (`kumi group sign-in`) a machine
        is a member only while one of its users is signed in there. The server keeps no
        password, only what one is checked by (Argon2id), sealed.
    .examples =
        kumi gms user add ada --on ada-laptop     ask for her password, twice
        kumi gms user set ada --disable           she is out everywhere at once
        kumi gms user list                        who may sign in where, and who is

cmd-gms-user-add = Make a user
    .long = The password has at least 8 bytes and is asked for twice, without echo. Without --on the user may sign in nowhere yet.
    .examples =
        kumi gms user add ada --on ada-laptop                        one machine
        kumi gms user add ada --on ada-laptop --on hall              two
        kumi gms user add ada --on ada-laptop --password-file pass   the password from a file

cmd-gms-user-list = Show the users
    .examples =
        kumi gms user list           for people
        kumi gms user list --json    for programs

cmd-gms-user-set = Say where a user may sign in, or whether at all
    .long = With --on the user may sign in at these members' machines and no others. Where it is signed in and may not be any more it is out at once, for everybody.
    .examples =
        kumi gms user set ada --on new-laptop    there, and nowhere else
        kumi gms user set ada --disable          nowhere
        kumi gms user set ada --enable           again as before

cmd-gms-user-password = Set a user's password anew
    .long = The user is signed in nowhere then, and signs in with the new one.
    .examples =
        kumi gms user password ada                         ask for it, twice
        kumi gms user password ada --password-file pass    take it from a file

cmd-gms-user-remove = Take a user away
    .examples = kumi gms user remove ada    she is out everywhere at once

cmd-group-sign-in = Say for how long a sign-in keeps a member in a group
    .long =
        From then on members are in the group only while a user is signed in at their machine,
        and one sign-in is good for this time. Those where nobody is signed in are out at
        once, machines without people included: such a machine signs in with
        `kumi login --password-file`.
    .examples =
        kumi group sign-in pay 12h    once a day
        kumi group sign-in pay 30d    at least once in 30 days
        kumi group sign-in pay off    the machine is enough again

arg-user = What the user is called
arg-sign-in = For how long a sign-in is good, such as 12h, at most 30d; or off
opt-user-on = A member at whose machine the user may sign in; may be given several times
opt-user-password-file = Take the password from the first line of this file
opt-sign-in-group = A group of the server that is meant, if groups of several ask for a sign-in
opt-sign-in = Members are in the groups only while a user is signed in at their machine; one sign-in is good for this time, such as 12h
opt-disable = The user may sign in nowhere
opt-enable = The user may sign in again where it could before
expected-sign-in = a time such as 12h or 30d, 1 minute to 30 days (or off)

label-sign-in = sign-in
password-ask = Password of { $user }:
password-new = New password of { $user }:
password-again = Once more:
login-done = { $user } is signed in until { $until } ({ $left }).
login-needless = { $user } is signed in, and no group of this node asks for it any more.
logout-done = Signed out. This node is out of the groups that ask for a sign-in.
logout-untold = Signed out: this node is out of the groups that ask for a sign-in. The management server is not in touch; it is told, and tells the others, when it is.
sign-in-holds = { $group }: { $user } until { $until } ({ $left })
sign-in-waits = { $group }: waits for a sign-in: kumi login NAME
join-group-waits = Sign in to use { $groups }: kumi login NAME
group-sign-in-on = In { $groups } a member is one only while its user is signed in; a sign-in is good for { $period }. Users: kumi gms user add NAME --on MEMBER
group-sign-in-off = { $groups } asks for no sign-in: the machine is enough.
groups-sign-in = SIGN-IN
gms-user = User
gms-user-on = May sign in on
gms-user-signed-in = Signed in on
gms-user-failures = Failures
gms-user-disabled = disabled
gms-users-none = There is no user. Make one: kumi gms user add NAME --on MEMBER
gms-user-added = { $user } may sign in on { $devices }.
gms-user-added-nowhere = { $user } is made, and may sign in nowhere yet: kumi gms user set { $user } --on MEMBER
gms-user-changed = { $user } is changed.
gms-user-password = { $user } has a new password, and is signed in nowhere.
gms-user-removed = { $user } is removed, and signed in nowhere.
notice-sign-in-needed = Nobody is signed in for { $groups }: this node is not in there until somebody is. Sign in: kumi login NAME
notice-sign-in-ending = The sign-in for { $groups } ends soon. To go on without a gap: kumi login
why-not-signed-in = This node is in { $group } only while somebody is signed in here, and nobody is: kumi login NAME

error-password-needed = A password is needed, and nobody can be asked.
    .why = There is no terminal.
    .fix = Give it with --password-file FILE.
error-password-differs = The two passwords differ.
    .why = One of them was mistyped.
    .fix = Nothing has changed. Try again.
error-user-password-length = The password is too short or too long.
    .why = It has { $least } to { $most } bytes.
    .fix = Choose another one. Several words are easy to keep in mind.
error-user-set = Nothing was said about the user.
    .why = `kumi gms user set` changes where a user may sign in, or whether at all.
    .fix = Add --on MEMBER, --disable or --enable.
api-sign-in-refused = { $user } is not signed in.
    .why = The password is another, or there is no such user, or it may not sign in on this machine. The server does not say which.
    .fix = Try again; after some failures that takes longer each time. Who administers sees the reason with `kumi gms log`, and can set a new password: `kumi gms user password { $user }`.
api-sign-in-later = Nobody can sign in here just now.
    .why = There were failures before, or the management server has much to do.
    .fix = Try again in { $after_s } s.
api-sign-in-server = { $waited_s ->
        [0] The management server { $server } is not in touch.
       *[other] The management server { $server } did not answer within { $waited_s } seconds.
    }
    .why = Only the server can sign anybody in. Who is signed in stays so to the end of the sign-in.
    .fix = Check with `kumi group list` and `kumi ping { $server }` that this node reaches it, then try again.
api-sign-in-wrong = { $problem ->
        [no-group] No group of this node asks for a sign-in.
        [not-this-group] The group "{ $group }" asks for no sign-in on this node.
        [several] Groups of several servers ask for a sign-in.
        [no-user] It is not said who signs in.
        [signing-out] The server does not know yet that the user before signed out.
       *[other] Nobody is signed in.
    }
    .why = { $problem ->
        [no-group] The machine is enough for those that it is in.
        [not-this-group] This node is not in it, or the machine is enough.
        [several] A password goes to its own server and to no other: { $groups }.
        [no-user] Nobody was signed in here before.
        [signing-out] It was told, and has not answered.
       *[other] It has ended already, or nobody has signed in.
    }
    .fix = { $problem ->
        [no-group] Nothing is to be done. `kumi group list` shows the groups.
        [not-this-group] `kumi group list` shows the groups that ask for one.
        [several] Name one of the groups: kumi login NAME --group GROUP
        [no-user] Name the user: kumi login NAME
        [signing-out] Try again in a few seconds.
       *[other] Nothing is to be done.
    }
