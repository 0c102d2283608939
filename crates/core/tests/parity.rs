//! The encoder gives the vectors that the models' maker recorded: `models/parity.json`.
//!
//! Components there are rounded to five places; `models/README.md` asks a port to agree to 1e-4.

use std::path::PathBuf;

use serde_json::Value;
use stratamem_core::StaticModel;

const TOLERANCE: f64 = 1e-4;

fn models() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../models")
}

fn cases() -> Vec<Value> {
    let text = std::fs::read_to_string(models().join("parity.json")).expect("the recorded cases are there");
    let parsed: Value = serde_json::from_str(&text).expect("they are JSON");
    let cases = parsed["cases"].as_array().expect("a list of cases").clone();
    assert!(cases.len() >= 10, "{}", cases.len());
    cases
}

fn check(name: &str, dimensions: usize) {
    let bytes = std::fs::read(models().join(format!("{name}.bin"))).expect("the model is there");
    let model = StaticModel::parse(&bytes).expect("the model is whole");
    assert_eq!(model.dimensions(), dimensions);
    assert_eq!(model.space().dimensions as usize, dimensions);
    let mut worst = 0f64;
    for case in cases() {
        let text = case["text"].as_str().expect("a text");
        let ids: Vec<u32> = serde_json::from_value(case["ids"].clone()).expect("ids");
        assert_eq!(model.pieces(text), ids, "the pieces of {text:?}");

        let mut vector = vec![f32::NAN; dimensions];
        model.embed(text, &mut vector);
        let norm: f64 = vector.iter().map(|component| f64::from(*component).powi(2)).sum::<f64>().sqrt();
        let expected_norm = if ids.is_empty() { 0.0 } else { 1.0 };
        assert!((norm - expected_norm).abs() < 1e-6, "{text:?} has length {norm}");
        let head: Vec<f64> = serde_json::from_value(case[name].clone()).expect("the first components");
        assert_eq!(head.len(), 8);
        for (at, (found, expected)) in vector.iter().zip(&head).enumerate() {
            let error = (f64::from(*found) - expected).abs();
            assert!(error < TOLERANCE, "{name}: component {at} of {text:?} is {found}, not {expected}");
            worst = worst.max(error);
        }
    }
    // Rounding to five places explains half a unit there; more would be an error of the encoder that is still small.
    assert!(worst < 1e-5, "{name}: {worst}");
}

#[test]
fn static_128_agrees_with_its_maker() {
    check("static-128", 128);
}

#[test]
fn static_256_agrees_with_its_maker() {
    check("static-256", 256);
}

#[test]
fn similar_texts_are_near_and_others_are_not() {
    let bytes = std::fs::read(models().join("static-128.bin")).expect("the model is there");
    let model = StaticModel::parse(&bytes).expect("the model is whole");
    let embed = |text: &str| {
        let mut vector = vec![0.0; model.dimensions()];
        model.embed(text, &mut vector);
        vector
    };
    let cosine = |a: &str, b: &str| embed(a).iter().zip(embed(b)).map(|(x, y)| x * y).sum::<f32>();
    let near = cosine("The cat sleeps on the sofa", "A kitten is lying on the couch");
    let far = cosine("The cat sleeps on the sofa", "Quarterly revenue grew by nine percent");
    assert!(near > far + 0.3, "{near} against {far}");
    assert!((cosine("same words", "words same") - 1.0).abs() < 1e-6, "the order of words does not count");
}
