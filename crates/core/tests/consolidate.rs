//! Groups and summaries: what must hold for any input.

use proptest::prelude::*;
use stratamem_core::consolidate::{Grouping, Item, extract, group};
use stratamem_core::{Span, Timestamp};

type Counts = Vec<(u32, u32)>;

fn items(about: &[(i64, Counts)]) -> Vec<Item<'_>> {
    about.iter().map(|(at, terms)| Item { at: Timestamp(*at), terms }).collect()
}

fn any_grouping() -> impl Strategy<Value = Grouping> {
    (0i64..200, 0i64..600, 0.0..0.6f64, 1usize..4, 0usize..12).prop_map(
        |(gap, span, similarity, min, more)| Grouping {
            gap: Span(gap),
            span: Span(span),
            similarity,
            min,
            max: min + more,
        },
    )
}

fn any_items() -> impl Strategy<Value = Vec<(i64, Counts)>> {
    let counts = prop::collection::btree_map(0u32..12, 1u32..4, 0..6).prop_map(Vec::from_iter);
    prop::collection::vec((0i64..1_000, counts), 0..40)
}

proptest! {
    #[test]
    fn groups_are_apart_in_order_and_within_their_limits(about in any_items(), config in any_grouping()) {
        let items = items(&about);
        let groups = group(&items, &config);
        let mut seen = vec![false; items.len()];
        let key = |index: usize| (items[index].at, index);
        for members in &groups {
            prop_assert!((config.min..=config.max).contains(&members.len()));
            prop_assert!(members.windows(2).all(|pair| key(pair[0]) < key(pair[1])));
            let moments: Vec<Timestamp> = members.iter().map(|index| items[*index].at).collect();
            prop_assert!(moments.windows(2).all(|pair| pair[1].since(pair[0]) <= config.gap));
            prop_assert!(moments[members.len() - 1].since(moments[0]) <= config.span);
            for index in members {
                prop_assert!(!std::mem::replace(&mut seen[*index], true), "{} is in two groups", index);
            }
        }
        prop_assert!(groups.windows(2).all(|pair| key(pair[0][0]) < key(pair[1][0])));
        let all = group(&items, &Grouping { min: 1, ..config });
        prop_assert_eq!(all.iter().map(Vec::len).sum::<usize>(), items.len(), "with a least size of 1, all");
        let large: Vec<_> = all.into_iter().filter(|members| members.len() >= config.min).collect();
        prop_assert_eq!(large, groups);
    }

    #[test]
    fn a_summary_is_of_whole_sentences_within_its_budget(
        texts in prop::collection::vec("([A-Z][a-z]{0,6}( [a-z]{1,6}){0,5}[.!?] ){0,4}", 0..6),
        budget in 0usize..200,
    ) {
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let extracts = extract(&texts, budget);
        prop_assert_eq!(extracts.len(), texts.len());
        prop_assert!(extracts.iter().map(String::len).sum::<usize>() <= budget);
        for (text, extract) in texts.iter().zip(&extracts) {
            let mut rest = *text;
            for sentence in extract.split_inclusive(['.', '!', '?']).map(str::trim) {
                let at = rest.find(sentence);
                prop_assert!(at.is_some(), "{:?} is not in {:?} in this order", sentence, text);
                rest = &rest[at.unwrap_or(0) + sentence.len()..];
            }
        }
    }

    #[test]
    fn any_text_can_be_summed_up(texts in prop::collection::vec(any::<String>(), 0..5), budget in 0usize..100) {
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let extracts = extract(&texts, budget);
        prop_assert!(extracts.iter().map(String::len).sum::<usize>() <= budget);
        prop_assert_eq!(extracts.len(), texts.len());
        let whole = extract(&texts, usize::MAX);
        // Spaces come between sentences even where the script has none.
        let letters = |text: &str| text.chars().filter(|c| !c.is_whitespace()).count();
        prop_assert!(texts.iter().zip(&whole).all(|(text, extract)| letters(extract) <= letters(text)));
    }
}

