//! Filters: which records a question is about.
//!
//! Owns the filter tree, its meaning and its reading from plain JSON values. Invariant: evaluation cannot fail and
//! depends on the record alone. A comparison between different types is false; `ne` and `nin` are the exact
//! opposites of `eq` and `in`.

use std::borrow::Cow;
use std::cmp::Ordering;

use crate::error::QueryError;
use crate::model::{Record, Timestamp, Value};

/// A condition over one record.
#[derive(Debug, Clone, PartialEq)]
pub enum Filter {
    /// All hold. True when empty.
    And(Vec<Filter>),
    /// At least one holds. False when empty.
    Or(Vec<Filter>),
    /// The inner one does not hold.
    Not(Box<Filter>),
    /// A field compares as asked.
    Field(FieldPath, Comparison),
}

/// Which value of a record a comparison looks at.
#[derive(Debug, Clone, PartialEq)]
pub enum FieldPath {
    /// A value in the metadata: names from the outside in.
    Metadata(Vec<String>),
    /// A field of the record itself.
    Record(RecordField),
}

impl FieldPath {
    /// The value of a record that it names.
    pub(crate) fn of<'a>(&self, record: &'a Record) -> Option<Cow<'a, Value>> {
        match self {
            FieldPath::Metadata(path) => {
                let (first, rest) = path.split_first()?;
                record.metadata.get(first)?.at(rest).map(Cow::Borrowed)
            }
            FieldPath::Record(field) => field.of(record).map(Cow::Owned),
        }
    }
}

/// Fields of a record that a filter can name, written with a dollar sign: `$kind`, `$occurredAt`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are those of the fields of `Record`")]
pub enum RecordField {
    Id,
    Text,
    Kind,
    Tier,
    Actor,
    OccurredAt,
    RecordedAt,
    Importance,
    Tags,
    AccessCount,
    LastAccess,
    Pinned,
    ExpiresAt,
    Source,
    Version,
}

impl RecordField {
    const NAMES: [(&str, RecordField); 15] = [
        ("$id", RecordField::Id),
        ("$text", RecordField::Text),
        ("$kind", RecordField::Kind),
        ("$tier", RecordField::Tier),
        ("$actor", RecordField::Actor),
        ("$occurredAt", RecordField::OccurredAt),
        ("$recordedAt", RecordField::RecordedAt),
        ("$importance", RecordField::Importance),
        ("$tags", RecordField::Tags),
        ("$accessCount", RecordField::AccessCount),
        ("$lastAccess", RecordField::LastAccess),
        ("$pinned", RecordField::Pinned),
        ("$expiresAt", RecordField::ExpiresAt),
        ("$source", RecordField::Source),
        ("$version", RecordField::Version),
    ];

    /// The field that a filter names like that, with its dollar sign.
    pub(crate) fn named(name: &str) -> Option<RecordField> {
        Self::NAMES.iter().find(|(known, _)| *known == name).map(|(_, field)| *field)
    }

    fn of(self, record: &Record) -> Option<Value> {
        let time = |at: Timestamp| Value::Number(at.0 as f64);
        let text = |text: &str| Value::Text(text.to_owned());
        Some(match self {
            RecordField::Id => text(&record.id.to_string()),
            RecordField::Text => text(&record.text),
            RecordField::Kind => text(&record.kind.0),
            RecordField::Tier => text(record.tier.name()),
            RecordField::Actor => text(record.actor.as_deref()?),
            RecordField::OccurredAt => time(record.occurred_at),
            RecordField::RecordedAt => time(record.recorded_at),
            RecordField::Importance => Value::Number(record.importance),
            RecordField::Tags => Value::List(record.tags.iter().map(|tag| text(tag)).collect()),
            RecordField::AccessCount => Value::Number(f64::from(record.usage.count)),
            RecordField::LastAccess => time(record.usage.last()?),
            RecordField::Pinned => Value::Bool(record.pinned),
            RecordField::ExpiresAt => time(record.expires_at?),
            RecordField::Source => text(record.source.as_deref()?),
            RecordField::Version => Value::Number(f64::from(record.version)),
        })
    }
}

/// How a value is compared.
#[derive(Debug, Clone, PartialEq)]
pub enum Comparison {
    /// Same type and same value; lists and maps compare whole.
    Eq(Value),
    /// Not [`Comparison::Eq`]; true for a missing field.
    Ne(Value),
    /// Larger. Numbers with numbers, text with text (by code point), booleans with booleans.
    Gt(Value),
    /// Larger or equal.
    Gte(Value),
    /// Smaller.
    Lt(Value),
    /// Smaller or equal.
    Lte(Value),
    /// Equal to one of these.
    In(Vec<Value>),
    /// Equal to none of these; true for a missing field.
    Nin(Vec<Value>),
    /// A list with such an element, or a text with such a part.
    Contains(Value),
    /// The field is there (`null` counts as there), or is not.
    Exists(bool),
}

