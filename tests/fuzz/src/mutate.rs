//! Deterministic mutations of a corpus: the same seed gives the same bytes on every machine.

/// Longest mutated input in bytes.
pub const LEN_MAX: usize = 16_400;

/// SplitMix64: small, seeded, and good enough to choose mutations.
#[derive(Clone, Debug)]
pub struct Choices(u64);

impl Choices {
    /// The choices of one seed.
    pub fn new(seed: u64) -> Choices {
        Choices(seed)
    }

    /// A number below `end` (0 when `end` is 0).
    pub fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^= z >> 31;
        if end == 0 {
            0
        } else {
            (z % end as u64) as usize
        }
    }

    fn byte(&mut self) -> u8 {
        self.below(256) as u8
    }
}

/// One to four mutations of an input out of `corpus`, which must not be empty.
pub fn mutated(corpus: &[Vec<u8>], choices: &mut Choices) -> Vec<u8> {
    let mut bytes = corpus[choices.below(corpus.len())].clone();
    for _ in 0..=choices.below(4) {
        mutate_once(&mut bytes, corpus, choices);
    }
    bytes.truncate(LEN_MAX);
    bytes
}

fn mutate_once(bytes: &mut Vec<u8>, corpus: &[Vec<u8>], choices: &mut Choices) {
    let at = choices.below(bytes.len());
    match choices.below(9) {
        0 if !bytes.is_empty() => bytes[at] ^= 1 << choices.below(8),
        1 if !bytes.is_empty() => bytes[at] = choices.byte(),
        2 => bytes.truncate(at),
        3 => bytes.insert(at, choices.byte()),
        4 if !bytes.is_empty() => {
            bytes.remove(at);
        }
        5 => interesting_integer(bytes, at, choices),
        6 => {
            let end = at + choices.below(bytes.len() - at + 1);
            let copy = bytes[at..end].to_vec();
            let to = choices.below(bytes.len() + 1);
            bytes.splice(to..to, copy);
        }
        7 => {
            let other = &corpus[choices.below(corpus.len())];
            bytes.truncate(at);
            bytes.extend(&other[choices.below(other.len())..]);
        }
        _ => {
            for _ in 0..choices.below(40) {
                bytes.push(choices.byte());
            }
        }
    }
}

/// Overwrites two or four bytes with a number at the edge of something.
fn interesting_integer(bytes: &mut [u8], at: usize, choices: &mut Choices) {
    const EDGES: [u32; 10] = [
        0,
        1,
        2,
        0x7FFF,
        0x8000,
        0xFFFF,
        0x4000,
        0x4001,
        0x7FFF_FFFF,
        0xFFFF_FFFF,
    ];
    let edge = EDGES[choices.below(EDGES.len())].to_be_bytes();
    let value = if choices.below(2) == 0 {
        &edge[..]
    } else {
        &edge[2..]
    };
    for (to, from) in bytes[at..].iter_mut().zip(value) {
        *to = *from;
    }
}
