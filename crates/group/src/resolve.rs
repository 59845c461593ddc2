//! What each element on a path does with a flow: GSCIP's decision, as a pure function.
//!
//! A path is the row of elements (GES, GEN, GEA) that the packets of a flow pass, and what is at
//! its two ends: an element itself, or a plain terminal behind one. The seeds (002, section 3;
//! 004, section 2) give examples and no algorithm; this one agrees with all of them:
//!
//! 1. Of all pairs of elements that share a group, the widest encrypts and decrypts.
//!    - The first element of a pair is the first on the path, or the source is a plain terminal:
//!      an element speaks for terminals that cannot, not for another element (unless
//!      [`ElementPath::adopts`] says so). The same holds for the last.
//!    - Of pairs equally wide, one that needs not be discarded (rule 3); of those still equal, the
//!      one with the least group. So the answer is the same in both directions.
//! 2. Elements between the two relay what they cannot read, closed or not.
//! 3. Elements outside the pair see clear text. If one of them is closed, the flow is discarded.
//! 4. Without a pair the flow is discarded if any element is closed, and clear otherwise.
//! 5. Clear text exists between ordinary IP addresses only ([`Addresses::Site`]). On overlay
//!    addresses a flow that would be clear anywhere is discarded.
//!
//! A flow that is discarded is discarded by every element that hears of it, so that none depends
//! on another.
//!
//! | limit | value |
//! |---|---|
//! | elements of a path | [`ELEMENTS_MAX`]; a longer path is discarded |

use std::collections::BTreeSet;

use crate::element::Mode;

/// Most elements on a path. The work grows with the square of their number.
pub const ELEMENTS_MAX: usize = 16;

/// One element of a path, as far as the decision needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element<G> {
    /// Its mode.
    pub mode: Mode,
    /// The groups whose current key it holds.
    pub groups: BTreeSet<G>,
}

/// What is at an end of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum End {
    /// The element there: a GES.
    Element,
    /// A terminal without any of this, behind the element there (a GEN or a GEA), if there is one.
    Plain,
}

/// Which addresses a flow has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Addresses {
    /// Addresses F, or prefixes that lie behind nodes: nothing is ever clear.
    Overlay,
    /// Ordinary IP addresses, between elements that sit on their path.
    Site,
}

/// A path, from the source of the flow to its destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ElementPath<G> {
    /// The elements in order.
    pub elements: Vec<Element<G>>,
    /// What is in front of the first.
    pub source: End,
    /// What is behind the last.
    pub destination: End,
    /// The addresses.
    pub addresses: Addresses,
    /// Whether a GEN protects elements of other groups behind it as if they were plain terminals.
    /// Off unless an administrator wants it: an open element would talk to a closed group.
    pub adopts: bool,
}

/// What an element does with the packets of a flow (the action of a PIT entry).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// Encrypts what goes one way, decrypts what comes the other (暗号化).
    Encrypt,
    /// Passes on what it cannot read (透過中継).
    Relay,
    /// Drops it (破棄).
    Discard,
    /// Passes clear text on (平文). In site mode only.
    Clear,
}

/// The two elements that encrypt and decrypt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair<G> {
    /// The one nearer to the source.
    pub first: usize,
    /// The one nearer to the destination; more than `first`.
    pub last: usize,
    /// The groups that both are in; at least one.
    pub groups: BTreeSet<G>,
}

/// What becomes of a flow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolution<G> {
    /// What each element does, in the order of the path.
    pub actions: Vec<Action>,
    /// Who encrypts, unless the flow is discarded or clear.
    pub pair: Option<Pair<G>>,
}

/// Decides what each element of a path does.
pub fn resolve<G: Ord + Clone>(path: &ElementPath<G>) -> Resolution<G> {
    let len = path.elements.len();
    let all = |action| Resolution {
        actions: vec![action; len],
        pair: None,
    };
    if len > ELEMENTS_MAX {
        return all(Action::Discard);
    }
    match pair_of(path) {
        Some(pair) if passes(path, &pair) => Resolution {
            actions: (0..len).map(|at| action(&pair, at)).collect(),
            pair: Some(pair),
        },
        None if passes_clear(path, 0..len) => all(Action::Clear),
        Some(_) | None => all(Action::Discard),
    }
}

/// The pair that encrypts and decrypts, if any two share a group (rule 1).
fn pair_of<G: Ord + Clone>(path: &ElementPath<G>) -> Option<Pair<G>> {
    let mut best: Option<Pair<G>> = None;
    for (first, one) in path.elements.iter().enumerate() {
        for (last, other) in path.elements.iter().enumerate().skip(first + 1) {
            let groups: BTreeSet<G> = one.groups.intersection(&other.groups).cloned().collect();
            let pair = Pair {
                first,
                last,
                groups,
            };
            let may = !pair.groups.is_empty() && speaks(path, &pair);
            if may
                && best
                    .as_ref()
                    .is_none_or(|best| is_better(path, &pair, best))
            {
                best = Some(pair);
            }
        }
    }
    best
}

/// Whether both of a pair may speak for what is at their end of the path.
fn speaks<G>(path: &ElementPath<G>, pair: &Pair<G>) -> bool {
    let for_others = |end| path.adopts || end == End::Plain;
    (pair.first == 0 || for_others(path.source))
        && (pair.last + 1 == path.elements.len() || for_others(path.destination))
}

/// Whether a pair is preferred to another. Two pairs are never equal here: if the least group of
/// both is the same, the outermost two of the four elements are a wider pair.
fn is_better<G: Ord>(path: &ElementPath<G>, pair: &Pair<G>, than: &Pair<G>) -> bool {
    let rank = |pair: &Pair<G>| (pair.last - pair.first, passes(path, pair));
    match rank(pair).cmp(&rank(than)) {
        std::cmp::Ordering::Equal => pair.groups.first() < than.groups.first(),
        order => order.is_gt(),
    }
}

/// Whether what lies outside a pair may see clear text (rules 3 and 5).
fn passes<G>(path: &ElementPath<G>, pair: &Pair<G>) -> bool {
    passes_clear(path, 0..pair.first) && passes_clear(path, pair.last + 1..path.elements.len())
}

/// Whether these elements let clear text pass. If there are none, nothing is clear on the path:
/// beyond the last element is a wire that is the terminal's own.
fn passes_clear<G>(path: &ElementPath<G>, mut of: std::ops::Range<usize>) -> bool {
    of.all(|at| {
        let element = path.elements.get(at);
        path.addresses == Addresses::Site && element.is_some_and(|it| it.mode == Mode::Open)
    })
}

fn action<G>(pair: &Pair<G>, at: usize) -> Action {
    if at == pair.first || at == pair.last {
        Action::Encrypt
    } else if (pair.first..pair.last).contains(&at) {
        Action::Relay
    } else {
        Action::Clear
    }
}

#[cfg(test)]
mod tests;
