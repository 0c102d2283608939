//! Fields as queries name them, and the filters that they stand for.

use std::fmt::{self, Display, Formatter, Write};

use crate::model::{Comparison, FieldPath, Filter, RecordField, Tier, Value, steps};
use crate::syntax::expression::quoted;
use crate::syntax::period;

/// A field that compares as asked.
#[derive(Debug, Clone, PartialEq)]
pub struct FieldTerm {
    name: String,
    relation: Relation,
    value: String,
    /// Whether the value stood in quotes: then it is a text, whatever it looks like.
    quoted: bool,
    filter: Filter,
}

/// How a field compares with a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Relation {
    Is,
    More,
    Least,
    Less,
    Most,
}

impl Relation {
    /// The relations as they are written, none that another one begins with before it.
    pub(super) const SIGNS: [(&str, Relation); 4] =
        [(">=", Relation::Least), ("<=", Relation::Most), (">", Relation::More), ("<", Relation::Less)];

    fn sign(self) -> &'static str {
        Self::SIGNS.iter().find(|(_, relation)| *relation == self).map_or("", |(sign, _)| sign)
    }

    fn comparison(self, value: Value) -> Comparison {
        match self {
            Relation::Is => Comparison::Eq(value),
            Relation::More => Comparison::Gt(value),
            Relation::Least => Comparison::Gte(value),
            Relation::Less => Comparison::Lt(value),
            Relation::Most => Comparison::Lte(value),
        }
    }
}

/// What is wrong with a field: the found, and the expected.
pub(super) struct Wrong {
    /// Whether with its value, and not with its name.
    pub(super) in_value: bool,
    pub(super) problem: String,
    pub(super) expected: String,
}

/// What the values of a field are.
enum Sort {
    /// One of the labels.
    Label,
    Text,
    Tier,
    Number,
    Flag,
    Moment,
    /// Moments with a relation of their own.
    Happened(Relation),
    /// Names of fields.
    Field,
}

/// Names, what their values are, and the fields of records that they mean.
const FIELDS: [(&str, Sort, RecordField); 18] = [
    ("tag", Sort::Label, RecordField::Tags),
    ("kind", Sort::Text, RecordField::Kind),
    ("tier", Sort::Tier, RecordField::Tier),
    ("actor", Sort::Text, RecordField::Actor),
    ("source", Sort::Text, RecordField::Source),
    ("id", Sort::Text, RecordField::Id),
    ("before", Sort::Happened(Relation::Less), RecordField::OccurredAt),
    ("after", Sort::Happened(Relation::More), RecordField::OccurredAt),
    ("on", Sort::Happened(Relation::Is), RecordField::OccurredAt),
    ("occurredAt", Sort::Moment, RecordField::OccurredAt),
    ("recordedAt", Sort::Moment, RecordField::RecordedAt),
    ("lastAccess", Sort::Moment, RecordField::LastAccess),
    ("expiresAt", Sort::Moment, RecordField::ExpiresAt),
    ("importance", Sort::Number, RecordField::Importance),
    ("accessCount", Sort::Number, RecordField::AccessCount),
    ("version", Sort::Number, RecordField::Version),
    ("pinned", Sort::Flag, RecordField::Pinned),
    ("has", Sort::Field, RecordField::Id),
];

/// The beginning of the names of a user's own fields.
const OWN: &str = "metadata.";

impl FieldTerm {
    /// The field of this name, as it was written, compared with a value.
    pub(super) fn new(name: &str, relation: Relation, value: &str, quoted: bool) -> Result<Self, Wrong> {
        let filter = filter(name, relation, value, quoted)?;
        Ok(FieldTerm { name: name.to_owned(), relation, value: value.to_owned(), quoted, filter })
    }

    /// The filter that it stands for.
    pub fn filter(&self) -> &Filter {
        &self.filter
    }
}

impl Display for FieldTerm {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.name, self.relation.sign())?;
        if self.quoted {
            return quoted(f, &self.value);
        }
        for (at, character) in self.value.chars().enumerate() {
            let ends = character.is_whitespace() || matches!(character, '\\' | '"' | '(' | ')');
            if ends || at == 0 && matches!(character, '<' | '>' | '=') {
                f.write_char('\\')?;
            }
            f.write_char(character)?;
        }
        Ok(())
    }
}

