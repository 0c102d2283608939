//! Dates as they are written in queries, and the time that each of them is.

use time::{Date, Month, UtcOffset};

/// Milliseconds since 1970, from the first on, before the second.
pub(super) type Period = (i64, i64);

const DAY: i64 = 86_400_000;

/// Reads a year, a month or a day in UTC, or a moment with its zone: `2026`, `2026-01`, `2026-01-31`,
/// `2026-01-31T12:00Z`, `2026-01-31T12:00:00.5+01:00`.
pub(super) fn read(text: &str) -> Option<Period> {
    let (date, time) = text.split_once('T').map_or((text, None), |(date, time)| (date, Some(time)));
    let mut parts = date.split('-');
    let year = number(parts.next()?, 4)?;
    let month = parts.next().map(|part| number(part, 2)).map_or(Some(None), |month| month.map(Some))?;
    let day = parts.next().map(|part| number(part, 2)).map_or(Some(None), |day| day.map(Some))?;
    if parts.next().is_some() {
        return None;
    }
    let start = |year: i64, month: i64, day: i64| {
        let month = Month::try_from(u8::try_from(month).ok()?).ok()?;
        let date =
            Date::from_calendar_date(i32::try_from(year).ok()?, month, u8::try_from(day).ok()?).ok()?;
        Some(date.midnight().assume_utc().unix_timestamp() * 1_000)
    };
    match (month, day, time) {
        (None, None, None) => Some((start(year, 1, 1)?, start(year, 12, 31)? + DAY)),
        (Some(12), None, None) => Some((start(year, 12, 1)?, start(year, 12, 31)? + DAY)),
        (Some(month), None, None) => Some((start(year, month, 1)?, start(year, month + 1, 1)?)),
        (Some(month), Some(day), None) => {
            let midnight = start(year, month, day)?;
            Some((midnight, midnight + DAY))
        }
        (Some(month), Some(day), Some(time)) => {
            let moment = start(year, month, day)? + moment(time)?;
            Some((moment, moment + 1))
        }
        _ => None,
    }
}

/// Milliseconds after midnight UTC of a time of a day with its zone.
fn moment(text: &str) -> Option<i64> {
    let (clock, zone) = match text.strip_suffix('Z') {
        Some(clock) => (clock, 0),
        None => {
            let at = text.rfind(['+', '-'])?;
            let (hours, minutes) = text[at + 1..].split_once(':')?;
            let sign = if text[at..].starts_with('-') { -1 } else { 1 };
            let (hours, minutes) = (number(hours, 2)?, number(minutes, 2)?);
            let offset = |part: i64| i8::try_from(sign * part).ok();
            let zone = UtcOffset::from_hms(offset(hours)?, offset(minutes)?, 0).ok()?;
            (&text[..at], i64::from(zone.whole_seconds()) * 1_000)
        }
    };
    let mut parts = clock.split(':');
    let (hour, minute) = (number(parts.next()?, 2)?, number(parts.next()?, 2)?);
    let (mut seconds, mut millis) = (0, 0);
    if let Some(part) = parts.next() {
        let (whole, fraction) =
            part.split_once('.').map_or((part, None), |(whole, rest)| (whole, Some(rest)));
        seconds = number(whole, 2)?;
        if let Some(fraction) = fraction {
            let known =
                (1..=9).contains(&fraction.len()) && fraction.bytes().all(|byte| byte.is_ascii_digit());
            millis = known.then(|| format!("{fraction:0<3}")[..3].parse().ok())??;
        }
    }
    let exists = parts.next().is_none() && hour < 24 && minute < 60 && seconds < 60;
    exists.then_some(((hour * 60 + minute) * 60 + seconds) * 1_000 + millis - zone)
}

/// A number of so many digits.
fn number(text: &str, digits: usize) -> Option<i64> {
    let all = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
    all.then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods() {
        let new_year = 1_767_225_600_000;
        for (text, expected) in [
            ("2026", (new_year, new_year + 365 * DAY)),
            ("2026-01", (new_year, new_year + 31 * DAY)),
            ("2025-12", (new_year - 31 * DAY, new_year)),
            ("2026-01-01", (new_year, new_year + DAY)),
            ("2026-01-01T00:00Z", (new_year, new_year + 1)),
            ("2026-01-01T01:30+01:30", (new_year, new_year + 1)),
            ("2025-12-31T23:00:00-01:00", (new_year, new_year + 1)),
            ("2026-01-01T00:00:01.5Z", (new_year + 1_500, new_year + 1_501)),
            ("2026-01-01T00:00:00.123456789Z", (new_year + 123, new_year + 124)),
        ] {
            assert_eq!(read(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_period() {
        for text in [
            "",
            "26",
            "2026-",
            "2026-1",
            "2026-13",
            "2026-02-30",
            "2026-01-01-01",
            "2026-01-01T",
            "2026T00:00Z",
            "2026-01-01T00:00",
            "2026-01-01T24:00Z",
            "2026-01-01T00:60Z",
            "2026-01-01T00:00:60Z",
            "2026-01-01T00:00:00.Z",
            "2026-01-01T00:00:00:00Z",
            "2026-01-01T00:00+1:00",
            "2026-01-01T00:00+99:00",
            "yesterday",
            "-2026",
            "2026-é1",
            "2026-01-01T00:00:00.éZ",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
