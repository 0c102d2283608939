//! How well groups made of words alone, with no pause to go by, agree with the sessions of a conversation.

use std::collections::BTreeMap;

use super::{Turn, conversations, percent, terms};
use crate::consolidate::sparse::{Sparse, dot, merge, tf_idf};
use crate::consolidate::{Grouping, Item, group};
use crate::model::{Span, Timestamp};

type Counts = Vec<(u32, u32)>;
type Groups = Vec<Vec<usize>>;

fn counted(turns: &[Turn]) -> Vec<Counts> {
    let mut names: BTreeMap<String, u32> = BTreeMap::new();
    let counted = turns.iter().map(|turn| {
        let mut counts: BTreeMap<u32, u32> = BTreeMap::new();
        for term in terms(&turn.text) {
            let next = names.len() as u32;
            *counts.entry(*names.entry(term).or_insert(next)).or_default() += 1;
        }
        counts.into_iter().collect()
    });
    counted.collect()
}

fn by_words(turns: &[Counts], similarity: f64) -> Groups {
    let items: Vec<Item<'_>> =
        (0..).map(Timestamp).zip(turns).map(|(at, terms)| Item { at, terms }).collect();
    group(&items, &Grouping { gap: Span(i64::MAX), span: Span(i64::MAX), similarity, min: 1, max: 32 })
}

/// Each turn joins the most similar of the four groups that grew last, or begins one (leader clustering, Hartigan
/// 1975).
fn leaders(turns: &[Counts], similarity: f64) -> Groups {
    let vectors = tf_idf(&turns.iter().map(Vec::as_slice).collect::<Vec<_>>());
    let mut recent: Vec<(Vec<usize>, Sparse)> = Vec::new();
    let mut done = Groups::new();
    for (place, vector) in vectors.iter().enumerate() {
        let cosine = |sum: &Sparse| dot(sum, vector) / dot(sum, sum).sqrt().max(f64::MIN_POSITIVE);
        let open = (0..recent.len()).filter(|at| recent[*at].0.len() < 32);
        let closest = open.max_by(|a, b| cosine(&recent[*a].1).total_cmp(&cosine(&recent[*b].1)));
        let (mut members, sum) = match closest {
            Some(at) if cosine(&recent[at].1) >= similarity => recent.remove(at),
            _ => Default::default(),
        };
        members.push(place);
        recent.push((members, merge(&sum, vector)));
        if recent.len() > 4 {
            done.push(recent.remove(0).0);
        }
    }
    done.extend(recent.into_iter().map(|(members, _)| members));
    done
}

/// Purity and B-cubed precision, recall and F (Bagga and Baldwin 1998) against sessions.
fn report(name: &str, make: impl Fn(&[Counts]) -> Groups) -> f64 {
    let (mut pure, mut precise, mut recalled, mut total) = (0.0, 0.0, 0.0, 0.0);
    for turns in conversations().values() {
        let mut sessions: BTreeMap<i64, f64> = BTreeMap::new();
        turns.iter().for_each(|turn| *sessions.entry(turn.session).or_default() += 1.0);
        let groups = make(&counted(turns));
        assert_eq!(groups.iter().map(Vec::len).sum::<usize>(), turns.len());
        for members in groups {
            let mut shares: BTreeMap<i64, f64> = BTreeMap::new();
            members.iter().for_each(|place| *shares.entry(turns[*place].session).or_default() += 1.0);
            pure += shares.values().copied().fold(0.0, f64::max);
            precise += shares.values().map(|n| n * n / members.len() as f64).sum::<f64>();
            recalled += shares.iter().map(|(session, n)| n * n / sessions[session]).sum::<f64>();
        }
        total += turns.len() as f64;
    }
    let f = 2.0 * precise * recalled / (precise + recalled);
    let [pure, precise, recalled, f] = [pure, precise, recalled, f].map(|sum| percent(sum, total));
    println!("{name:28} purity {pure:5.1} %; B-cubed {precise:5.1} %, {recalled:5.1} %, F {f:5.1} %");
    f
}

#[test]
#[ignore = "an evaluation"]
fn groups_that_agree_with_sessions() {
    let mut ours = f64::MIN;
    for similarity in [0.01, 0.02, 0.04] {
        ours = ours.max(report(&format!("group, {similarity}"), |turns| by_words(turns, similarity)));
    }
    let mut theirs = f64::MIN;
    for similarity in [0.01, 0.02, 0.05, 0.1] {
        theirs = theirs.max(report(&format!("leaders, {similarity}"), |turns| leaders(turns, similarity)));
    }
    for size in [8usize, 16, 32] {
        let cut = |turns: &[Counts]| {
            let all: Vec<usize> = (0..turns.len()).collect();
            all.chunks(size).map(<[usize]>::to_vec).collect()
        };
        theirs = theirs.max(report(&format!("every {size}"), cut));
    }
    assert!(ours > theirs, "F {ours} is not more than {theirs}");
}
