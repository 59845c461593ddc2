//! `kumi.toml`: what is accepted, and the exact words about what is not.

use super::*;
use crate::text::Text;

fn parsed(source: &str) -> Config {
    parse(source, Path::new("kumi.toml")).unwrap()
}

fn refused(source: &str) -> [String; 3] {
    let failure = parse(source, Path::new("kumi.toml")).unwrap_err();
    assert_eq!(failure.exit, Exit::Usage);
    failure.sentences(&Text::new(Language::En))
}

#[test]
fn an_empty_file_means_the_usual_settings() {
    assert_eq!(parsed(""), Config::default());
    assert_eq!(parsed("# nothing\n"), Config::default());
}

#[test]
fn every_key_is_read() {
    let config = parsed(
        "language = 'ja'\nlisten = '[::]:4649'\nlabel = '書斎'\ndiscovery = false\n\
         [ip]\naddresses = ['10.77.0.1/24', '10.78.0.1']\n\
         announce = ['192.168.10.0/24', 'fd00:10::/64']\n\
         [tun]\nname = 'kumi1'\nmtu = 1_500\nmode = 'rootless'\nroutes = 'peers'\n\
         offloads = false\nqueues = 2\n",
    );
    assert_eq!(config.language, Some(Language::Ja));
    assert_eq!(config.listen, "[::]:4649".parse().ok());
    assert_eq!(config.label.as_deref(), Some("書斎"));
    assert!(!config.discovery);
    let ip = Ip {
        site: None,
        addresses: vec![([10, 77, 0, 1].into(), 24), ([10, 78, 0, 1].into(), 32)],
        announce: ["192.168.10.0/24", "fd00:10::/64"]
            .map(|text| text.parse().unwrap())
            .to_vec(),
    };
    assert_eq!(config.ip, ip);
    let tun = Tun {
        name: Some("kumi1".to_owned()),
        mtu: Some(1500),
        mode: TunMode::Rootless,
        routes: Routes::Peers,
        offloads: false,
        queues: Some(2),
    };
    assert_eq!(config.tun, tun);
}

#[test]
fn proxies_stay_on_this_machine_unless_they_shall_not() {
    let config = parsed("[proxy]\nsocks5 = '[::1]:1080'\nhttp = '127.0.0.2:8080'\n");
    let proxy = Proxy {
        socks5: "[::1]:1080".parse().ok(),
        http: "127.0.0.2:8080".parse().ok(),
        open: false,
    };
    assert_eq!(config.proxy, proxy);
    let [what, _, fix] = refused("[proxy]\nsocks5 = '0.0.0.0:1080'\nopen = false\n");
    assert_eq!(
        what,
        "kumi.toml:2:10: \"proxy.socks5\" cannot be \"0.0.0.0:1080\"."
    );
    assert!(
        fix.contains("\"127.0.0.1:1080\"") && fix.contains("open = true"),
        "{fix}"
    );
    let config = parsed("[proxy]\nsocks5 = '0.0.0.0:1080'\nopen = true\n");
    assert_eq!(config.proxy.socks5, "0.0.0.0:1080".parse().ok());
    for wrong in ["'1080'", "'localhost:1080'", "'127.0.0.1:0'", "1080"] {
        refused(&format!("[proxy]\nhttp = {wrong}\n"));
    }
    refused("[proxy]\nsocks = '127.0.0.1:1080'\n");
    refused("proxy = true\n");
}

#[test]
fn options_count_instead_of_the_file_and_under_its_rule() {
    let file = parsed("[proxy]\nsocks5 = '127.0.0.1:1080'\nhttp = '127.0.0.1:8080'\n").proxy;
    let with = |proxy: Proxy, value: &str| proxy.with_options(Some(&value.to_owned()), None, "");
    let proxy = with(file, "[::1]:1081").unwrap();
    assert_eq!(
        (proxy.socks5, proxy.http),
        ("[::1]:1081".parse().ok(), file.http)
    );
    let failure = with(file, "192.0.2.1:1080").unwrap_err();
    assert_eq!(
        (failure.exit, failure.id.as_str()),
        (Exit::Usage, "error-proxy-open")
    );
    assert_eq!(with(file, "1080").unwrap_err().id, "error-usage-value");
    let open = Proxy { open: true, ..file };
    assert!(with(open, "192.0.2.1:1080").is_ok());
}

#[test]
fn an_unknown_key_is_refused_where_it_stands() {
    assert_eq!(
        refused("listen = '[::]:1'\nlable = 'laptop'\n"),
        [
            "kumi.toml:2:1: unknown key \"lable\".",
            "A key that is not understood would be a setting that silently has no effect.",
            "Did you mean \"label\"? There are: language, listen, label, discovery, ip, proxy, gms, tun.",
        ]
    );
    assert_eq!(
        refused("[tun]\nname = 'kumi0'\n  speed = 9\n"),
        [
            "kumi.toml:3:3: unknown key \"tun.speed\".",
            "A key that is not understood would be a setting that silently has no effect.",
            "Remove it. There are: name, mtu, mode, routes, offloads, queues.",
        ]
    );
    assert_eq!(
        refused("[bridge]\n")[0],
        "kumi.toml:1:2: unknown key \"bridge\"."
    );
    assert_eq!(
        refused("tun.mut = 1400")[0],
        "kumi.toml:1:5: unknown key \"tun.mut\"."
    );
}

