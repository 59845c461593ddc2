//! Standard output: lines, tables whose columns fit Japanese as well, and figures.
//!
//! A reader that hangs up (`kumi peers | head -1`) ends the command quietly.

use std::io::Write;
use std::ops::Range;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Writes one line to standard output.
pub(crate) fn line(text: &str) {
    let mut out = std::io::stdout().lock();
    if writeln!(out, "{text}").and_then(|()| out.flush()).is_err() {
        std::process::exit(0);
    }
}

/// Writes a value as JSON, indented.
pub(crate) fn json<T: serde::Serialize>(value: &T) {
    match serde_json::to_string_pretty(value) {
        Ok(text) => line(&text),
        Err(error) => eprintln!("kumi: {error}"),
    }
}

/// Lines of a table: columns as wide as their widest cell, two spaces between them.
pub(crate) fn table(rows: &[Vec<String>]) -> Vec<String> {
    table_aligned(rows, 0..0)
}

/// The same with some columns aligned to the right, as numbers are read.
pub(crate) fn table_aligned(rows: &[Vec<String>], right: Range<usize>) -> Vec<String> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let mut widths = vec![0; columns];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.width());
        }
    }
    rows.iter()
        .map(|row| {
            let mut text = String::new();
            for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
                let gap = width.saturating_sub(cell.width());
                let (before, after) = match right.contains(&column) {
                    true => (gap, 2),
                    false => (0, gap + 2),
                };
                text.extend(std::iter::repeat_n(' ', before));
                text.push_str(cell);
                text.extend(std::iter::repeat_n(' ', after));
            }
            text.trim_end().to_owned()
        })
        .collect()
}

/// The beginning of a line that fits into so many columns.
pub(crate) fn fitting(line: &str, columns: usize) -> &str {
    let mut used: usize = 0;
    for (at, letter) in line.char_indices() {
        used = used.saturating_add(letter.width().unwrap_or(0));
        if used > columns {
            return line.get(..at).unwrap_or(line);
        }
    }
    line
}

/// Bytes with a binary unit: `512 B`, `1.5 KiB`, `64.0 MiB`.
pub(crate) fn bytes(count: u64) -> String {
    let mut value = count as f64;
    if count < 1024 {
        return format!("{count} B");
    }
    let mut unit = "B";
    for next in ["KiB", "MiB", "GiB", "TiB", "PiB"] {
        if value < 1024.0 {
            break;
        }
        value /= 1024.0;
        unit = next;
    }
    format!("{value:.1} {unit}")
}

/// Bits a second with a decimal unit: `940 Mbit/s`.
pub(crate) fn rate(bytes: u64, seconds: f64) -> String {
    let bits = bytes as f64 * 8.0 / seconds.max(1e-9);
    if bits >= 1e9 {
        format!("{:.2} Gbit/s", bits / 1e9)
    } else if bits >= 1e6 {
        format!("{:.0} Mbit/s", bits / 1e6)
    } else {
        format!("{:.0} kbit/s", bits / 1e3)
    }
}

/// Bits a second with a decimal unit and three digits: `5.20 kbit/s`, `940 Mbit/s`.
pub(crate) fn bits_per_s(bits: f64) -> String {
    let mut value = bits;
    let mut unit = "bit/s";
    for next in ["kbit/s", "Mbit/s", "Gbit/s", "Tbit/s"] {
        // From here on it would be rounded to 1000.
        if value < 999.5 {
            break;
        }
        value /= 1000.0;
        unit = next;
    }
    if unit == "bit/s" || value >= 99.95 {
        format!("{value:.0} {unit}")
    } else if value >= 9.995 {
        format!("{value:.1} {unit}")
    } else {
        format!("{value:.2} {unit}")
    }
}

/// Seconds as `3d 4h`, `5h 6m`, `7m 8s` or `9s`: units that both languages read.
pub(crate) fn duration(seconds: u64) -> String {
    let (d, h) = (seconds / 86_400, seconds / 3600 % 24);
    let (m, s) = (seconds / 60 % 60, seconds % 60);
    match (d, h, m) {
        (0, 0, 0) => format!("{s}s"),
        (0, 0, m) => format!("{m}m {s}s"),
        (0, h, m) => format!("{h}h {m}m"),
        (d, h, _) => format!("{d}d {h}h"),
    }
}

/// Unix seconds as `2026-11-23 02:37 UTC` (proleptic Gregorian calendar).
pub(crate) fn time(unix_s: u64) -> String {
    let days = unix_s / 86_400;
    let (hour, minute) = (unix_s / 3600 % 24, unix_s / 60 % 60);
    // Days since 0000-03-01, in eras of 400 years (Howard Hinnant's civil_from_days).
    let z = days + 719_468;
    let (era, day_of_era) = (z / 146_097, z % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02} UTC")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_in_both_scripts() {
        let row = |a: &str, b: &str| vec![a.to_owned(), b.to_owned()];
        let lines = table(&[row("状態", "x"), row("ok", "y"), row("接続中です", "")]);
        assert_eq!(lines, ["状態        x", "ok          y", "接続中です"]);
    }

    #[test]
    fn numbers_line_up_at_their_last_digit() {
        let row = |a: &str, b: &str, c: &str| [a, b, c].map(str::to_owned).to_vec();
        let rows = [row("名前", "受信", "経路"), row("a", "940", "b")];
        assert_eq!(
            table_aligned(&rows, 1..2),
            ["名前  受信  経路", "a      940  b"]
        );
    }

    #[test]
    fn a_line_is_cut_between_letters() {
        assert_eq!(fitting("abc", 3), "abc");
        assert_eq!(fitting("abc", 2), "ab");
        assert_eq!(fitting("日本語", 6), "日本語");
        assert_eq!(fitting("日本語", 5), "日本");
        assert_eq!(fitting("日本語", 1), "");
    }

    #[test]
    fn rates_have_three_digits() {
        assert_eq!(bits_per_s(0.0), "0 bit/s");
        assert_eq!(bits_per_s(672.4), "672 bit/s");
        assert_eq!(bits_per_s(999.6), "1.00 kbit/s");
        assert_eq!(bits_per_s(52_000.0), "52.0 kbit/s");
        assert_eq!(bits_per_s(939_600_000.0), "940 Mbit/s");
        assert_eq!(bits_per_s(999_960_000.0), "1.00 Gbit/s");
        assert_eq!(bits_per_s(1e16), "10000 Tbit/s");
    }

    #[test]
    fn figures_have_units() {
        assert_eq!(bytes(0), "0 B");
        assert_eq!(bytes(1023), "1023 B");
        assert_eq!(bytes(1536), "1.5 KiB");
        assert_eq!(bytes(64 << 20), "64.0 MiB");
        assert_eq!(rate(125_000_000, 1.0), "1.00 Gbit/s");
        assert_eq!(rate(12_500_000, 1.0), "100 Mbit/s");
        assert_eq!(duration(59), "59s");
        assert_eq!(duration(3661), "1h 1m");
        assert_eq!(duration(90_000), "1d 1h");
    }

    #[test]
    fn dates_agree_with_the_calendar() {
        assert_eq!(time(0), "1970-01-01 00:00 UTC");
        assert_eq!(time(951_782_400), "2000-02-29 00:00 UTC");
        assert_eq!(time(1_795_401_420), "2026-11-23 02:37 UTC");
        assert_eq!(time(4_107_542_400), "2100-03-01 00:00 UTC");
    }
}
