//! What people and programs get to see, on wide and on narrow terminals, in both languages.

use super::super::sample::tests::{peer, sample};
use super::super::sample::{Sample, compare};
use super::*;
use crate::language::Language;
use unicode_width::UnicodeWidthStr;

/// Two peers with traffic, one that is new, and drops.
fn two_samples() -> [Sample; 2] {
    let mut named = peer(1, 125_000_000, 0);
    named.label = Some("書斎のサーバ".to_owned());
    let mut before = sample(0, &[peer(1, 0, 0), peer(2, 0, 0)]);
    let mut now = sample(1, &[named, peer(2, 0, 84), peer(3, 0, 0)]);
    before.status.drops = [("mac1".to_owned(), 1)].into();
    now.status.drops = [("mac1".to_owned(), 3)].into();
    now.status.offloads.send = true;
    now.status.work.sends = 2;
    now.status.work.datagrams_out = 89;
    [before, now]
}

fn shown(language: Language, size: Option<Size>) -> Vec<String> {
    let [before, now] = two_samples();
    lines(&Text::new(language), &compare(Some(&before), &now), size)
}

#[test]
fn everything_is_shown() {
    let all = shown(Language::En, None);
    let text = all.join("\n");
    for part in [
        "Kumihimo 0.1.0, running for 16m 41s (process 7)",
        "over the last 1.0 s",
        "in use: sending (UDP GSO); not in use: interface TCP (TSO)",
        "44.5 datagrams sent, - received",
        "mac1 2",
        "1.00 Gbit/s    1250000",
        "672 bit/s",
        "directly at 192.0.2.1:4649",
        "1.2 ms",
    ] {
        assert!(text.contains(part), "no {part} in\n{text}");
    }
    let at = |name: &str| all.iter().position(|line| line.starts_with(name));
    assert!(at("total") < at("書斎のサーバ") && at("書斎のサーバ") < at("fc00::2"));
    let new = all.iter().find(|line| line.starts_with("fc00::3"));
    assert!(new.is_some_and(|line| line.contains(" new ")), "{text}");
}

#[test]
fn it_fits_every_terminal_in_both_languages() {
    for language in [Language::En, Language::Ja] {
        for (columns, rows) in [(200, 50), (80, 24), (40, 12), (17, 9), (3, 2), (1, 1)] {
            let size = Size { columns, rows };
            let lines = shown(language, Some(size));
            assert!(
                lines.len() < rows.max(1) || rows == 0,
                "{size:?}: {lines:#?}"
            );
            for line in &lines {
                assert!(line.width() <= columns, "{size:?}: {line}");
            }
        }
    }
}

#[test]
fn columns_line_up_in_japanese() {
    let lines = shown(Language::Ja, None);
    let before_rate = |name: &str, rate: &str| {
        let line = lines.iter().find(|line| line.starts_with(name)).unwrap();
        line.split(rate).next().unwrap().width()
    };
    let of_total = before_rate("合計", "Gbit/s");
    assert_eq!(before_rate("書斎のサーバ", "Gbit/s"), of_total);
}

#[test]
fn what_does_not_fit_is_counted() {
    let size = |rows| Size { columns: 200, rows };
    let all = shown(Language::En, None).len();
    assert_eq!(shown(Language::En, Some(size(all + 1))).len(), all);
    let cut = shown(Language::En, Some(size(all)));
    assert_eq!(cut.len(), all - 1);
    assert_eq!(cut.last().unwrap(), "2 more do not fit here");
}

#[test]
fn a_long_name_leaves_room_for_rates() {
    assert_eq!(shortened("fc12:3456:789a", 20), "fc12:3456:789a");
    assert_eq!(shortened("fc12:3456:789a", 10), "fc12:3456…");
    assert_eq!(shortened("書斎のサーバ", 6), "書斎…");
}

#[test]
fn before_there_is_anything_to_compare_it_says_so() {
    let [_, mut now] = two_samples();
    let text = Text::new(Language::En);
    let first = lines(&text, &compare(None, &now), None).join("\n");
    assert!(first.contains("from now on"), "{first}");
    assert!(!first.contains("bit/s"), "{first}");
    let before = now.clone();
    now.status.pid = 8;
    let again = lines(&text, &compare(Some(&before), &now), None).join("\n");
    assert!(again.contains("the node was restarted"), "{again}");
}

#[test]
fn programs_get_numbers_in_base_units_or_null() {
    let [before, now] = two_samples();
    let value = object(&compare(Some(&before), &now));
    assert_eq!(value["interval_s"], 1.0);
    assert_eq!(value["restarted"], false);
    assert_eq!(value["total"]["rx_bits_per_s"], 1e9);
    assert_eq!(value["peers"][0]["label"], "書斎のサーバ");
    assert_eq!(value["peers"][0]["rx_packets_per_s"], 1_250_000.0);
    assert_eq!(value["peers"][1]["tx_bits_per_s"], 672.0);
    assert_eq!(value["peers"][2]["not_measured"], "appeared");
    assert!(value["peers"][2]["rx_bits_per_s"].is_null());
    assert_eq!(value["drops"]["mac1"], 2);
    assert_eq!(value["offloads"]["send"], true);
    assert_eq!(value["work"]["datagrams_per_send"], 44.5);
    assert!(value["work"]["datagrams_per_receive"].is_null());
    let mut restarted = now.clone();
    restarted.status.pid = 8;
    let value = object(&compare(Some(&now), &restarted));
    assert_eq!(value["restarted"], true);
    assert!(value["interval_s"].is_null() && value["total"].is_null() && value["work"].is_null());
    assert_eq!(value["peers"][0]["not_measured"], "restarted");
}