fn filter(name: &str, relation: Relation, value: &str, quoted: bool) -> Result<Filter, Wrong> {
    if let Some(path) = own(name) {
        return Ok(Filter::Field(path, own_comparison(relation, value, quoted)));
    }
    let Some((_, sort, field)) = FIELDS.iter().find(|(known, ..)| *known == name) else {
        let names: Vec<&str> = FIELDS.iter().map(|(name, ..)| *name).collect();
        return Err(Wrong {
            in_value: false,
            problem: format!("{name} is not a field"),
            expected: format!("{}, {OWN}NAME, or quotes around what is no field", names.join(", ")),
        });
    };
    let refused = |expected: &str| Wrong {
        in_value: true,
        problem: format!("{}{value} is no value of {name}", relation.sign()),
        expected: expected.to_owned(),
    };
    let only = |expected| if relation == Relation::Is { Ok(()) } else { Err(refused(expected)) };
    let of = |comparison| Filter::Field(FieldPath::Record(*field), comparison);
    let text = || Value::Text(value.to_owned());
    Ok(match sort {
        Sort::Label => {
            only("a label")?;
            of(Comparison::Contains(text()))
        }
        Sort::Text => {
            only("a text")?;
            of(Comparison::Eq(text()))
        }
        Sort::Tier => {
            let names = Tier::ALL.map(Tier::name);
            if relation != Relation::Is || !names.contains(&value) {
                return Err(refused(&names.join(", ")));
            }
            of(Comparison::Eq(text()))
        }
        Sort::Number => {
            let number = number(value).ok_or_else(|| refused("a number, or >, >=, < or <= before one"))?;
            of(relation.comparison(Value::Number(number)))
        }
        Sort::Flag => {
            only("true or false")?;
            let flag = value.parse().map_err(|_| refused("true or false"))?;
            of(Comparison::Eq(Value::Bool(flag)))
        }
        Sort::Moment | Sort::Happened(_) => {
            let expected =
                "a date such as 2026-01-31, 2026-01 or 2026, or a moment such as 2026-01-31T12:00Z";
            let relation = match sort {
                Sort::Happened(own) => only(expected).map(|()| *own)?,
                _ => relation,
            };
            let (start, end) = period::read(value).ok_or_else(|| refused(expected))?;
            let (start, end) = (Value::Number(start as f64), Value::Number(end as f64));
            match relation {
                Relation::Is => Filter::And(vec![of(Comparison::Gte(start)), of(Comparison::Lt(end))]),
                Relation::More => of(Comparison::Gte(end)),
                Relation::Least => of(Comparison::Gte(start)),
                Relation::Less => of(Comparison::Lt(start)),
                Relation::Most => of(Comparison::Lt(end)),
            }
        }
        Sort::Field => {
            let expected = "the name of a field";
            only(expected)?;
            let known =
                FIELDS.iter().find(|(known, sort, _)| *known == value && !matches!(sort, Sort::Field));
            match (own(value), known) {
                (Some(path), _) => Filter::Field(path, Comparison::Exists(true)),
                // Every record has labels; what is asked for is one at least.
                (_, Some((_, Sort::Label, field))) => {
                    Filter::Field(FieldPath::Record(*field), Comparison::Ne(Value::List(Vec::new())))
                }
                (_, Some((.., field))) => Filter::Field(FieldPath::Record(*field), Comparison::Exists(true)),
                _ => return Err(refused(expected)),
            }
        }
    })
}

/// The path of a user's own field.
fn own(name: &str) -> Option<FieldPath> {
    let steps = steps(name.strip_prefix(OWN)?);
    (!steps.iter().any(String::is_empty)).then_some(FieldPath::Metadata(steps))
}

/// A value without quotes may be a number, a flag or nothing; it may also be a text that looks like one.
fn own_comparison(relation: Relation, value: &str, quoted: bool) -> Comparison {
    let text = Value::Text(value.to_owned());
    let meant = match value {
        _ if quoted => None,
        "true" | "false" => Some(Value::Bool(value == "true")),
        "null" => Some(Value::Null),
        _ => number(value).map(Value::Number),
    };
    match (relation, meant) {
        (Relation::Is, Some(meant)) => Comparison::In(vec![meant, text]),
        (_, Some(meant @ Value::Number(_))) => relation.comparison(meant),
        _ => relation.comparison(text),
    }
}

fn number(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| number.is_finite())
}
