//! Days and months as figures are kept by: in UTC, in the proleptic Gregorian calendar. Knows no time
//! zones and no clock but [`Instant`].

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::Instant;

const DAY_MICROS: i64 = 86_400_000_000;

/// A text that is no day or month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a date of the calendar")]
pub struct NotADate;

/// A day, as its number since 1970-01-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Day(i64);

impl Day {
    /// The day of a point in time.
    #[must_use]
    pub const fn of(at: Instant) -> Self {
        Self(at.micros().div_euclid(DAY_MICROS))
    }

    /// The day of this number.
    #[must_use]
    pub const fn from_number(number: i64) -> Self {
        Self(number)
    }

    /// Days since 1970-01-01.
    #[must_use]
    pub const fn number(self) -> i64 {
        self.0
    }

    /// Its first moment.
    #[must_use]
    pub const fn start(self) -> Instant {
        Instant::from_micros(self.0.saturating_mul(DAY_MICROS))
    }

    /// The day so many days later, or earlier.
    #[must_use]
    pub const fn plus(self, days: i64) -> Self {
        Self(self.0.saturating_add(days))
    }

    /// The month it lies in.
    #[must_use]
    pub const fn month(self) -> Month {
        let (year, month, _) = civil_from_days(self.0);
        Month { year, month }
    }
}

/// As `2026-11-22`.
impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = civil_from_days(self.0);
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

impl FromStr for Day {
    type Err = NotADate;

    fn from_str(text: &str) -> Result<Self, NotADate> {
        let (month, day) = text.split_at_checked(7).ok_or(NotADate)?;
        let month: Month = month.parse()?;
        let of_month = digits(day.strip_prefix('-').ok_or(NotADate)?, 2)?;
        let day = Self(month.first_day().0 + of_month - 1);
        if of_month >= 1 && day.month() == month { Ok(day) } else { Err(NotADate) }
    }
}

/// A month of a year.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month {
    year: i64,
    month: i64,
}

impl Month {
    /// The month of a point in time.
    #[must_use]
    pub const fn of(at: Instant) -> Self {
        Day::of(at).month()
    }

    /// The month as a number, 202611 for November 2026.
    #[must_use]
    pub const fn number(self) -> i64 {
        self.year * 100 + self.month
    }

    /// The first moment of the next month.
    #[must_use]
    pub const fn end(self) -> Instant {
        self.next().first_day().start()
    }

    /// Its first day.
    #[must_use]
    pub const fn first_day(self) -> Day {
        Day(days_from_civil(self.year, self.month, 1))
    }

    /// Its last day.
    #[must_use]
    pub const fn last_day(self) -> Day {
        Day(self.next().first_day().0 - 1)
    }

    /// The month after it.
    #[must_use]
    pub const fn next(self) -> Self {
        if self.month == 12 {
            Self { year: self.year + 1, month: 1 }
        } else {
            Self { year: self.year, month: self.month + 1 }
        }
    }
}

/// As `2026-11`.
impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

impl FromStr for Month {
    type Err = NotADate;

    fn from_str(text: &str) -> Result<Self, NotADate> {
        let (year, month) = text.split_once('-').ok_or(NotADate)?;
        let (year, month) = (digits(year, 4)?, digits(month, 2)?);
        if (1..=12).contains(&month) { Ok(Self { year, month }) } else { Err(NotADate) }
    }
}

fn digits(text: &str, count: usize) -> Result<i64, NotADate> {
    if text.len() != count || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(NotADate);
    }
    text.parse().map_err(|_| NotADate)
}

/// Turns days since 1970-01-01 into year, month and day of the proleptic Gregorian calendar
/// (Howard Hinnant, "chrono-compatible low-level date algorithms").
pub(crate) const fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468; // 0000-03-01
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + if month <= 2 { 1 } else { 0 };
    (year, month, day)
}

/// The way back, by the same source.
const fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let shifted_month = if month > 2 { month - 3 } else { month + 9 };
    let day_of_year = (153 * shifted_month + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_months_are_read_as_they_are_written() {
        for number in (-800_000..800_000).step_by(97) {
            let day = Day(number);
            let month = day.month();
            assert!((month.first_day()..=month.last_day()).contains(&day));
            if (0..10_000).contains(&month.year) {
                assert_eq!(day.to_string().parse(), Ok(day));
                assert_eq!(month.to_string().parse(), Ok(month));
            }
        }
        assert_eq!("2024-02".parse::<Month>().unwrap().last_day().to_string(), "2024-02-29");
        assert_eq!("2026-12".parse::<Month>().unwrap().next().to_string(), "2027-01");
    }

    #[test]
    fn what_is_no_date_is_refused() {
        let wrong = [
            "",
            "2026",
            "2026-13",
            "2026-1",
            "26-01",
            "2026-02-29",
            "2026-04-31",
            "2026-01-00",
            "2026-01-1",
            "2026-01-01 ",
            "+026-01-01",
            "20260-1-01",
            "2026-ä1-01",
        ];
        for text in wrong {
            assert_eq!(text.parse::<Day>(), Err(NotADate), "{text}");
        }
    }

    #[test]
    fn months_begin_where_the_one_before_ends() {
        let mut at = Instant::from_micros(0);
        for number in 0..2_400 {
            let month = Month::of(at);
            assert_eq!(month.number(), (1970 + number / 12) * 100 + number % 12 + 1);
            assert_eq!(Month::of(month.end().before(std::time::Duration::from_micros(1))), month);
            at = month.end();
        }
    }
}
