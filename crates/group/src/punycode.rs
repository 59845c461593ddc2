//! Letters other than ASCII in a label of a host name, as resolvers write them (RFC 3492). Reading only.

use crate::name::NAME_LEN_MAX;

const BASE: u32 = 36;
const T_MIN: u32 = 1;
const T_MAX: u32 = 26;
const SKEW: u32 = 38;
const DAMP: u32 = 700;
const INITIAL_BIAS: u32 = 72;
const INITIAL_N: u32 = 128;

/// The text that stands behind `xn--`; `None`: it is no such text, or one that is longer than a name.
pub(crate) fn decode(coded: &str) -> Option<String> {
    let (plain, digits) = coded.rsplit_once('-').unwrap_or(("", coded));
    let mut text: Vec<char> = plain.chars().collect();
    let mut digits = digits.bytes();
    let (mut n, mut at, mut bias) = (INITIAL_N, 0u32, INITIAL_BIAS);
    let mut first = true;
    while digits.len() > 0 {
        let before = at;
        let (mut weight, mut k) = (1u32, BASE);
        loop {
            let digit = digit(digits.next()?)?;
            at = at.checked_add(digit.checked_mul(weight)?)?;
            let threshold = k.saturating_sub(bias).clamp(T_MIN, T_MAX);
            if digit < threshold {
                break;
            }
            weight = weight.checked_mul(BASE - threshold)?;
            k += BASE;
        }
        let count = u32::try_from(text.len()).ok()?.checked_add(1)?;
        bias = adapted(at - before, count, std::mem::take(&mut first));
        n = n.checked_add(at / count)?;
        at %= count;
        if text.len() > NAME_LEN_MAX {
            return None;
        }
        text.insert(usize::try_from(at).ok()?, char::from_u32(n)?);
        at += 1;
    }
    let text: String = text.into_iter().collect();
    (text.len() <= NAME_LEN_MAX).then_some(text)
}

fn digit(byte: u8) -> Option<u32> {
    let digit = match byte {
        b'a'..=b'z' => byte - b'a',
        b'A'..=b'Z' => byte - b'A',
        b'0'..=b'9' => byte - b'0' + 26,
        _ => return None,
    };
    Some(digit.into())
}

fn adapted(delta: u32, count: u32, first: bool) -> u32 {
    let mut delta = if first { delta / DAMP } else { delta / 2 };
    delta += delta / count;
    let mut k = 0;
    while delta > (BASE - T_MIN) * T_MAX / 2 {
        delta /= BASE - T_MIN;
        k += BASE;
    }
    k + (BASE - T_MIN + 1) * delta / (delta + SKEW)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_that_resolvers_write() {
        for (coded, text) in [
            ("bcher-kva", "bücher"),
            ("wgv71a119e", "日本語"),
            ("ihqwcrb4cv8a8dqg056pqjye", "他们为什么不说中文"),
            ("abc-", "abc"),
        ] {
            assert_eq!(decode(coded).as_deref(), Some(text), "{coded}");
        }
        for wrong in ["a\u{fc}", "99999999", "-!", "zzzzzzzzzzzz"] {
            assert_eq!(decode(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn no_text_is_too_much(coded in "[ -~]{0,70}") {
            let _ = decode(&coded);
        }
    }
}
