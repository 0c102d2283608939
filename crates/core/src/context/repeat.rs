//! Which pieces say nothing that an earlier one does not.
//!
//! A piece is left out of a prompt for that, so a pair that is missed costs tokens and a pair wrongly taken costs a
//! memory: only what [`covers`] says for certain counts. Words are compared first, because most pairs share few.

use rustc_hash::FxHashMap;

use crate::consolidate::{covers, sentences};
use crate::index::text::Tokenizer;
use crate::model::{Kind, Record, Timestamp};

/// Things that happened within this time of each other, in milliseconds, may be the same event.
const SAME_EVENT: i64 = 86_400_000;

/// Bytes up to which a text is compared sentence by sentence. A longer one repeats only the very same text: comparing two of
/// these takes as long as all else.
const LONG: usize = 8_192;

/// For each of `records`, the place of the first one before it that says all that it does, if there is one.
pub(super) fn repeats(records: &[&Record]) -> Vec<Option<usize>> {
    let words = words(records);
    let said = |at: usize| {
        (0..at).find(|earlier| {
            may_be_one(records[*earlier], records[at])
                && if is_long(records[*earlier]) || is_long(records[at]) {
                    records[*earlier].text == records[at].text
                } else {
                    shares(&words[*earlier], &words[at]) && says(&records[*earlier].text, &records[at].text)
                }
        })
    };
    (0..records.len()).map(said).collect()
}

/// The terms of each text that is not long, ascending and once each.
fn words(records: &[&Record]) -> Vec<Vec<u32>> {
    let tokenizer = Tokenizer::default();
    let mut names: FxHashMap<String, u32> = FxHashMap::default();
    let mut of = |text: &str| {
        let mut found: Vec<u32> = Vec::new();
        tokenizer.terms(text, |term| {
            let next = names.len() as u32;
            found.push(*names.entry(term.to_owned()).or_insert(next));
        });
        found.sort_unstable();
        found.dedup();
        found
    };
    let compared = |record: &&Record| if is_long(record) { Vec::new() } else { of(&record.text) };
    records.iter().map(compared).collect()
}

fn is_long(record: &Record) -> bool {
    record.text.len() > LONG
}

/// Whether the terms of one are among those of the other.
fn shares(one: &[u32], other: &[u32]) -> bool {
    let (fewer, more) = if one.len() <= other.len() { (one, other) } else { (other, one) };
    fewer.iter().all(|term| more.binary_search(term).is_ok())
}

/// Whether `text` is `earlier` in almost the same words, or each of its sentences stands there.
fn says(earlier: &str, text: &str) -> bool {
    if covers(earlier, text) || covers(text, earlier) {
        return true;
    }
    let (earlier, parts) = (sentences(earlier), sentences(text));
    let stands = |part: &&str| earlier.iter().any(|sentence| covers(sentence, part));
    earlier.len() > 1 && !parts.is_empty() && parts.iter().all(stands)
}

/// Whether the same words of both would be the same statement: by one actor and in one scope, and what happened at one time.
fn may_be_one(one: &Record, other: &Record) -> bool {
    let happened = |record: &Record| record.kind.0 == Kind::EPISODIC;
    let ([from, to], [since, until]) = (times(one), times(other));
    one.actor == other.actor
        && one.scope == other.scope
        && (!(happened(one) && happened(other))
            || since.0.saturating_sub(to.0) <= SAME_EVENT && from.0.saturating_sub(until.0) <= SAME_EVENT)
}

/// When what a record tells of began and ended.
fn times(record: &Record) -> [Timestamp; 2] {
    let all = || record.origins.iter().map(|origin| origin.occurred_at).chain([record.occurred_at]);
    let own = record.occurred_at;
    [all().min().unwrap_or(own), all().max().unwrap_or(own)]
}
