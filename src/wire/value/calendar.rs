//! Days and microseconds: the arithmetic behind dates and times.

use super::{Date, Time};

/// Microseconds of a day.
pub const DAY_MICROS: i128 = 86_400_000_000;
/// From 1970-01-01 to 2000-01-01, where PostgreSQL counts from.
pub const POSTGRES_EPOCH_DAYS: i64 = 10_957;

const MONTH_DAYS: [u8; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

impl Date {
    /// A day that exists.
    pub fn is_valid(self) -> bool {
        let Some(days) = usize::from(self.month).checked_sub(1).and_then(|m| MONTH_DAYS.get(m)) else { return false };
        let leap = self.year % 4 == 0 && (self.year % 100 != 0 || self.year % 400 == 0);
        self.day >= 1 && self.day <= days + u8::from(leap && self.month == 2)
    }

    /// Days since 1970-01-01 (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms").
    pub fn days(self) -> i64 {
        let month = i64::from(self.month);
        let year = i64::from(self.year) - i64::from(month <= 2);
        let era = year.div_euclid(400);
        let year_of_era = year.rem_euclid(400);
        let day_of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + i64::from(self.day) - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        era * 146_097 + day_of_era - 719_468
    }

    /// The day so many days after 1970-01-01; `None`: its year is beyond 32 bits.
    pub fn from_days(days: i64) -> Option<Self> {
        let days = days.checked_add(719_468)?;
        let era = days.div_euclid(146_097);
        let day_of_era = days.rem_euclid(146_097);
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = month_from_march + if month_from_march < 10 { 3 } else { -9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        Some(Self { year: i32::try_from(year).ok()?, month: u8::try_from(month).ok()?, day: u8::try_from(day).ok()? })
    }
}

impl Time {
    /// 00:00:00
    pub const MIDNIGHT: Self = Self { negative: false, hours: 0, minutes: 0, seconds: 0, micros: 0 };

    /// Microseconds, with sign.
    pub fn total_micros(self) -> i128 {
        let seconds = (i128::from(self.hours) * 60 + i128::from(self.minutes)) * 60 + i128::from(self.seconds);
        let total = seconds * 1_000_000 + i128::from(self.micros);
        if self.negative { -total } else { total }
    }

    /// The time of so many microseconds; `None`: its hours are beyond 16 bits.
    pub fn from_micros(total: i128) -> Option<Self> {
        let rest = total.unsigned_abs();
        let seconds = rest / 1_000_000;
        Some(Self {
            negative: total < 0,
            hours: u16::try_from(seconds / 3600).ok()?,
            minutes: u8::try_from(seconds / 60 % 60).ok()?,
            seconds: u8::try_from(seconds % 60).ok()?,
            micros: u32::try_from(rest % 1_000_000).ok()?,
        })
    }

    /// A time of day: 00:00:00 to 24:00:00.
    pub fn is_of_day(self) -> bool {
        !self.negative && self.total_micros() <= DAY_MICROS
    }
}

/// Microseconds since 1970-01-01 00:00:00.
pub fn micros(date: Date, time: Time) -> i128 {
    i128::from(date.days()) * DAY_MICROS + time.total_micros()
}

/// The date and time so many microseconds after 1970-01-01 00:00:00; `None`: the year is beyond 32 bits.
pub fn from_micros(micros: i128) -> Option<(Date, Time)> {
    let date = Date::from_days(i64::try_from(micros.div_euclid(DAY_MICROS)).ok()?)?;
    Some((date, Time::from_micros(micros.rem_euclid(DAY_MICROS))?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_day_is_found_again_and_follows_its_eve(days in -3_000_000_i64..3_000_000) {
            let date = Date::from_days(days).unwrap();
            prop_assert!(date.is_valid());
            prop_assert_eq!(date.days(), days);
            prop_assert!(Date::from_days(days - 1).unwrap() < date);
        }

        #[test]
        fn every_moment_is_found_again(micros in -200_000_000_000_000_000_i64..250_000_000_000_000_000) {
            let (date, time) = from_micros(i128::from(micros)).unwrap();
            prop_assert_eq!(super::micros(date, time), i128::from(micros));
        }
    }

    #[test]
    fn days_that_do_not_exist_are_known() {
        let valid = |year, month, day| Date { year, month, day }.is_valid();
        assert!(valid(2024, 2, 29) && valid(2000, 2, 29) && valid(0, 2, 29));
        assert!(
            !valid(2023, 2, 29) && !valid(1900, 2, 29) && !valid(2024, 4, 31) && !valid(0, 0, 0) && !valid(2024, 13, 1)
        );
        assert_eq!(Date { year: 2000, month: 1, day: 1 }.days(), POSTGRES_EPOCH_DAYS);
    }
}
