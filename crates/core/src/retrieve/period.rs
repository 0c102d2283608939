//! Expressions of time in a question: "on 8 May 2023", "in July", "yesterday", "last week", "three days ago".
//!
//! English. Days are those of Coordinated Universal Time, counted from 1970-01-01; weeks start on Monday.

use crate::model::Timestamp;

/// Days after a period in which people still speak of what happened in it.
const AFTERMATH: i64 = 7;

/// The time a question is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Period {
    /// From one day to another, both included.
    Days(i64, i64),
    /// A year, a month or a day of the calendar. Without a year: in any.
    Calendar {
        /// The year, if it is named.
        year: Option<i64>,
        /// 1 to 12, if it is named.
        month: Option<i64>,
        /// 1 to 31, if it is named.
        day: Option<i64>,
    },
}

impl Period {
    /// How well a day fits: 1 within the period, falling to 0 over the week after it.
    pub(crate) fn closeness(self, at: i64) -> f32 {
        let within = |(first, last): (i64, i64)| {
            let late = at - last;
            if at < first || late > AFTERMATH {
                0.0
            } else {
                1.0 - late.max(0) as f32 / (AFTERMATH + 1) as f32
            }
        };
        match self {
            Period::Days(first, last) => within((first, last)),
            Period::Calendar { year: Some(year), month, day } => within(span(year, month, day)),
            Period::Calendar { year: None, month, day } => {
                let (own, _, _) = civil(at);
                within(span(own, month, day)).max(within(span(own - 1, month, day)))
            }
        }
    }

    /// The first expression of time among `words`, and the places of the words that name a date. A date of the calendar
    /// goes before words such as "yesterday", which then are about that date.
    pub(crate) fn find(words: &[&str], now: Timestamp) -> Option<(Period, std::ops::Range<usize>)> {
        let date = (0..words.len()).find_map(|at| iso(words, at).or_else(|| in_words(words, at)));
        let year = || (0..words.len()).find_map(|at| Some((calendar(year(words[at])?), at..at + 1)));
        let relative = || (0..words.len()).find_map(|at| Some((relative(words, at, day_of(now))?, at..at)));
        date.or_else(year).or_else(relative)
    }
}

/// The day of a moment.
pub(crate) fn day_of(moment: Timestamp) -> i64 {
    moment.0.div_euclid(86_400_000)
}

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
const WEEKDAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
const NUMBERS: [&str; 13] = [
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
];

fn calendar(year: i64) -> Period {
    Period::Calendar { year: Some(year), month: None, day: None }
}

/// "2023-05-08", whose parts arrive as three words.
fn iso(words: &[&str], at: usize) -> Option<(Period, std::ops::Range<usize>)> {
    let two = |word: &str| (word.len() == 2).then(|| word.parse::<i64>().ok()).flatten();
    let year = year(words[at])?;
    let month = two(words.get(at + 1)?).filter(|month| (1..=12).contains(month))?;
    let day = two(words.get(at + 2)?).filter(|day| (1..=31).contains(day))?;
    Some((Period::Calendar { year: Some(year), month: Some(month), day: Some(day) }, at..at + 3))
}

/// "8 May, 2023", "May 8 2023", "8th of May", "May 2023", "in May".
fn in_words(words: &[&str], at: usize) -> Option<(Period, std::ops::Range<usize>)> {
    let word = words[at];
    let short = word.len() == 3;
    let named =
        |name: &&str| name.eq_ignore_ascii_case(word) || short && name[..3].eq_ignore_ascii_case(word);
    // "may" and "march" are months with a capital only; other months are months anyhow.
    let capital = word.starts_with(|c: char| c.is_ascii_uppercase());
    let verbs = ["may", "march"].iter().any(|verb| verb.eq_ignore_ascii_case(word));
    let month = MONTHS.iter().position(named).filter(|_| capital || !verbs)?;
    let (mut start, mut end) = (at, at + 1);
    let mut day = None;
    let of = usize::from(at > 1 && words[at - 1].eq_ignore_ascii_case("of"));
    if let Some(before) = (at > of).then(|| day_of_month(words[at - 1 - of])).flatten() {
        (day, start) = (Some(before), at - 1 - of);
    } else if let Some(after) = words.get(end).and_then(|word| day_of_month(word)) {
        (day, end) = (Some(after), end + 1);
    }
    let year = words.get(end).and_then(|word| year(word));
    end += usize::from(year.is_some());
    // What starts a sentence can be a name or a verb, and a short form can be a name: alone they are no months.
    (at > 0 && (verbs || !short) || day.is_some() || year.is_some())
        .then_some((Period::Calendar { year, month: Some(month as i64 + 1), day }, start..end))
}

