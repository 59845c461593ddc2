//! Units and crontab lines, with paths that mean something to systemd, the shell and cron.

use super::*;

fn command(program: &str, state: Option<&str>) -> Command {
    let mut argv = vec![program.to_owned()];
    if let Some(state) = state {
        argv.extend(["--state".to_owned(), state.to_owned()]);
    }
    Command {
        argv,
        after: Vec::new(),
        state: state.map(str::to_owned),
        needs_home: false,
    }
}

#[test]
fn a_unit_runs_the_node_in_the_foreground_and_is_known_again() {
    for way in [Way::SystemUnit, Way::UserUnit] {
        let text = unit(way, &command("/usr/local/bin/kumi", None));
        assert!(is_our_unit(text.as_bytes()));
        assert!(
            text.contains("\nExecStart=:/usr/local/bin/kumi up --foreground --no-invite\n"),
            "{text}"
        );
        assert!(
            !text.contains('@') || text.contains("@system-service"),
            "{text}"
        );
        for placeholder in ["@COMMAND@", "@DIRECTORIES@", "@HOME@"] {
            assert!(!text.contains(placeholder), "{text}");
        }
    }
    assert!(!is_our_unit(b"[Service]\nExecStart=/usr/bin/kumi\n"));
}

#[test]
fn the_system_unit_may_write_where_root_keeps_its_files_and_nowhere_else() {
    let usual = unit(Way::SystemUnit, &command("/usr/bin/kumi", None));
    // As os::files::Directories says for root.
    assert!(usual.contains("\nStateDirectory=kumihimo\n"));
    assert!(usual.contains("\nRuntimeDirectory=kumihimo\n"));
    assert!(usual.contains("\nProtectHome=yes\n"));
    let mut other = command("/root/.cargo/bin/kumi", Some("/srv/two words"));
    other.needs_home = true;
    let other = unit(Way::SystemUnit, &other);
    assert!(other.contains("\nReadWritePaths=\"/srv/two words\"\n"));
    assert!(!other.contains("StateDirectory"));
    assert!(other.contains("\nProtectHome=read-only\n"));
}

#[test]
fn what_means_something_to_systemd_is_escaped() {
    let text = unit(
        Way::UserUnit,
        &command("/a b/100%/\"q\"\\/$HOME/kumi", None),
    );
    let expected = r#"ExecStart=":/a b/100%%/\"q\"\\/$HOME/kumi" up --foreground --no-invite"#;
    assert!(text.contains(expected), "{text}");
}

#[test]
fn what_means_something_to_cron_and_the_shell_is_escaped() {
    let line = cron_line(&command("/usr/bin/kumi", None)).unwrap();
    assert_eq!(
        line,
        "@reboot /usr/bin/kumi up --no-invite >/dev/null # kumi service install\n"
    );
    let line = cron_line(&command("/a b/it's/100%/$HOME/kumi", Some("/s"))).unwrap();
    let expected = r"@reboot '/a b/it'\''s/100\%/$HOME/kumi' --state /s up --no-invite";
    assert!(line.starts_with(expected), "{line}");
}

#[test]
fn a_line_that_cron_does_not_take_is_refused() {
    let len = cron_line(&command("/", None)).unwrap().len();
    let fits = "/".repeat(CRON_COMMAND_LEN_MAX - len + 1);
    assert!(cron_line(&command(&fits, None)).is_ok());
    let failure = cron_line(&command(&format!("{fits}k"), None)).unwrap_err();
    assert_eq!(failure.id, "error-service-long");
    assert_eq!(failure.args["len"], (CRON_COMMAND_LEN_MAX + 1).to_string());
}

#[test]
fn a_path_that_no_line_can_hold_is_refused() {
    use std::os::unix::ffi::OsStrExt;
    assert!(plain(Path::new("/home/組/kumi")).is_ok());
    for bytes in [&b"/a\nb"[..], b"/\xff"] {
        let path = Path::new(std::ffi::OsStr::from_bytes(bytes));
        assert_eq!(plain(path).unwrap_err().id, "error-service-path");
    }
}

const OTHERS: &[&[u8]] = &[
    b"",
    b"\n",
    b"MAILTO=\"\"\n# nightly\n0 3 * * *\t/usr/bin/true  \n\n",
    b"@reboot /usr/bin/other # not kumi service\n",
    b"#@reboot /old/kumi up # kumi service install\n",
    b"0 0 * * * echo \xff\xfe \\% # kumi service install\r\n",
];

#[test]
fn install_and_remove_leave_a_crontab_as_it_was() {
    let line = cron_line(&command("/usr/bin/kumi", None)).unwrap();
    for before in OTHERS {
        let during = with_line(before, &line);
        assert_eq!(during, [before, line.as_bytes()].concat());
        assert_eq!(with_line(&during, &line), during, "twice is once");
        assert_eq!(&without_line(&during), before);
        assert_eq!(&without_line(before), before);
    }
}

#[test]
fn a_line_of_ours_is_replaced_where_it_is() {
    let old = cron_line(&command("/old/kumi", None)).unwrap();
    let new = cron_line(&command("/new/kumi", None)).unwrap();
    let before = format!("A=1\n{old}B=2\n{old}");
    assert_eq!(
        with_line(before.as_bytes(), &new),
        format!("A=1\n{new}B=2\n").into_bytes()
    );
    // A file without an end of line gets one; cron would not have taken it.
    assert_eq!(with_line(b"A=1", &new), format!("A=1\n{new}").into_bytes());
}
