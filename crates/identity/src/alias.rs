//! The alias of a root key in 200::/7 and its subnet in 300::/7, exactly as Yggdrasil
//! derives them, so that such addresses keep working.
//!
//! An alias is the number of leading zero bits of the key, then the inverted bits that
//! follow the first one bit. It names a root key, not a node: it changes with a rotation,
//! and is usable only for a peer whose address F is already accepted.

use wire::NodeAddr;

const ALIAS_PREFIX: u8 = 0x02;
const SUBNET_PREFIX: u8 = 0x03;

/// The alias address of a root key.
pub fn alias(root_key: &[u8; 32]) -> NodeAddr {
    let leading_zeros: u32 = match root_key.iter().position(|byte| *byte != 0) {
        Some(zero_bytes) => {
            let first = root_key
                .get(zero_bytes)
                .map_or(0, |byte| byte.leading_zeros());
            u32::try_from(zero_bytes).unwrap_or(0) * 8 + first
        }
        None => 256,
    };
    let mut addr = [0; 16];
    // Yggdrasil counts in one byte and wraps; only the key of 256 zero bits gets there.
    let [prefix, count, rest @ ..] = &mut addr;
    *prefix = ALIAS_PREFIX;
    *count = leading_zeros.to_le_bytes()[0];
    let mut skip = leading_zeros + 1;
    for byte in rest {
        // Bytes past the end of the key stay zero.
        *byte = inverted_bits(root_key, skip).unwrap_or(0);
        skip += 8;
    }
    NodeAddr(addr)
}

/// The /64 that belongs to the alias of a root key; the last 8 bytes are zero.
pub fn alias_subnet(root_key: &[u8; 32]) -> NodeAddr {
    let NodeAddr(mut addr) = alias(root_key);
    let [prefix, _, _, _, _, _, _, _, host @ ..] = &mut addr;
    *prefix = SUBNET_PREFIX;
    host.fill(0);
    NodeAddr(addr)
}

/// Eight bits of the inverted key from bit `from` on; `None` if the key ends before.
fn inverted_bits(key: &[u8; 32], from: u32) -> Option<u8> {
    let index = usize::try_from(from / 8).ok()?;
    let high = *key.get(index)?;
    let shift = from % 8;
    if shift == 0 {
        return Some(!high);
    }
    let low = *key.get(index + 1)?;
    Some(!((high << shift) | (low >> (8 - shift))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> [u8; 32] {
        let bytes: Vec<u8> = (0..32)
            .map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap())
            .collect();
        bytes.try_into().unwrap()
    }

    #[test]
    fn the_check_vector_of_the_design() {
        let key = key("47e204c202d347799ac8306e647db54d65c8ca802220d24ef06ac017f41f2e4b");
        assert_eq!(
            alias(&key).to_string(),
            "201:e077:ecf7:f4b2:e219:94df:3e46:6e09"
        );
        assert_eq!(alias_subnet(&key).to_string(), "301:e077:ecf7:f4b2::");
    }

    #[test]
    fn leading_zeros_are_counted_and_cut() {
        let mut key = [0; 32];
        key[2] = 0b0001_0000;
        // 19 leading zeros, then all ones once inverted.
        assert_eq!(
            alias(&key).to_string(),
            "213:ffff:ffff:ffff:ffff:ffff:ffff:ffff"
        );
        assert_eq!(alias(&[0xff; 32]).to_string(), "200::");
    }

    #[test]
    fn a_key_that_ends_early_does_not_panic() {
        assert_eq!(alias(&[0; 32]).to_string(), "200::");
        let mut key = [0; 32];
        key[31] = 1;
        assert_eq!(alias(&key).to_string(), "2ff::");
    }
}