/// "yesterday", "last week", "this month", "past year", "last Friday", "two weeks ago".
fn relative(words: &[&str], at: usize, today: i64) -> Option<Period> {
    let lower = |at: usize| words.get(at).map(|word| word.to_ascii_lowercase());
    let word = lower(at)?;
    let monday = today - (today + 3).rem_euclid(7);
    let (year, month, _) = civil(today);
    match word.as_str() {
        "today" | "tonight" => return Some(Period::Days(today, today)),
        "yesterday" => return Some(Period::Days(today - 1, today - 1)),
        "last" | "past" | "this" => {
            let back = i64::from(word != "this");
            let unit = lower(at + 1)?;
            if let Some(weekday) = WEEKDAYS.iter().position(|name| *name == unit) {
                let since = (today - monday - weekday as i64).rem_euclid(7);
                let day = today - if since == 0 && back == 1 { 7 } else { since };
                return Some(Period::Days(day, day));
            }
            let months = year * 12 + month - 1 - back;
            let (first, last) = match unit.as_str() {
                "night" => (today - 1, today - 1),
                "week" => (monday - 7 * back, monday - 7 * back + 6),
                "weekend" => (monday - 7 * back + 5, monday - 7 * back + 6),
                "month" => span(months.div_euclid(12), Some(months.rem_euclid(12) + 1), None),
                "year" => span(year - back, None, None),
                _ => return None,
            };
            return Some(Period::Days(first, last));
        }
        _ => {}
    }
    let unit = lower(at + 1)?;
    if lower(at + 2)? != "ago" {
        return None;
    }
    let number = match word.as_str() {
        "a" | "an" => 1,
        _ => NUMBERS
            .iter()
            .position(|name| *name == word)
            .map_or_else(|| word.parse().ok().filter(|n| (0..10_000).contains(n)), |n| Some(n as i64))?,
    };
    let (length, slack) = match unit.trim_end_matches('s') {
        "day" => (1, 0),
        "week" => (7, 3),
        "month" => (30, 15),
        "year" => (365, 182),
        _ => return None,
    };
    let middle = today - number * length;
    Some(Period::Days(middle - slack, middle + slack))
}

fn year(word: &str) -> Option<i64> {
    let digits = word.len() == 4 && word.bytes().all(|byte| byte.is_ascii_digit());
    word.parse().ok().filter(|year| digits && (1900..2100).contains(year))
}

fn day_of_month(word: &str) -> Option<i64> {
    let digits = word.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let suffix = word[digits.len()..].to_ascii_lowercase();
    let day = digits.parse().ok().filter(|day| (1..=31).contains(day) && digits.len() <= 2)?;
    ["", "st", "nd", "rd", "th"].contains(&suffix.as_str()).then_some(day)
}

/// First and last day of a year, a month or a day.
fn span(year: i64, month: Option<i64>, day: Option<i64>) -> (i64, i64) {
    match (month, day) {
        (Some(month), Some(day)) => (days(year, month, day), days(year, month, day)),
        (Some(12), None) => (days(year, 12, 1), days(year, 12, 31)),
        (Some(month), None) => (days(year, month, 1), days(year, month + 1, 1) - 1),
        (None, _) => (days(year, 1, 1), days(year, 12, 31)),
    }
}