impl Comparison {
    /// Whether it holds for the value of a field, or for a field that is not there.
    pub(crate) fn holds(&self, value: Option<&Value>) -> bool {
        let ordered = |bound: &Value, wanted: fn(Ordering) -> bool| {
            value.and_then(|value| compare(value, bound)).is_some_and(wanted)
        };
        match self {
            Comparison::Eq(expected) => value == Some(expected),
            Comparison::Ne(expected) => value != Some(expected),
            Comparison::Gt(bound) => ordered(bound, Ordering::is_gt),
            Comparison::Gte(bound) => ordered(bound, Ordering::is_ge),
            Comparison::Lt(bound) => ordered(bound, Ordering::is_lt),
            Comparison::Lte(bound) => ordered(bound, Ordering::is_le),
            Comparison::In(options) => value.is_some_and(|value| options.contains(value)),
            Comparison::Nin(options) => !value.is_some_and(|value| options.contains(value)),
            Comparison::Contains(part) => match (value, part) {
                (Some(Value::List(items)), part) => items.contains(part),
                (Some(Value::Text(text)), Value::Text(part)) => text.contains(part.as_str()),
                _ => false,
            },
            Comparison::Exists(wanted) => value.is_some() == *wanted,
        }
    }
}

fn compare(a: &Value, b: &Value) -> Option<Ordering> {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a.partial_cmp(b),
        (Value::Text(a), Value::Text(b)) => Some(a.cmp(b)),
        (Value::Bool(a), Value::Bool(b)) => Some(a.cmp(b)),
        _ => None,
    }
}

/// Conditions in one filter, all levels together.
const MAX_CONDITIONS: usize = 1_000;
/// Levels of nesting in one filter.
const MAX_DEPTH: usize = 32;

impl Filter {
    /// Whether the filter holds for `record`.
    pub fn matches(&self, record: &Record) -> bool {
        match self {
            Filter::And(all) => all.iter().all(|filter| filter.matches(record)),
            Filter::Or(any) => any.iter().any(|filter| filter.matches(record)),
            Filter::Not(inner) => !inner.matches(record),
            // The commonest condition, without a copy of the labels.
            Filter::Field(FieldPath::Record(RecordField::Tags), Comparison::Contains(part)) => {
                matches!(part, Value::Text(label) if record.tags.contains(label))
            }
            Filter::Field(path, comparison) => comparison.holds(path.of(record).as_deref()),
        }
    }

    /// Gives the fields that it looks at.
    pub(crate) fn each_path<'a>(&'a self, each: &mut dyn FnMut(&'a FieldPath)) {
        match self {
            Filter::And(parts) | Filter::Or(parts) => parts.iter().for_each(|part| part.each_path(each)),
            Filter::Not(inner) => inner.each_path(each),
            Filter::Field(path, _) => each(path),
        }
    }

    /// Whether it looks at a field of the record.
    pub(crate) fn looks_at(&self, wanted: RecordField) -> bool {
        let mut looks = false;
        self.each_path(&mut |path| looks |= *path == FieldPath::Record(wanted));
        looks
    }

    /// Reads a filter from its JSON form.
    ///
    /// An object whose entries must all hold. `"$and"` and `"$or"` take a list of filters, `"$not"` one. Another name
    /// that starts with a dollar sign is a [`RecordField`]. Any other name is a metadata path, its steps separated
    /// by dots; after a backslash a dot, a dollar sign and a backslash stand for themselves, so that `a\.b` is the
    /// value of the name "a.b" and `\$a` that of "$a". A field's value is either compared for equality or an object of operators: `$eq $ne $gt $gte
    /// $lt $lte $in $nin $contains $exists`.
    ///
    /// # Errors
    /// [`QueryError::Filter`] with the path to what was wrong.
    pub fn from_value(value: &Value) -> Result<Filter, QueryError> {
        Reader { conditions: 0 }.filter(value, &mut vec!["filter".to_owned()])
    }
}

struct Reader {
    conditions: usize,
}