#[test]
fn a_value_of_the_wrong_type_is_refused_where_it_stands() {
    assert_eq!(
        refused("discovery = 'yes'\n"),
        [
            "kumi.toml:1:13: \"discovery\" has a value of the wrong type.",
            "It is of type string.",
            "Write a value like true.",
        ]
    );
    assert_eq!(refused("tun = 1")[2], "Write a value like [tun].");
    assert_eq!(
        refused("[tun]\nmtu = '1400'")[2],
        "Write a value like 1400."
    );
    assert_eq!(refused("label = 4")[2], "Write a value like \"laptop\".");
    assert_eq!(
        refused("listen = 4649")[2],
        "Write a value like \"[::]:4649\"."
    );
}

#[test]
fn a_value_that_cannot_be_is_refused_with_what_can() {
    assert_eq!(
        refused("[tun]\nmode = 'root'\n"),
        [
            "kumi.toml:2:8: \"tun.mode\" cannot be \"root\".",
            "Only certain values mean something.",
            "Write one of: auto, kernel, rootless, none.",
        ]
    );
    assert_eq!(
        refused("tun.mtu = 1279"),
        [
            "kumi.toml:1:11: \"tun.mtu\" cannot be 1279.",
            "IPv6 needs at least 1280, and a packet has at most 65535 bytes.",
            "Write a number from 1280 to 65535, or remove the line.",
        ]
    );
    assert_eq!(
        refused("tun.mtu = -1")[0],
        "kumi.toml:1:11: \"tun.mtu\" cannot be -1."
    );
    assert_eq!(
        refused("tun.mtu = 65_536")[0],
        "kumi.toml:1:11: \"tun.mtu\" cannot be 65536."
    );
    assert_eq!(
        refused("tun.queues = 9")[0],
        "kumi.toml:1:14: \"tun.queues\" cannot be 9."
    );
    assert_eq!(
        refused("listen = '4649'"),
        [
            "kumi.toml:1:10: \"listen\" cannot be \"4649\".",
            "It is not all addresses of this machine and a port.",
            "Write it like \"[::]:4649\"; the port is yours to choose.",
        ]
    );
    assert_eq!(
        refused("listen = '192.0.2.1:4649'")[0],
        "kumi.toml:1:10: \"listen\" cannot be \"192.0.2.1:4649\"."
    );
    assert_eq!(
        refused("tun.name = 'a network'")[2],
        "Write 1 to 15 letters, digits, \"_\", \".\" or \"-\", such as \"kumi0\"."
    );
    let long = format!("label = '{}'", "x".repeat(64));
    assert_eq!(
        refused(&long)[1],
        "It has 64 bytes, or control characters in it."
    );
    assert_eq!(refused("language = 'fr'")[2], "Write one of: en, ja.");
}

#[test]
fn addresses_and_prefixes_are_refused_with_what_can_be() {
    assert_eq!(
        refused("[ip]\nannounce = ['fd00:10::/64', '192.168.10.1/24']"),
        [
            "kumi.toml:2:29: \"ip.announce\" cannot have \"192.168.10.1/24\".",
            "The address goes on behind the prefix.",
            "Write \"192.168.10.0/24\".",
        ]
    );
    assert_eq!(
        refused("ip.announce = ['lan']")[2],
        "Write a prefix like \"192.168.10.0/24\" or \"fd00:10::/64\"."
    );
    for text in [
        "0.0.0.0/0",
        "::/0",
        "fc00::/8",
        "200::/7",
        "127.0.0.1",
        "fe80::/64",
    ] {
        assert_eq!(
            refused(&format!("ip.announce = ['{text}']"))[1],
            "Nobody may announce everything, fc00::/8, 200::/7, loopback, link-local or \
             multicast addresses, or a part of them."
        );
    }
    for text in [
        "fd00::1/64",
        "10.77.0.1/0",
        "10.77.0.1/33",
        "224.0.0.1/32",
        "10.77/24",
    ] {
        let [what, _, fix] = refused(&format!("ip.addresses = ['{text}']"));
        assert_eq!(
            what,
            format!("kumi.toml:1:17: \"ip.addresses\" cannot have \"{text}\".")
        );
        assert_eq!(
            fix,
            "Write an IPv4 address and a length like \"10.77.0.1/24\"."
        );
    }
}

#[test]
fn lists_of_prefixes_are_bounded_and_of_texts() {
    let many = |count| format!("ip.announce = [{}]", "'10.0.0.0/8', ".repeat(count));
    assert_eq!(parsed(&many(48)).ip.announce.len(), 48);
    assert_eq!(
        refused(&many(49)),
        [
            "kumi.toml:1:15: \"ip.announce\" is too long.",
            "It has 49 entries, and at most 48 are possible.",
            "Leave some out; neighbouring prefixes may be written as one that is shorter.",
        ]
    );
    assert_eq!(
        refused("ip.announce = '10.0.0.0/8'")[2],
        "Write a value like [\"192.168.10.0/24\"]."
    );
    assert_eq!(
        refused("[ip]\nadresses = []")[0],
        "kumi.toml:2:1: unknown key \"ip.adresses\"."
    );
}

