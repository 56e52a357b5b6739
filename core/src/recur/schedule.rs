//! On which days a schedule falls. Days are counted from 1970-01-01; no zone and no time of day here.
//!
//! Every month becomes 32 bits, one for each of its days, so that the next or the last day in it is one instruction.

use crate::{
    task::{Days, Months, Schedule, Weekdays, Weeks},
    time::civil::{self, DAY_MAX, DAY_MIN, YEAR_MAX, YEAR_MIN},
};

/// The first day of the schedule that is not before `day`, if there is one by [`DAY_MAX`]. `start` is the day that
/// intervals are counted from; `day` is not before it.
#[inline]
pub(super) fn on_or_after(schedule: &Schedule, start: i32, day: i32) -> Option<i32> {
    let found = match *schedule {
        Schedule::Day { interval } => {
            let interval = i32::from(interval.max(1));
            match day.saturating_sub(start) % interval {
                0 => day,
                past => day.saturating_add(interval - past),
            }
        }
        Schedule::Week { interval, days } => {
            let days = u32::from(days.0 & 0x7F);
            let (week, weekday) = week(day);
            let past = (week - self::week(start).0) % i32::from(interval.max(1));
            let left = days >> weekday;
            if past == 0 && left != 0 {
                day + left.trailing_zeros() as i32
            } else if days != 0 {
                // The Sunday of the next week that counts.
                let sunday = day - weekday as i32 + 7 * (i32::from(interval.max(1)) - past);
                sunday + days.trailing_zeros() as i32
            } else {
                return None;
            }
        }
        Schedule::Month { days, months } => month_on_or_after(Each::Days(days), months, day)?,
        Schedule::MonthDayOfWeek { weeks, days, months } => {
            month_on_or_after(Each::Weekdays(weeks, days), months, day)?
        }
    };
    (found <= DAY_MAX).then_some(found)
}

/// The last day of the schedule that is not after `day`, if there is one since `start`. `day` is not before `start`.
#[inline]
pub(super) fn on_or_before(schedule: &Schedule, start: i32, day: i32) -> Option<i32> {
    let found = match *schedule {
        Schedule::Day { interval } => day - (day - start) % i32::from(interval.max(1)),
        Schedule::Week { interval, days } => {
            let days = u32::from(days.0 & 0x7F);
            let (week, weekday) = week(day);
            let past = (week - self::week(start).0) % i32::from(interval.max(1));
            let gone = days & (0x7F >> (6 - weekday));
            if past == 0 && gone != 0 {
                day - weekday as i32 + gone.ilog2() as i32
            } else {
                let back = if past == 0 { i32::from(interval.max(1)) } else { past };
                day - weekday as i32 - 7 * back + days.checked_ilog2()? as i32
            }
        }
        Schedule::Month { days, months } => month_on_or_before(Each::Days(days), months, start, day)?,
        Schedule::MonthDayOfWeek { weeks, days, months } => {
            month_on_or_before(Each::Weekdays(weeks, days), months, start, day)?
        }
    };
    (found >= start).then_some(found)
}

/// The week, counted from some Sunday, and the weekday of a day.
#[inline]
fn week(day: i32) -> (i32, u32) {
    // The first day of all years is made positive, and 1970-01-01 a Thursday.
    const SHIFT: i32 = 7 * 1_000_000;
    let shifted = (day + 4 + SHIFT) as u32;
    ((shifted / 7) as i32, shifted % 7)
}

/// Which days of each month.
#[derive(Clone, Copy)]
enum Each {
    Days(Days),
    Weekdays(Weeks, Weekdays),
}

impl Each {
    /// The months of `months` in which there ever is such a day.
    #[inline]
    fn possible(self, months: Months) -> u32 {
        const WITHOUT_FEBRUARY: u32 = 0xFFD;
        const OF_31_DAYS: u32 = 0xAD5;
        let months = u32::from(months.0 & Months::ALL.0);
        match self {
            Self::Days(Days(days)) => match days {
                _ if days & 0x9FFF_FFFF != 0 => months,
                _ if days & 0x2000_0000 != 0 => months & WITHOUT_FEBRUARY,
                _ if days != 0 => months & OF_31_DAYS,
                _ => 0,
            },
            Self::Weekdays(Weeks(weeks), Weekdays(days)) if weeks & 0x1F != 0 && days & 0x7F != 0 => months,
            Self::Weekdays(..) => 0,
        }
    }

