//! Scopes: who a memory belongs to.

use serde::{Deserialize, Serialize};

/// A structured key. Each part is compared exactly, never by prefix: `user: "1"` does not see `user: "10"`.
///
/// As the scope of a *record*, it says whom the record belongs to. As the scope of a *view*, it says what may be
/// seen: records that carry every part the view names, with the same value; parts the view leaves open are free.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Scope {
    /// The customer or organisation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// The person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// The conversation or run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
}

impl Scope {
    /// Name and value of each part, in the order tenant, user, agent, session.
    pub fn parts(&self) -> [(&'static str, Option<&str>); 4] {
        [
            ("tenant", self.tenant.as_deref()),
            ("user", self.user.as_deref()),
            ("agent", self.agent.as_deref()),
            ("session", self.session.as_deref()),
        ]
    }

    /// Whether a view of this scope may see a record of scope `record`.
    pub fn covers(&self, record: &Scope) -> bool {
        self.parts().iter().zip(record.parts()).all(|((_, view), (_, own))| view.is_none() || *view == own)
    }

    /// The scope that names the parts of both, or the name of the part in which they contradict each other.
    pub fn merge(&self, other: &Scope) -> Result<Scope, &'static str> {
        fn part(
            name: &'static str,
            a: &Option<String>,
            b: &Option<String>,
        ) -> Result<Option<String>, &'static str> {
            match (a, b) {
                (Some(a), Some(b)) if a != b => Err(name),
                (Some(a), _) => Ok(Some(a.clone())),
                (None, b) => Ok(b.clone()),
            }
        }
        Ok(Scope {
            tenant: part("tenant", &self.tenant, &other.tenant)?,
            user: part("user", &self.user, &other.user)?,
            agent: part("agent", &self.agent, &other.agent)?,
            session: part("session", &self.session, &other.session)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(name: &str) -> Scope {
        Scope { user: Some(name.into()), ..Scope::default() }
    }

    #[test]
    fn parts_are_compared_exactly() {
        for (view, record, sees) in
            [("1", "1", true), ("1", "10", false), ("10", "1", false), ("", "1", false), ("a", "A", false)]
        {
            assert_eq!(user(view).covers(&user(record)), sees, "{view:?} {record:?}");
        }
        assert!(Scope::default().covers(&user("1")));
        assert!(!user("1").covers(&Scope::default()));
    }

    #[test]
    fn merging_names_the_contradiction() {
        let both = Scope { tenant: Some("t".into()), ..user("1") };
        assert_eq!(user("1").merge(&both), Ok(both.clone()));
        assert_eq!(user("2").merge(&both), Err("user"));
    }
}
