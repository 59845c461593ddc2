//! Noticing that two nodes use the keys of one F (docs/protocol/session.md, sections 5, 7).
//!
//! A node draws a new instance at each start. Handshakes of one F that go from instance X to
//! Y are a restart; back to X they are two nodes. Remembered: the instance now and the one
//! before, with where each was. A clone pair is told once until it moves.

use std::net::SocketAddr;

/// Random at each start of a node.
pub(crate) type Instance = [u8; 8];

/// Two places where one F lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Clones {
    pub(crate) here: SocketAddr,
    pub(crate) there: SocketAddr,
}

/// The last two instances of one F.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Instances {
    now: Option<(Instance, SocketAddr)>,
    before: Option<(Instance, SocketAddr)>,
    told: Option<Clones>,
}

impl Instances {
    /// An authentic handshake of this instance came from there. `Some` when that proves two
    /// holders of the keys that were not told yet.
    pub(crate) fn observe(&mut self, instance: Instance, at: SocketAddr) -> Option<Clones> {
        match (&mut self.now, &self.before) {
            (Some((now, place)), _) if *now == instance => {
                *place = at;
                None
            }
            (Some((_, there)), Some((before, _))) if *before == instance => {
                let clones = Clones {
                    here: at,
                    there: *there,
                };
                self.before = self.now.replace((instance, at));
                let swapped = Clones {
                    here: clones.there,
                    there: clones.here,
                };
                let is_news = self.told != Some(clones) && self.told != Some(swapped);
                self.told = Some(clones);
                is_news.then_some(clones)
            }
            _ => {
                self.before = self.now.replace((instance, at));
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(port: u16) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, 1], port))
    }

    #[test]
    fn restarts_and_moves_are_not_clones() {
        let mut seen = Instances::default();
        for (instance, port) in [(1, 1), (1, 2), (2, 2), (2, 1), (3, 1), (4, 9)] {
            assert_eq!(seen.observe([instance; 8], at(port)), None);
        }
    }

    #[test]
    fn coming_back_is_told_once_until_it_moves() {
        let mut seen = Instances::default();
        assert_eq!(seen.observe([1; 8], at(1)), None);
        assert_eq!(seen.observe([2; 8], at(2)), None);
        assert_eq!(
            seen.observe([1; 8], at(1)),
            Some(Clones {
                here: at(1),
                there: at(2)
            })
        );
        assert_eq!(seen.observe([2; 8], at(2)), None, "the same two");
        assert_eq!(
            seen.observe([1; 8], at(3)),
            Some(Clones {
                here: at(3),
                there: at(2)
            })
        );
    }
}