/// The number of a day of the proleptic Gregorian calendar, after Hinnant, "chrono-compatible low-level date algorithms".
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year - era * 400;
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// Year, month and day of a number, the inverse of [`days`].
fn civil(number: i64) -> (i64, i64, i64) {
    let number = number + 719_468;
    let era = number.div_euclid(146_097);
    let of_era = number - era * 146_097;
    let years = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * years + years / 4 - years / 100);
    let shifted = (5 * of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = years + era * 400 + i64::from(month <= 2);
    (year, month, of_year - (153 * shifted + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 14 November 2023, a Tuesday.
    const TODAY: i64 = 19_675;

    fn find(text: &str) -> Option<Period> {
        let words: Vec<&str> =
            text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
        Period::find(&words, Timestamp(TODAY * 86_400_000 + 5)).map(|(period, _)| period)
    }

    #[test]
    fn days_are_numbered_as_in_the_calendar() {
        assert_eq!(days(1970, 1, 1), 0);
        assert_eq!(days(2023, 11, 14), TODAY);
        assert_eq!(days(2000, 2, 29) + 1, days(2000, 3, 1));
        for number in (-800_000..3_000_000).step_by(37) {
            let (year, month, day) = civil(number);
            assert_eq!(days(year, month, day), number);
            assert!((1..=12).contains(&month) && (1..=31).contains(&day));
        }
    }

    #[test]
    fn dates() {
        let calendar = |year, month, day| Some(Period::Calendar { year, month, day });
        for (text, expected) in [
            ("on 8 May, 2023", calendar(Some(2023), Some(5), Some(8))),
            ("on May 8th 2023", calendar(Some(2023), Some(5), Some(8))),
            ("the 8th of May", calendar(None, Some(5), Some(8))),
            ("on 2023-05-08", calendar(Some(2023), Some(5), Some(8))),
            ("in december 2022", calendar(Some(2022), Some(12), None)),
            ("on 3 Oct", calendar(None, Some(10), Some(3))),
            ("Dec 2022", calendar(Some(2022), Some(12), None)),
            ("did Jan come", None),
            ("in May", calendar(None, Some(5), None)),
            ("back in 1999", calendar(Some(1999), None, None)),
            ("since last week, 3 June", calendar(None, Some(6), Some(3))),
            ("may she march?", None),
            ("May she come?", None),
            ("room 2150", None),
        ] {
            assert_eq!(find(text), expected, "{text:?}");
        }
    }

    #[test]
    fn times_seen_from_today() {
        for (text, first, last) in [
            ("today", 0, 0),
            ("Yesterday", -1, -1),
            ("last night", -1, -1),
            ("this week", -1, 5),
            ("last week", -8, -2),
            ("last weekend", -3, -2),
            ("last Tuesday", -7, -7),
            ("this Tuesday", 0, 0),
            ("last Monday", -1, -1),
            ("last month", -44, -14),
            ("this month", -13, 16),
            ("past year", -682, -318),
            ("two weeks ago", -17, -11),
            ("a year ago", -547, -183),
            ("3 days ago", -3, -3),
        ] {
            assert_eq!(find(text), Some(Period::Days(TODAY + first, TODAY + last)), "{text:?}");
        }
        for text in ["at last", "the last of them", "long ago", "99999999999999999999 days ago", ""] {
            assert_eq!(find(text), None, "{text:?}");
        }
    }

    #[test]
    fn closeness_falls_over_the_week_after() {
        let may = Period::Calendar { year: Some(2023), month: Some(5), day: None };
        let at = |month, day| may.closeness(days(2023, month, day));
        assert_eq!([at(4, 30), at(5, 1), at(5, 31), at(6, 8)], [0.0, 1.0, 1.0, 0.0]);
        assert!(at(6, 1) > at(6, 7) && at(6, 7) > 0.0);
        let december = Period::Calendar { year: None, month: Some(12), day: None };
        assert_eq!(december.closeness(days(1_987, 12, 24)), 1.0);
        assert!(december.closeness(days(1_988, 1, 2)) > 0.5);
        assert_eq!(december.closeness(days(1_988, 2, 2)), 0.0);
    }
}
