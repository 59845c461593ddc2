## `kumi names`: every program finds members by name.

cmd-names = Let every program find members by name (NAME.GROUP.kumi), or no longer
    .long =
        The node answers DNS questions for names that end in .kumi, at an address inside
        the private network. systemd-resolved, where it runs, is told of that by the node
        itself, and nothing is left to do. Elsewhere `kumi names on` adds a module to the
        C library. /etc/resolv.conf is never touched.
    .examples =
        sudo kumi names on    ssh ada.lab.kumi, curl http://ada.lab.kumi/
        kumi names status     how names are found now
        sudo kumi names off   as it was before

cmd-names-on = Let every program find members by name
    .long =
        Puts libnss_kumi.so.2 beside the C library, and "kumi" into the hosts line of
        /etc/nsswitch.conf, before whatever asks the network. Names that end in .kumi are
        asked of the node alone. Programs that are running may have to be started again.
    .examples =
        kumi names on         as root; then: ssh ada.lab.kumi
        sudo kumi names on    without being root

cmd-names-off = Take back what `kumi names on` did
    .long = Takes "kumi" out of /etc/nsswitch.conf, where every other byte stays, and removes libnss_kumi.so.2.
    .examples =
        kumi names off         as root: as it was before
        sudo kumi names off    without being root

cmd-names-status = Say how names are found now
    .examples =
        kumi names status           for people
        kumi names status --json    for programs

names-on = { $file } asks this machine's node for names that end in .kumi.
names-off = { $file } no longer asks this machine's node for names.
names-work = Programs find members by name: ssh NAME.GROUP.kumi
names-no-node = Programs do not find members by name: no node runs here that this account may ask. Start it with `kumi up`.
names-inside-only = The private network is in a namespace: programs find members by name there only, with `kumi run -- ssh NAME.GROUP.kumi`.
names-no-network = Programs do not find members by name: the node has no network interface. `kumi check` says why.
names-fail = Programs do not find members by name, although { "/etc/nsswitch.conf" } says so: is libnss_kumi.so.2 there, and of this version?
names-not-yet = Programs do not find members by name. `sudo kumi names on` changes that.
names-label-switch = nsswitch.conf
names-label-module = module
names-label-resolved = systemd-resolved
names-label-responder = responder
names-switch-on = on: { $file } names the module
names-switch-off = off
names-switch-none = { $file } cannot be read, or is a link
names-module-current = { $file }
names-module-other = { $file }, of another version: `sudo kumi names on` replaces it
names-module-missing = not installed
names-module-none = this build has none for this machine's C library
names-resolved-runs = runs; the node tells it by itself
names-resolved-not = does not run

error-names-root = Only root may change how names are found.
    .why = { "/etc/nsswitch.conf" } holds for every program of the machine.
    .fix = sudo kumi names on; without root, `kumi run -- ssh NAME.GROUP.kumi` finds names.
error-names-no-file = There is no { "/etc/nsswitch.conf" }.
    .why = This machine's C library asks for names in another way, and has no modules for it.
    .fix = Use systemd-resolved, or `kumi run`; or ask the responder by DNS, at fc00::53.
error-names-link = { "/etc/nsswitch.conf" } is a link, and was not touched.
    .why = It leads to { $to }: another program writes it, and would undo the change.
    .fix = Tell that program to put "kumi [!UNAVAIL=return]" before "dns" in the hosts line (authselect: a custom profile).
error-names-unreadable = { "/etc/nsswitch.conf" } cannot be read.
    .why = { $detail }
    .fix = Look what it is, then try again. Nothing was changed.
error-names-no-line = { "/etc/nsswitch.conf" } has no hosts line.
    .why = Without one the C library has an order of its own, which is not ours to choose.
    .fix = Add the line "hosts: files dns", then try again.
error-names-lines = { "/etc/nsswitch.conf" } has several hosts lines.
    .why = Only one of them counts, and it is not plain which.
    .fix = Leave one, then try again.
error-names-no-module = This build of kumi has no module for this machine's C library.
    .why = Such modules are for glibc; this program was built for another library, or uses none.
    .fix = Use systemd-resolved, or `kumi run`; or ask the responder by DNS, at fc00::53.
error-names-remove = { $file } cannot be removed.
    .why = { $detail }
    .fix = Remove it by hand. No program asks for it any more.