impl Reader {
    fn filter(&mut self, value: &Value, at: &mut Vec<String>) -> Result<Filter, QueryError> {
        let Value::Map(entries) = value else {
            return Err(wrong(at, "must be an object"));
        };
        if at.len() > MAX_DEPTH {
            return Err(wrong(at, &format!("is nested deeper than {MAX_DEPTH} levels")));
        }
        let mut all = Vec::with_capacity(entries.len());
        for (name, value) in entries {
            at.push(name.clone());
            all.push(self.entry(name, value, at)?);
            at.pop();
        }
        Ok(if all.len() == 1 { all.remove(0) } else { Filter::And(all) })
    }

    fn entry(&mut self, name: &str, value: &Value, at: &mut Vec<String>) -> Result<Filter, QueryError> {
        match name {
            "$and" => Ok(Filter::And(self.list(value, at)?)),
            "$or" => Ok(Filter::Or(self.list(value, at)?)),
            "$not" => Ok(Filter::Not(Box::new(self.filter(value, at)?))),
            _ => {
                let path = if name.starts_with('$') {
                    let field =
                        RecordField::named(name).ok_or_else(|| wrong(at, "is not a field of a record"))?;
                    FieldPath::Record(field)
                } else {
                    let steps = steps(name);
                    if steps.iter().any(String::is_empty) {
                        return Err(wrong(at, "has an empty step in its path"));
                    }
                    FieldPath::Metadata(steps)
                };
                self.conditions_of(path, value, at)
            }
        }
    }

    fn list(&mut self, value: &Value, at: &mut Vec<String>) -> Result<Vec<Filter>, QueryError> {
        let Value::List(items) = value else {
            return Err(wrong(at, "must be a list of filters"));
        };
        let mut filters = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            at.push(index.to_string());
            filters.push(self.filter(item, at)?);
            at.pop();
        }
        Ok(filters)
    }

    fn conditions_of(
        &mut self,
        path: FieldPath,
        value: &Value,
        at: &mut Vec<String>,
    ) -> Result<Filter, QueryError> {
        let operators = match value {
            Value::Map(entries) if entries.keys().any(|name| name.starts_with('$')) => entries,
            plain => {
                self.count(at)?;
                return Ok(Filter::Field(path, Comparison::Eq(plain.clone())));
            }
        };
        let mut all = Vec::with_capacity(operators.len());
        for (operator, operand) in operators {
            at.push(operator.clone());
            self.count(at)?;
            all.push(Filter::Field(path.clone(), comparison(operator, operand, at)?));
            at.pop();
        }
        Ok(if all.len() == 1 { all.remove(0) } else { Filter::And(all) })
    }

    fn count(&mut self, at: &[String]) -> Result<(), QueryError> {
        self.conditions += 1;
        if self.conditions > MAX_CONDITIONS {
            return Err(wrong(at, &format!("is one condition too many: a filter may have {MAX_CONDITIONS}")));
        }
        Ok(())
    }
}

/// The steps of a path. See [`Filter::from_value`].
pub(crate) fn steps(path: &str) -> Vec<String> {
    let mut steps = vec![String::new()];
    let mut characters = path.chars().peekable();
    while let Some(character) = characters.next() {
        let taken = match character {
            '\\' => characters.next_if(|next| matches!(next, '.' | '$' | '\\')).unwrap_or(character),
            '.' => {
                steps.push(String::new());
                continue;
            }
            plain => plain,
        };
        if let Some(step) = steps.last_mut() {
            step.push(taken);
        }
    }
    steps
}

fn comparison(operator: &str, operand: &Value, at: &[String]) -> Result<Comparison, QueryError> {
    let list = || match operand {
        Value::List(items) => Ok(items.clone()),
        _ => Err(wrong(at, "must be a list")),
    };
    let bound = || match operand {
        Value::Number(_) | Value::Text(_) | Value::Bool(_) => Ok(operand.clone()),
        _ => Err(wrong(at, "must be a number, a string or a boolean")),
    };
    Ok(match operator {
        "$eq" => Comparison::Eq(operand.clone()),
        "$ne" => Comparison::Ne(operand.clone()),
        "$gt" => Comparison::Gt(bound()?),
        "$gte" => Comparison::Gte(bound()?),
        "$lt" => Comparison::Lt(bound()?),
        "$lte" => Comparison::Lte(bound()?),
        "$in" => Comparison::In(list()?),
        "$nin" => Comparison::Nin(list()?),
        "$contains" => Comparison::Contains(operand.clone()),
        "$exists" => match operand {
            Value::Bool(flag) => Comparison::Exists(*flag),
            _ => return Err(wrong(at, "must be true or false")),
        },
        _ => return Err(wrong(at, "is not an operator")),
    })
}

fn wrong(at: &[String], problem: &str) -> QueryError {
    QueryError::Filter { path: at.join("/"), problem: problem.to_owned() }
}
