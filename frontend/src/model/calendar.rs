//! A moment as date and time in the reader's time zone.
//!
//! The browser provides the offset of its time zone from UTC at that moment; the rest is computed
//! here, because the formatting by `Date` differs from browser to browser.

const DAY_MS: i64 = 86_400_000;
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// A moment in the reader's time zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    local_ms: i64,
}

impl Moment {
    /// `at_ms` since the Unix epoch, where clocks show `ahead_min` minutes more than UTC.
    pub fn new(at_ms: i64, ahead_min: i64) -> Self {
        Self {
            local_ms: at_ms.saturating_add(ahead_min * 60_000),
        }
    }

    /// `14:03:12`.
    pub fn time(self) -> String {
        let seconds = self.local_ms.rem_euclid(DAY_MS) / 1_000;
        let (hours, minutes) = (seconds / 3_600, seconds / 60 % 60);
        format!("{hours:02}:{minutes:02}:{:02}", seconds % 60)
    }

    /// `Today`, `Yesterday`, or `24 Nov`, seen from `now`.
    pub fn day(self, now: Self) -> String {
        match now.days() - self.days() {
            0 => "Today".to_owned(),
            1 => "Yesterday".to_owned(),
            _ => {
                let (month, day) = month_and_day(self.days());
                format!("{day} {}", MONTHS[month])
            }
        }
    }

    /// `14:03:12`, with the day when it is not today.
    pub fn time_and_day(self, now: Self) -> String {
        match self.days() == now.days() {
            true => self.time(),
            false => format!("{}, {}", self.time(), self.day(now)),
        }
    }

    /// Days since the Unix epoch.
    pub fn days(self) -> i64 {
        self.local_ms.div_euclid(DAY_MS)
    }
}

/// The month from 0 and the day from 1. Years are counted from March, so that a leap day is the
/// last day of its year.
fn month_and_day(days: i64) -> (usize, i64) {
    // From 1 March of the year 0; 400 years have 146,097 days.
    let day = (days + 719_468).rem_euclid(146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let of_year = day - (365 * year + year / 4 - year / 100);
    // Five months from March have 153 days, and so have the next five.
    let month = (5 * of_year + 2) / 153;
    let of_month = of_year - (153 * month + 2) / 5 + 1;
    (usize::try_from((month + 2) % 12).unwrap_or(0), of_month)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_number_becomes_a_month_and_day() {
        let day = |days: i64| {
            let (month, day) = month_and_day(days);
            format!("{day} {}", MONTHS[month])
        };
        assert_eq!(
            [0, 58, 59, 364, -1].map(day),
            ["1 Jan", "28 Feb", "1 Mar", "31 Dec", "31 Dec"]
        );
        // 29 February of 2000 and of 2024, and 24 November 2026.
        assert_eq!(
            [11_016, 19_782, 20_781].map(day),
            ["29 Feb", "29 Feb", "24 Nov"]
        );
    }

    #[test]
    fn a_moment_is_formatted_in_the_readers_time_zone() {
        let at = |ahead_min| Moment::new(1_795_529_000_123, ahead_min);
        assert_eq!(at(0).time(), "14:03:20");
        assert_eq!(at(60).time(), "15:03:20");
        assert_eq!(at(-900).time(), "23:03:20");
        let now = Moment::new(1_795_529_000_123 + DAY_MS, 0);
        assert_eq!(at(0).day(now), "Yesterday");
        assert_eq!(at(600).time_and_day(now), "00:03:20");
        assert_eq!(at(-900).time_and_day(now), "23:03:20, 23 Nov");
    }
}