    /// The days of the month of `length` days that begins on the day `first`: bit 0 is day 1.
    #[inline]
    fn in_month(self, length: u8, first: i32) -> u32 {
        match self {
            Self::Days(Days(days)) => {
                let last = days >> 31 << (length - 1);
                days & ((1 << length) - 1) | last
            }
            Self::Weekdays(Weeks(weeks), Weekdays(days)) => {
                let days = u32::from(days & 0x7F);
                // Those of the first seven days, and of the last seven.
                let rotated = |by: u32| (days >> by | days << (7 - by)) & 0x7F;
                let first_seven = rotated(week(first).1);
                let last_seven = rotated(week(first + i32::from(length)).1);
                let every_seven = first_seven | first_seven << 7 | first_seven << 14 | first_seven << 21;
                // Seven ones for each of the first to the fourth week.
                let weeks_of_days = (u32::from(weeks & 1) * 0x7F)
                    | (u32::from(weeks >> 1 & 1) * (0x7F << 7))
                    | (u32::from(weeks >> 2 & 1) * (0x7F << 14))
                    | (u32::from(weeks >> 3 & 1) * (0x7F << 21));
                let last = u32::from(weeks >> 4 & 1) * (last_seven << (length - 7));
                every_seven & weeks_of_days | last
            }
        }
    }
}

#[inline]
fn month_on_or_after(each: Each, months: Months, day: i32) -> Option<i32> {
    let months = each.possible(months);
    if months == 0 || day > DAY_MAX {
        return None;
    }
    let (mut year, mut month, day_of_month) = civil::date(day.max(DAY_MIN));
    let mut first = day.max(DAY_MIN) - i32::from(day_of_month) + 1;
    let mut from = day_of_month - 1;
    if months >> (month - 1) & 1 == 0 {
        (year, month) = following(months, year, month)?;
        first = civil::days(year, month, 1);
        from = 0;
    }
    // In a month that is possible there is such a day, but for the first one, where it may be over, and for February,
    // where 29 may be missing eight years in a row. When February is the only month, no year between is looked at.
    loop {
        let left = each.in_month(civil::days_in_month(year, month), first) >> from;
        if left != 0 {
            return Some(first + i32::from(from) + left.trailing_zeros() as i32);
        }
        (year, month) = following(months, year, month)?;
        if months == 0b10 && !civil::is_leap(year) {
            // Of the next two years that are divisible by four at least one is a leap year.
            let four = (year | 3).checked_add(1).filter(|four| *four <= YEAR_MAX)?;
            let lacking = each.in_month(28, 3) == 0;
            year = if !lacking {
                year
            } else if civil::is_leap(four) {
                four
            } else {
                four.checked_add(4).filter(|year| *year <= YEAR_MAX)?
            };
        }
        first = civil::days(year, month, 1);
        from = 0;
    }
}

#[inline]
fn month_on_or_before(each: Each, months: Months, start: i32, day: i32) -> Option<i32> {
    let months = each.possible(months);
    if months == 0 || day < DAY_MIN {
        return None;
    }
    let (mut year, mut month, day_of_month) = civil::date(day);
    let mut first = day.min(DAY_MAX) - i32::from(day_of_month) + 1;
    // The days of the month that are not after `day`.
    let mut until = u32::MAX >> (32 - day_of_month);
    loop {
        if months >> (month - 1) & 1 != 0 {
            let gone = each.in_month(civil::days_in_month(year, month), first) & until;
            if let Some(found) = gone.checked_ilog2() {
                return Some(first + found as i32);
            }
        }
        // At most nine rounds, as above: 29 February is missing for at most eight years.
        (year, month) = preceding(months, year, month)?;
        first = civil::days(year, month, 1);
        until = u32::MAX;
        if first + 30 < start {
            return None;
        }
    }
}

/// The next month after a month that is one of `months`, which has one.
#[inline]
fn following(months: u32, year: i16, month: u8) -> Option<(i16, u8)> {
    let left = months >> month;
    if left != 0 {
        return Some((year, month + 1 + left.trailing_zeros() as u8));
    }
    (year < YEAR_MAX).then(|| (year + 1, 1 + months.trailing_zeros() as u8))
}

/// The last month before a month that is one of `months`, which has one.
#[inline]
fn preceding(months: u32, year: i16, month: u8) -> Option<(i16, u8)> {
    match (months & ((1 << (month - 1)) - 1)).checked_ilog2() {
        Some(found) => Some((year, 1 + found as u8)),
        None if year > YEAR_MIN => Some((year - 1, 1 + months.checked_ilog2()? as u8)),
        None => None,
    }
}
