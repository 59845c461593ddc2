## `kumi group` for locked groups: only so many of their admins admit.

cmd-group-key = The key of an admin of locked groups
    .long =
        The members of a locked group believe its admins alone: the server that manages it
        cannot let anybody in. An admin's key is made on a machine of its own and stays there.
    .examples =
        kumi group key new     make one, sealed by a passphrase
        kumi group key show    show its public half
cmd-group-key-new = Make an admin's key, and show its public half
    .long =
        The public half, kumikey1.…, goes to whoever makes the group. The key is in admin.key in
        the state directory, or where --key-file says, always sealed by a passphrase. Keep a copy
        somewhere else: who admits to a group is never changed.
    .examples =
        kumi group key new                            in the state directory
        kumi group key new --key-file /media/key/me    on a stick
cmd-group-key-show = Show the public half of an admin's key
    .long = It asks for the passphrase.
    .examples = kumi group key show    print kumikey1.…
cmd-group-pending = Show what waits for admins' signatures
    .long =
        A member of a locked group is in it when enough of its admins have signed. The same is
        true of what it is there (`kumi group role`) and of the group's rules.
    .examples =
        kumi group pending           for people
        kumi group pending --json    for programs, with what is to be signed
cmd-group-request = Print what the admins are to sign of a member, or of the rules
    .long =
        The text, kumiask1.…, is no secret. Bring it to each admin, who reads what it says and
        signs it: `kumi group sign`. The signatures come back with `kumi group approve`.
    .examples =
        kumi group request ada vault        for the admins of the group "vault"
        kumi group request --rules vault    its rules, after `kumi group rules vault FILE`
cmd-group-sign = Read what an admin is asked to sign, and sign it
    .long =
        Says in words what the text asks for, and asks whether you mean it. Runs on the machine
        that has your key, with or without a node, and talks to nobody.
    .examples =
        kumi group sign kumiask1.…                               read, confirm, sign
        kumi group sign kumiask1.… --key-file /media/key/me      with the key on a stick
        kumi group sign kumiask1.… --yes --passphrase-file FILE    in a script, after reading it
cmd-group-approve = Bring admins' signatures to the server
    .long =
        When enough have signed, the member is in the group, is what was signed, or the rules
        count. Whoever brings a signature adds nothing to it: it counts by what it signs.
    .examples =
        kumi group approve kumisig1.…                one signature
        kumi group approve kumisig1.… kumisig1.…     two
cmd-group-offer = Prepare a line that admits while the admins are away
    .long =
        LINE is what `kumi group add` or `kumi group invite` printed on the server, for one
        locked group. This machine makes a key that the server never sees, and prints what the
        admins are to sign: whom the key may let in. Run it on an admin's machine, then
        `kumi group complete` on the same.
    .examples =
        kumi group offer kumi1:AgwAAA…                               for the member that the line names
        kumi group offer kumi1:AgwAAA… --name gate --behind 10.2.0.0/16    a router of this name
        kumi group offer kumi1:AgwAAA… --role staff                  for one that is "staff"
        kumi group offer kumi1:AgwAAA… --several                     for several machines
cmd-group-complete = Put the admins' signatures into the line
    .long =
        With enough of them it prints the line for the new machine: `kumi join LINE`. Whoever has
        that line first becomes the member, so it is a secret.
    .examples = kumi group complete kumisig1.… kumisig1.…    print the line

arg-request = What is to be signed: kumiask1.…
arg-signature = What an admin has signed: kumisig1.…
arg-line-locked = A line of the server, for one locked group
opt-locked = How many of the admins must sign for a member; the group is locked then, and never otherwise
opt-admin-key = The public half of an admin's key (kumikey1.…, from `kumi group key new`); 1 to 16 of them
opt-key-file = The file with the admin's key (admin.key in the state directory if not given)
opt-rules = The group whose rules are to be signed
opt-yes = Sign without asking: I have read what it says
opt-name = What the machine is to be called
opt-several = Several machines may come by the line; one if not given
expected-locked = a number from 1 up to that of the admin keys, and 1 to 16 of those
expected-request = a text that begins with kumiask1. and was copied whole
expected-signature = a text that begins with kumisig1. and was copied whole
expected-member-role = at most 8 roles, each of 1 to 32 bytes without spaces and dots, and not *
expected-member-name = a name of 1 to 63 bytes without spaces and dots

label-groups = groups
groups-locked = (locked: { $need } of { $all })
groups-pending = { $member } (waits for admins)
group-created-locked = { $count ->
        [one] It is locked: { $need } of { $all } admins must sign for each member. This server can only remove.
       *[other] They are locked: { $need } of { $all } admins must sign for each member. This server can only remove.
    }
group-created-member-locked = { $count ->
        [one] This node waits as { $member } until the admins have signed: kumi group pending
       *[other] This node waits as { $member } until the admins of each have signed: kumi group pending
    }
group-key-where = The public half of the key in { $file }. Give it to whoever makes the group: kumi group create NAME --locked K --admin-key …
group-pending-none = Nothing waits for signatures.
group-pending-what = WHAT
group-pending-signed = SIGNED
group-pending-enters = enters
group-pending-enters-as = enters as { $roles }
group-pending-becomes = becomes { $roles }
group-pending-none-more = loses its roles
group-pending-rules = { $count ->
        [one] 1 rule
       *[other] { $count } rules
    }