#[test]
fn a_change_of_topic_ends_a_group() {
    let boat: Counts = vec![(1, 1), (2, 1), (3, 1)];
    let bread: Counts = vec![(7, 1), (8, 1), (9, 2)];
    let about: Vec<(i64, Counts)> =
        (0..10).map(|at| (at, if at < 6 { boat.clone() } else { bread.clone() })).collect();
    let config = Grouping { similarity: 0.3, ..Grouping::default() };
    assert_eq!(group(&items(&about), &config), [(0..6).collect::<Vec<_>>(), (6..10).collect()]);
}

#[test]
fn a_pause_ends_a_group_and_what_has_no_words_goes_with_its_neighbours() {
    let hour = 3_600_000;
    let about: Vec<(i64, Counts)> = vec![
        (9 * hour, vec![(1, 1)]),
        (0, vec![(1, 1)]),
        (1, vec![]),
        (2, vec![(1, 1)]),
        (10 * hour, vec![(1, 1)]),
    ];
    let config = Grouping { min: 2, ..Grouping::default() };
    assert_eq!(group(&items(&about), &config), [vec![1, 2, 3], vec![0, 4]]);
    let config = Grouping { gap: Span(10 * hour), ..config };
    assert_eq!(group(&items(&about), &config), [vec![1, 2, 3, 0, 4]]);
    assert!(group(&items(&about), &Grouping { min: 6, ..config }).is_empty());
}

#[test]
fn settings_that_cannot_be_are_named() {
    let problems = |config: Grouping| {
        let mut found = Vec::new();
        config.problems("/group", &mut found);
        found.into_iter().map(|(path, _)| path).collect::<Vec<_>>()
    };
    assert!(problems(Grouping::default()).is_empty());
    let broken = Grouping { gap: Span(-1), span: Span(-1), similarity: f64::NAN, min: 0, max: 5 };
    assert_eq!(problems(broken), ["/group/gap", "/group/span", "/group/similarity", "/group/min"]);
    assert_eq!(problems(Grouping { max: 2, ..Grouping::default() }), ["/group/max"]);
}

#[test]
fn a_summary_takes_what_is_new_and_not_what_is_said_again() {
    let texts =
        ["Ada moved to Bergen in May. Nice!", "So Ada moved to Bergen.", "Her new boat is called Solveig."];
    let extracts = extract(&texts, 60);
    assert_eq!(extracts, ["Ada moved to Bergen in May.", "", "Her new boat is called Solveig."]);
    assert_eq!(extract(&texts, 0), ["", "", ""]);
    assert_eq!(extract(&[], 10), Vec::<String>::new());
}

#[test]
fn large_inputs_take_little_time() {
    let text: String =
        (0..4_000).map(|n| format!("Ada {} saw {} boats in {}. ", n % 97, n, n % 31)).collect();
    assert!(text.len() > 100_000);
    let extracts = extract(&[&text], text.len() / 3);
    assert!(extracts[0].len() > text.len() / 4 && extracts[0].len() <= text.len() / 3);
    let about: Vec<(i64, Counts)> = (0..5_000u32)
        .map(|n| (i64::from(n), vec![(n / 40, 2), (1_000 + n % 7, 1), (2_000 + n, 1)]))
        .collect();
    let config = Grouping { similarity: 0.3, max: 5_000, ..Grouping::default() };
    let groups = group(&items(&about), &config);
    assert_eq!(groups.len(), 125, "one for each topic");
    let sizes: Vec<usize> = groups.iter().map(Vec::len).collect();
    // The first or last of a topic is like its neighbours, too, and may go with them.
    assert!(sizes.iter().all(|size| (39..=41).contains(size)), "{sizes:?}");
    for odd in ["*", "-", "?", "'", "a.", "😀", "\n"] {
        let odd = odd.repeat(100_000);
        stratamem_core::consolidate::statement_key(&odd);
        extract(&[&odd], 1_000);
    }
}
