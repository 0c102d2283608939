//! What is acceptable: texts, names, metadata, moments, vectors. Each refusal names the field.

use crate::config::Config;
use crate::error::CommandError;
use crate::index::vector::dot;
use crate::model::{Directed, EmbeddingSpace, Kind, Metadata, Metric, Record, Timestamp, Value};

/// Longest short text (kind, actor, tag, scope part, source, metadata key) in bytes.
const MAX_NAME_BYTES: usize = 1_024;
/// Most tags of a record.
pub(super) const MAX_TAGS: usize = 256;
/// Most levels of nesting in metadata.
const MAX_METADATA_DEPTH: usize = 16;
/// Lengths of vectors where lengths count: their squares and products can be told apart.
const LENGTHS: (f32, f32) = (1e-9, 1e9);

/// Checks a vector of `given` space against the memory's, and takes its direction and, if that counts, its length.
pub(super) fn check_vector(
    mut vector: Vec<f32>,
    given: &EmbeddingSpace,
    memory: Option<&EmbeddingSpace>,
    metric: Metric,
    field: &str,
) -> Result<Directed, CommandError> {
    let found = vector.len() as u32;
    let expected = memory.filter(|space| space.model == given.model).unwrap_or(given);
    if found != expected.dimensions {
        return Err(CommandError::DimensionMismatch {
            field: field.to_owned(),
            expected: expected.dimensions,
            found,
            space: expected.to_string(),
        });
    }
    if let Some(memory) = memory
        && memory != given
    {
        return Err(CommandError::SpaceMismatch {
            field: field.to_owned(),
            expected: memory.clone(),
            found: given.clone(),
        });
    }
    if !EmbeddingSpace::allows(found) {
        let problem = format!("must have 1 to {} dimensions", EmbeddingSpace::MAX_DIMENSIONS);
        return Err(CommandError::invalid(field, problem));
    }
    let length = unit(&mut vector, field)?;
    if metric.is_of_length() && !(LENGTHS.0..=LENGTHS.1).contains(&length) {
        let problem =
            format!("has length {length:e}; it must be between {:e} and {:e}", LENGTHS.0, LENGTHS.1);
        return Err(CommandError::invalid(field, problem));
    }
    Ok(Directed { unit: vector, length: if metric.is_of_length() { length } else { 1.0 } })
}

/// Brings a vector to length 1, if it has a length. Answers the length it had, or about 1 if that is what it had.
pub(super) fn unit(vector: &mut [f32], field: &str) -> Result<f32, CommandError> {
    if let Some(at) = vector.iter().position(|component| !component.is_finite()) {
        return Err(CommandError::invalid(format!("{field}/{at}"), "is not a finite number"));
    }
    // Scaled first, so that no component over- or underflows when squared.
    let largest = vector.iter().fold(0f32, |largest, component| largest.max(component.abs()));
    if largest == 0.0 {
        return Err(CommandError::invalid(field, "has length zero: it points nowhere"));
    }
    let square = dot(vector, vector);
    if (0.999_999..=1.000_001).contains(&square) {
        return Ok(1.0);
    }
    vector.iter_mut().for_each(|component| *component /= largest);
    let norm = dot(vector, vector).sqrt();
    vector.iter_mut().for_each(|component| *component /= norm);
    Ok(norm * largest)
}

/// Refuses a text that is blank or too long.
pub(super) fn check_text(text: &str, config: &Config) -> Result<(), CommandError> {
    if text.trim().is_empty() {
        return Err(CommandError::invalid("text", "must not be blank"));
    }
    if text.len() > config.max_text_bytes as usize {
        let problem = format!(
            "has {} bytes; the limit is {} (maxTextBytes): split it into pieces",
            text.len(),
            config.max_text_bytes
        );
        return Err(CommandError::invalid("text", problem));
    }
    Ok(())
}

/// Refuses a record of which a field is not acceptable.
pub(super) fn check_record(record: &Record, now: Timestamp) -> Result<(), CommandError> {
    let Record { kind: Kind(kind), scope, actor, tags, metadata, source, .. } = record;
    check_name("kind", kind)?;
    for (part, value) in scope.parts() {
        if let Some(value) = value {
            check_name(&format!("scope/{part}"), value)?;
        }
    }
    if let Some(actor) = actor {
        check_name("actor", actor)?;
    }
    if let Some(source) = source {
        check_name("source", source)?;
    }
    if tags.len() > MAX_TAGS {
        return Err(CommandError::invalid(
            "tags",
            format!("has {} items; the limit is {MAX_TAGS}", tags.len()),
        ));
    }
    for (index, tag) in tags.iter().enumerate() {
        check_name(&format!("tags/{index}"), tag)?;
    }
    check_metadata(metadata)?;
    if !(0.0..=1.0).contains(&record.importance) {
        return Err(CommandError::invalid("importance", "must be between 0 and 1"));
    }
    let times = [
        ("occurredAt", Some(record.occurred_at)),
        ("recordedAt", Some(record.recorded_at)),
        ("tierSince", Some(record.tier_since)),
        ("lastAccess", record.usage.last()),
        ("expiresAt", record.expires_at),
    ];
    for (field, time) in times {
        if time.is_some_and(|time| !time.is_representable()) {
            return Err(CommandError::invalid(field, "must lie between the years 1 and 9999"));
        }
    }
    if record.is_expired(now) {
        return Err(CommandError::invalid("expiresAt", "must be in the future"));
    }
    Ok(())
}

/// Refuses a short text that is empty or too long.
pub(super) fn check_name(field: &str, value: &str) -> Result<(), CommandError> {
    if value.is_empty() {
        return Err(CommandError::invalid(field, "must not be empty"));
    }
    if value.len() > MAX_NAME_BYTES {
        return Err(CommandError::invalid(
            field,
            format!("has {} bytes; the limit is {MAX_NAME_BYTES}", value.len()),
        ));
    }
    Ok(())
}

/// Refuses metadata that nests too deep or holds what is no number.
pub(super) fn check_metadata(metadata: &Metadata) -> Result<(), CommandError> {
    for (name, value) in metadata {
        let field = format!("metadata/{name}");
        check_name(&field, name)?;
        if value.depth() > MAX_METADATA_DEPTH {
            return Err(CommandError::invalid(
                field,
                format!("is nested deeper than {MAX_METADATA_DEPTH} levels"),
            ));
        }
        check_numbers(&field, value)?;
    }
    Ok(())
}

fn check_numbers(field: &str, value: &Value) -> Result<(), CommandError> {
    match value {
        Value::Number(number) if !number.is_finite() => {
            Err(CommandError::invalid(field, "is not a finite number"))
        }
        Value::List(items) => items
            .iter()
            .enumerate()
            .try_for_each(|(index, item)| check_numbers(&format!("{field}/{index}"), item)),
        Value::Map(entries) => {
            entries.iter().try_for_each(|(name, item)| check_numbers(&format!("{field}/{name}"), item))
        }
        _ => Ok(()),
    }
}