#[test]
fn what_is_not_toml_is_refused_where_it_stands() {
    let [what, why, fix] = refused("label = 'laptop'\nlisten = \n");
    assert_eq!(what, "kumi.toml:2:10: this is not TOML.");
    assert!(!why.is_empty() && !why.contains('\n'));
    assert_eq!(fix, "Correct that line, or put a # in front of it.");
    assert_eq!(
        refused("a = 1\na = 2\n")[0],
        "kumi.toml:2:1: this is not TOML."
    );
}

#[test]
fn columns_count_characters_not_bytes() {
    let [what, ..] =
        refused("label = '書斎'  \nlanguage = 'ja'\ntun = { mode = 'x', name = '書斎' }");
    assert_eq!(what, "kumi.toml:3:16: \"tun.mode\" cannot be \"x\".");
    let [what, ..] = refused("tun = { mode = \"auto\", name = '書', mtu = 1 }");
    assert!(what.starts_with("kumi.toml:1:42:"), "{what}");
}

#[test]
fn the_japanese_words_name_the_same_place() {
    let failure = parse("lable = 1", Path::new("kumi.toml")).unwrap_err();
    assert_eq!(
        failure.sentences(&Text::new(Language::Ja)),
        [
            "kumi.toml:1:1: キー \"lable\" はありません。",
            "理解できないキーを見逃すと、効かない設定に気付けなくなります。",
            "\"label\" ではありませんか。使えるのは language, listen, label, discovery, ip, proxy, gms, tun です。",
        ]
    );
}

#[test]
fn the_file_is_looked_for_where_the_documentation_says() {
    let places = |vars: &[(&str, &str)]| places(&Environment::of(vars));
    let etc = PathBuf::from("/etc/kumihimo/kumi.toml");
    assert_eq!(places(&[]), std::slice::from_ref(&etc));
    let home = places(&[("HOME", "/home/a")]);
    assert_eq!(
        home,
        [
            PathBuf::from("/home/a/.config/kumihimo/kumi.toml"),
            etc.clone()
        ]
    );
    let xdg = places(&[("HOME", "/home/a"), ("XDG_CONFIG_HOME", "/c")]);
    assert_eq!(xdg, [PathBuf::from("/c/kumihimo/kumi.toml"), etc]);
}

#[test]
fn a_file_that_was_asked_for_must_be_there() {
    let missing = Path::new("/nonexistent/kumi.toml");
    let failure = load(Some(missing), &[]).unwrap_err();
    assert_eq!(failure.id, "error-config-unreadable");
    let places = [missing.to_owned()];
    assert_eq!(load(None, &places), Ok(Config::default()));
}

#[test]
fn the_first_file_that_is_there_is_the_one() {
    let folder = std::env::temp_dir().join(format!("kumi-config-{}", std::process::id()));
    std::fs::create_dir(&folder).unwrap();
    let places = ["a", "b", "c"].map(|name| folder.join(name));
    for (file, label) in places[1..].iter().zip(["second", "third"]) {
        std::fs::write(file, format!("label = \"{label}\"\n")).unwrap();
    }
    let label = |chosen: Option<&Path>| load(chosen, &places).unwrap().label;
    assert_eq!(label(None).as_deref(), Some("second"));
    assert_eq!(label(Some(&places[2])).as_deref(), Some("third"));
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn administrators_are_served_elsewhere_only_with_a_certificate_and_its_key() {
    let whole = "[gms]\nhttps = \"[::]:8443\"\ncertificate = \"/a.pem\"\nkey = \"/a.key\"\n";
    let config = parse(whole, Path::new("kumi.toml")).unwrap();
    let https = config.gms.unwrap();
    assert_eq!(https.at, "[::]:8443".parse().unwrap());
    assert_eq!(https.key, Path::new("/a.key"));
    let failed = |source: &str| parse(source, Path::new("kumi.toml")).unwrap_err().id;
    for (source, id) in [
        ("[gms]\nhttps = \"[::]:8443\"\n", "error-config-gms"),
        ("[gms]\ncertificate = \"/a.pem\"\n", "error-config-gms"),
        ("[gms]\nhttps = \"8443\"\n", "error-config-https"),
        ("[gms]\nhttps = \"[::]:0\"\n", "error-config-https"),
        ("[gms]\nkey = \"a.key\"\n", "error-config-file"),
        ("[gms]\nhtps = \"[::]:1\"\n", "error-config-key-near"),
        ("gms = 1\n", "error-config-type"),
    ] {
        assert_eq!(failed(source), id, "{source}");
    }
    assert_eq!(parse("[gms]\n", Path::new("kumi.toml")).unwrap().gms, None);
}
