//! What counts as the same statement: a table of pairs with their verdicts (`statements.tsv`), and what must hold for
//! any text.

use proptest::prelude::*;
use stratamem_core::consolidate::{covers, statement_key};

struct Pair {
    verdict: &'static str,
    first: &'static str,
    second: &'static str,
    about: &'static str,
}

fn table() -> Vec<Pair> {
    let lines = include_str!("statements.tsv").lines().filter(|line| !line.starts_with('#'));
    let read = |line: &'static str| {
        let fields: Vec<&str> = line.split('\t').collect();
        let [verdict, first, second, about] = fields[..] else { panic!("four fields: {line:?}") };
        Pair { verdict, first, second, about }
    };
    lines.map(read).collect()
}

fn with(verdict: &str) -> Vec<Pair> {
    let pairs: Vec<Pair> = table().into_iter().filter(|pair| pair.verdict == verdict).collect();
    assert!(pairs.len() >= 30, "{verdict}: {}", pairs.len());
    pairs
}

#[test]
fn every_pair_has_a_verdict() {
    let known = |pair: &Pair| ["same", "near", "differ"].contains(&pair.verdict);
    assert!(table().iter().all(known) && table().len() >= 120);
}

#[test]
fn the_same_statements_have_equal_keys() {
    for Pair { first, second, about, .. } in with("same") {
        assert_eq!(statement_key(first), statement_key(second), "{about}: {first:?}, {second:?}");
        assert!(covers(first, second) && covers(second, first), "{about}: {first:?}, {second:?}");
    }
}

#[test]
fn nothing_is_merged_that_differs() {
    let mut wrong = Vec::new();
    for Pair { first, second, about, .. } in with("differ") {
        if statement_key(first) == statement_key(second) || covers(first, second) || covers(second, first) {
            wrong.push((about, first, second));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn most_near_duplicates_are_found() {
    let pairs = with("near");
    let missed: Vec<_> = pairs.iter().filter(|pair| !covers(pair.first, pair.second)).collect();
    let found = pairs.len() - missed.len();
    println!(
        "{found} of {} found; missed: {:?}",
        pairs.len(),
        missed.iter().map(|p| p.first).collect::<Vec<_>>()
    );
    assert!(found >= 30, "{found} of {}", pairs.len());
}

#[test]
fn what_emphasis_adds_is_lost_the_other_way() {
    assert!(!covers("I like pizza", "I really like pizza"));
    assert!(!covers("Ben plays chess", "Ben also plays chess"));
}

#[test]
fn only_one_word_in_five_is_passed_over() {
    assert!(covers("I really like this town", "I like this town"));
    assert!(!covers("I really just also like tea", "I like tea"));
}

/// Keys may be stored: these must never change.
#[test]
fn keys_are_what_they_were() {
    let hash = |words: &[&str]| {
        let bytes = words.iter().flat_map(|word| word.bytes().chain([0xff]));
        bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
        })
    };
    assert_eq!(statement_key(""), 0xcbf2_9ce4_8422_2325);
    assert_eq!(statement_key("Ada, has A cat!"), hash(&["ada", "has", "the", "cat"]));
    assert_eq!(statement_key("Is it 5°C? 😀"), hash(&["is", "it", "5", "°", "c", "?", "😀"]));
}

#[test]
fn long_texts_take_linear_time() {
    let text = "Ada’s 3.5 cats, really — 東京 😀 don't? ".repeat(2_500);
    assert!(text.len() > 100_000);
    assert_eq!(statement_key(&text), statement_key(&text.to_uppercase()));
    assert!(covers(&text, &text));
}

fn statement() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        4 => prop::sample::select(vec!["Ada", "she", "is", "really", "the", "a", "cat", "left", "Oslo", "to", "from"]),
        1 => prop::sample::select(vec!["not", "never", "3", "4", "two", "don't", "?", "if", "maybe", "😀", "東京"]),
        1 => prop::sample::select(vec![",", "Oh,", "\"", "-", "…", "very", "also", "few", "in"]),
    ];
    prop::collection::vec(word, 0..12).prop_map(|words| words.join(" "))
}

/// What must not be lost: negations and numbers, in order.
fn weighty(text: &str) -> Vec<String> {
    let plain = |word: &str| match word {
        "don't" => "not".to_owned(),
        "two" => "2".to_owned(),
        _ => word.to_owned(),
    };
    let weighs = |word: &String| {
        ["not", "never", "?", "if", "maybe", "few"].contains(&word.as_str()) || word.parse::<u8>().is_ok()
    };
    let mut found: Vec<String> = text.split_whitespace().map(plain).filter(weighs).collect();
    found.dedup_by(|a, b| a == "?" && b == "?");
    found
}

proptest! {
    #[test]
    fn keys_ignore_how_it_is_written(text in "\\PC{0,60}", pad in "[ \\t\\n]{0,3}") {
        let key = statement_key(&text);
        prop_assert_eq!(key, statement_key(&format!("{pad}{text}{pad}")));
        prop_assert_eq!(key, statement_key(&text.to_lowercase()), "lower case");
    }

    #[test]
    fn a_statement_covers_itself(text in "\\PC{0,60}", other in statement()) {
        prop_assert!(covers(&text, &text));
        prop_assert!(covers(&other, &other));
    }

    #[test]
    fn equal_keys_cover_each_other(a in statement(), b in statement()) {
        if statement_key(&a) == statement_key(&b) {
            prop_assert!(covers(&a, &b) && covers(&b, &a));
        }
    }

    #[test]
    fn numbers_and_negations_are_never_lost(a in statement(), drop in any::<prop::sample::Index>(), with in prop::sample::select(vec!["", "not", "3", "never", "really", "the", "if", "?"])) {
        let mut words: Vec<&str> = a.split_whitespace().collect();
        if !words.is_empty() {
            let at = drop.index(words.len());
            words[at] = with;
        }
        let b = words.join(" ");
        if covers(&a, &b) || covers(&b, &a) {
            prop_assert_eq!(weighty(&a), weighty(&b), "{:?} and {:?}", a, b);
        }
    }

    #[test]
    fn any_text_is_read(a in any::<String>(), b in any::<String>()) {
        statement_key(&a);
        covers(&a, &b);
    }
}
