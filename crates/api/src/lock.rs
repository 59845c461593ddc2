//! Who admits to a locked group: so many of these admins.
//!
//! | limit | value |
//! |---|---|
//! | admins of a group | [`LOCK_ADMINS_MAX`] |
//! | text of a key or signature | [`SIGNING_LEN_MAX`] |

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Most admins of a locked group.
pub const LOCK_ADMINS_MAX: usize = 16;
/// The longest text of a key or a signature, in bytes.
pub const SIGNING_LEN_MAX: usize = 1_024;

/// Who admits to a locked group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    /// How many of the admins must sign, 1 to all of them.
    #[schema(minimum = 1, maximum = 16)]
    pub threshold: u8,
    /// The public halves of the admins' keys, `kumikey1.…`.
    #[schema(min_items = 1, max_items = 16)]
    pub admins: Vec<String>,
}

impl Lock {
    /// Checks every bound.
    ///
    /// # Errors
    /// The name of the first value that is out of range.
    pub fn check(&self) -> Result<(), &'static str> {
        let count = self.admins.len();
        let some = (1..=LOCK_ADMINS_MAX).contains(&count);
        let fit = self.admins.iter().all(|it| it.len() <= SIGNING_LEN_MAX);
        (some && fit).then_some(()).ok_or("admins")?;
        let threshold = usize::from(self.threshold);
        (1..=count)
            .contains(&threshold)
            .then_some(())
            .ok_or("threshold")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_checked() {
        let lock = |threshold, admins: usize, len: usize| {
            let admins = vec!["k".repeat(len); admins];
            Lock { threshold, admins }.check()
        };
        assert_eq!(lock(1, 1, 1), Ok(()));
        assert_eq!(lock(16, LOCK_ADMINS_MAX, SIGNING_LEN_MAX), Ok(()));
        assert_eq!(lock(1, 0, 1), Err("admins"));
        assert_eq!(lock(1, LOCK_ADMINS_MAX + 1, 1), Err("admins"));
        assert_eq!(lock(1, 1, SIGNING_LEN_MAX + 1), Err("admins"));
        assert_eq!(lock(0, 2, 1), Err("threshold"));
        assert_eq!(lock(3, 2, 1), Err("threshold"));
    }
}
