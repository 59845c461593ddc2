## `kumi service`: the node starts at boot.

cmd-service = Start this node at boot, or no longer
    .long =
        As root the machine's systemd starts it; otherwise systemd does so for this
        account, or, where systemd does not run, cron.
    .examples =
        kumi service install --now    from now on, and at every boot
        kumi service remove           no longer

cmd-service-install = Start this node at boot
    .long =
        As root without --user it writes /etc/systemd/system/kumi.service; otherwise
        ~/.config/systemd/user/kumi.service. Where no systemd runs that would read it, it
        adds one line "@reboot" to the crontab and leaves the others as they are. The
        program is started from where it is now, with the --state and --config given
        here. A Bridge starts as a Bridge: the node remembers that.
    .examples =
        kumi service install                 at the next boot
        kumi service install --now           and now as well
        sudo kumi service install            root's node
        kumi --state DIR service install     a node with its own directory

cmd-service-remove = Start this node no longer at boot
    .long = Takes away what `kumi service install` wrote, and nothing else. A running node goes on: `kumi down` stops it.
    .examples =
        kumi service remove         this account's node
        sudo kumi service remove    root's node

opt-user = As root: for this account, not for the machine
opt-now = Start the node now as well

service-unit-installed = systemd starts the node at boot. Wrote { $file }, which runs:
service-line-installed = cron starts the node at boot. Added a line to the crontab, which runs:
service-linger = Until you log in it does not run yet: `loginctl enable-linger` lets this account's services start at boot.
service-build-directory = { $file } is in a build directory and goes away with `cargo clean`. Better: cargo install --locked --path apps/kumi, then `kumi service install` again.
service-started = The node is running.
service-start-system = Start it now with: systemctl start kumi (a node started by hand first needs `kumi down`)
service-start-user = Start it now with: systemctl --user start kumi (a node started by hand first needs `kumi down`)
service-start-cron = Start it now with: kumi up
service-removed = The node no longer starts at boot. Removed: { $what }. A running node goes on; `kumi down` stops it.
service-nothing = Nothing starts the node at boot that `kumi service install` wrote.

error-service-no-way = Nothing here can start the node at boot.
    .why = No systemd runs that would do it, and there is no crontab command.
    .fix = Install cron (on Debian: apt-get install cron) and try again, or have your own init run: kumi up --foreground --no-invite
error-service-goes-away = { $file } cannot be started at boot.
    .why = It is in a directory that is emptied, or has been deleted already.
    .fix = Install kumi where it stays, e.g. in /usr/local/bin, and run `kumi service install` from there.
error-service-files-go-away = { $file } would be gone at the next boot.
    .why = It is in a directory that is emptied, and the node's address would go with it.
    .fix = Give --state and --config in a place that stays, or leave them out.
error-service-changeable = root may not start { $file } at boot.
    .why = Another account may change { $path }, and with it what root would run.
    .fix = Copy it for root: install -m 755 { $file } /usr/local/bin/kumi, then /usr/local/bin/kumi service install. Or use that account, without root.
error-service-sealed = The node could not start at boot by itself.
    .why = { $file } is sealed, and at boot nobody can be asked for its passphrase.
    .fix = Name a file that holds it: kumi service install --passphrase-file FILE
error-service-node-runs = A node that was started by hand is running.
    .why = Two cannot run with the same files, so the service could not start now.
    .fix = Stop it with `kumi down`, then try again; or leave out --now, and the service takes over at the next boot.
error-service-foreign = { $file } was not written by kumi.
    .why = It is there already and does not begin as our units do, so it was not touched.
    .fix = Look what it is; if nobody needs it, move it away, then try again.
error-service-path = { $file } cannot be written into a unit or a crontab.
    .why = It has control characters, or is not UTF-8.
    .fix = Give the file or directory another name.
error-service-long = The line for the crontab would be too long.
    .why = It has { $len } bytes; cron takes { $max }.
    .fix = Choose shorter paths for the program, --state and --config.
error-service-command = `{ $command }` did not work.
    .why = { $detail }
    .fix = Put that right and try again; `kumi up` starts the node meanwhile.
