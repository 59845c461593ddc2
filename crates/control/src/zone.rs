//! When the epochs of a group change: at 03:00 in its time zone (seeds 002 and 004), and some
//! minutes later, differently for each group, so that not all of them change at once.

use group::statement::GroupId;
use jiff::civil::Time;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

/// The hour of the change.
const HOUR: i8 = 3;
/// Groups spread their changes over so many seconds.
const SPREAD_S: u32 = 600;

/// A time zone by its name in the IANA database, such as `Asia/Tokyo`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone(TimeZone);

impl Zone {
    /// The zone of this name, unless there is none.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        jiff::tz::db().get(name).ok().map(Self)
    }

    /// The next time after `now` at which a group changes its epoch, Unix seconds. Where clocks
    /// jump over that hour or repeat it, it is the moment that [RFC 5545](https://www.rfc-editor.org/rfc/rfc5545)
    /// takes.
    #[must_use]
    pub fn next_change(&self, group: GroupId, now_unix_s: u64) -> u64 {
        let spread = i64::from(spread(group));
        let change = |day: i64| -> Option<u64> {
            let now = Timestamp::from_second(i64::try_from(now_unix_s).ok()?).ok()?;
            let date = now.to_zoned_datetime(self.0.clone()).date();
            let date = date.checked_add(day.days()).ok()?;
            let at = date.to_datetime(Time::new(HOUR, 0, 0, 0).ok()?);
            let at = at
                .to_zoned_datetime(self.0.clone())
                .ok()?
                .timestamp()
                .as_second();
            u64::try_from(at.checked_add(spread)?).ok()
        };
        // The change of the day before may be later than midnight here.
        let changes = (-1..=2).filter_map(change);
        let day_later = now_unix_s.saturating_add(86_400);
        changes
            .filter(|at| *at > now_unix_s)
            .min()
            .unwrap_or(day_later)
    }
}

/// How many seconds after the hour this group changes.
fn spread(group: GroupId) -> u32 {
    let [a, b, c, d, ..] = group.0;
    u32::from_be_bytes([a, b, c, d]) % SPREAD_S
}

#[cfg(test)]
mod tests {
    use super::*;

    const GROUP: GroupId = GroupId([0; 16]);

    fn unix_s(text: &str) -> u64 {
        let at: Timestamp = text.parse().unwrap();
        u64::try_from(at.as_second()).unwrap()
    }

    #[test]
    fn the_change_is_at_three_where_the_group_is() {
        for (zone, now, next) in [
            ("UTC", "2026-11-26T02:59:59Z", "2026-11-26T03:00:00Z"),
            ("UTC", "2026-11-26T03:00:00Z", "2026-11-27T03:00:00Z"),
            ("Asia/Tokyo", "2026-11-26T15:00:00Z", "2026-11-26T18:00:00Z"),
            ("Asia/Tokyo", "2026-11-26T18:00:00Z", "2026-11-27T18:00:00Z"),
            (
                "America/New_York",
                "2026-07-01T06:00:00Z",
                "2026-07-01T07:00:00Z",
            ),
            // Summer time begins and ends an hour before the change.
            (
                "Europe/Berlin",
                "2026-03-28T12:00:00Z",
                "2026-03-29T01:00:00Z",
            ),
            (
                "Europe/Berlin",
                "2026-10-24T12:00:00Z",
                "2026-10-25T02:00:00Z",
            ),
        ] {
            let zone = Zone::named(zone).unwrap();
            assert_eq!(
                zone.next_change(GROUP, unix_s(now)),
                unix_s(next),
                "{zone:?} {now}"
            );
        }
        assert!(Zone::named("Mars/Olympus").is_none());
    }

    #[test]
    fn groups_change_at_different_times_but_each_at_one() {
        let zone = Zone::named("Asia/Tokyo").unwrap();
        let now = unix_s("2026-11-26T00:00:00Z");
        let mut moments = std::collections::BTreeSet::new();
        for number in 0..100_u8 {
            let mut id = [0; 16];
            id[2] = number;
            let group = GroupId(id);
            let at = zone.next_change(group, now);
            assert_eq!(zone.next_change(group, at - 1), at);
            assert!((0..600).contains(&(at - unix_s("2026-11-26T18:00:00Z"))));
            assert_eq!(zone.next_change(group, at), at + 86_400);
            moments.insert(at);
        }
        assert!(moments.len() > 60, "{}", moments.len());
    }
}