group-pending-no-rules = no rules any more
group-pending-next = What an admin signs: kumi group request MEMBER GROUP
group-pending-next-rules = What an admin signs of rules: kumi group request --rules GROUP
group-added-pending = { $member } waits for the admins of { $groups }: kumi group request { $member } GROUP
group-request-next = Bring it to the admins. Each of them: kumi group sign kumiask1.…
group-sign-next-admission = Signed. Bring it to the server: kumi group approve kumisig1.…
group-sign-next-invite = Signed. Bring it to where the line was prepared: kumi group complete kumisig1.…
group-approved = { $member } is in { $group } now.
group-approved-more = { $have } of { $need } admins have signed for { $member }. It is not in { $group } yet, or what it was.
group-approved-rules = The rules of { $group } count now. Members in touch know them.
group-approved-rules-more = { $have } of { $need } admins have signed the rules of { $group }. They do not count yet.
group-rules-asked = The rules of { $group } wait for its admins: kumi group request --rules { $group }
group-rules-pending = # Other rules wait for the admins' signatures: kumi group pending
group-role-asked = In { $group } it stays what it was until the admins have signed: kumi group request { $member } { $group }
group-offer-next = Bring it to the admins. Each of them: kumi group sign kumiask1.…  Then here: kumi group complete kumisig1.…
group-complete-more = { $have } of { $need } admins have signed. Nobody is let in yet; bring the others: kumi group complete kumisig1.…
group-complete-once = Works once, until { $until }, without the admins. On the new machine: kumi join LINE
group-complete-several = Works for several machines, until { $until }, without the admins. On each of them: kumi join LINE
join-group-pending = The server knows this node as { $name }. It is in no group yet: the admins of a locked group have to sign first. Nothing else is to be done here.

sign-title-admission = You are asked to let this machine into a locked group, until it is removed:
sign-title-invite = You are asked to let whoever holds a line into a locked group, without asking you again:
sign-title-rules = You are asked to say what the members of a locked group may reach at each other:
sign-roles = roles
sign-number = number
sign-permit = may reach
sign-permit-words = { $number }. { $from }: { $services } of { $to }
sign-everything = everything
sign-anybody = every member
sign-role = members that are { $role }
sign-rest = all else
sign-rest-closed = is closed: members reach nothing that is not named here, and get answers
sign-rest-all-closed = is closed: members reach nothing at each other
sign-rest-open = is open: there are no rules any more, every member reaches everything at every other
sign-rules-ahead = Beware: the number of these rules is far ahead of this machine's clock. Only rules with a higher number ever take their place.
sign-group = group, as its server calls it
sign-id = id of the group
sign-locked = locked by
sign-locked-of = { $need } of { $all } admins
sign-member = member
sign-address = address
sign-kind = kind
sign-mode = mode
sign-behind = lies behind it
sign-site = protects
sign-asked = asked
sign-how-many = how many
sign-once = one machine
sign-several = several machines
sign-any-name = any name that is free
sign-any-mode = as usual for its kind
sign-valid = valid
sign-from-until = from { $from } until { $until }
sign-invite-key = key of the line
sign-nothing = nothing
sign-ges = GES (software on a host)
sign-gen = GEN (a router)
sign-gea = GEA (an adapter before a server)
sign-other-group = Beware: you have signed for another group that is called { $group }: { $other }. A server calls groups as it likes; their ids do not lie.
sign-other-name = Beware: when you last signed for this group, its server called it { $other }.
sign-ask = Type "yes" to sign:
sign-yes = yes

error-not-pending = { $member } waits for no signatures in { $group }.
    .why = It is in the group already, its machine has not come yet, or one of the names is spelt differently.
    .fix = `kumi group pending` shows who waits; `kumi group list` shows who is in.
error-rules-not-pending = No rules of { $group } wait for signatures.
    .why = They count already, were never ordered, the group is not locked, or its name is spelt differently.
    .fix = `kumi group pending` shows what waits; `kumi group rules { $group }` shows what counts.
error-not-signed = { $problem ->
        [not-an-admin] This key is none of the group's admin keys.
        [unknown] The text asks for more than this version can show.
       *[other] The text is of two groups.
    }
    .why = { $problem ->
        [not-an-admin] Its signature would count for nothing.
        [unknown] Nobody signs what he cannot read.
       *[other] The statement in it is of another group than it says.
    }
    .fix = { $problem ->
        [not-an-admin] Use the key whose public half the group was made with: --key-file FILE.
        [unknown] Update kumi on this machine.
       *[other] Have it made anew on the server: `kumi group request MEMBER GROUP`.
    }
error-sign-unasked = Nothing was signed: nobody could be asked.
    .why = There is no terminal to confirm on.
    .fix = Read what it says, and add --yes.
error-sign-no = Nothing was signed.
    .why = You did not confirm it.
    .fix = If it says what you mean, run the command again and type "yes".
error-line-unlocked = This is no line of one locked group.
    .why = Its server admits alone, the line leads to several groups, or it was completed already.
    .fix = Give the line that `kumi group add NAME GROUP` or `kumi group invite GROUP` printed for one locked group.
error-signatures-mixed = The signatures are of different things.
    .why = A line is completed with the signatures of what was asked for it.
    .fix = Give those for one line at a time.
error-no-offer = Nothing on this machine waits for this signature.
    .why = The line was prepared on another machine or account, is complete already, or the signature is for a member: then it goes to the server.
    .fix = Run `kumi group complete` where `kumi group offer` was run; for a member, `kumi group approve` on the server.
error-signature-wrong = One of the signatures is not right.
    .why = No admin of the group has made it for this line.
    .fix = Have it made anew: `kumi group sign` with the text that `kumi group offer` printed.
api-lock-key = { $key } is no public half of an admin's key.
    .why = It does not begin with kumikey1. or was not copied whole.
    .fix = Copy what `kumi group key show` prints on the admin's machine.
api-signature-text = This is no signature of an admin.
    .why = It does not begin with kumisig1. or was not copied whole.
    .fix = Copy what `kumi group sign` printed on the admin's machine.
