//! Names of actors in a question.
//!
//! A question such as "when did Ada adopt the dog?" names its actor, and so does every memory of that actor: to an
//! embedding the name is noise that drowns the rest. Keyword search keeps the name; the dense query goes without.

/// Roles that are also ordinary words.
const ROLES: [&str; 8] = ["user", "assistant", "system", "tool", "agent", "human", "bot", "model"];

/// `question` without the words that name one of `actors`, or unchanged if nothing would be left.
pub(crate) fn without_mentions(question: &str, actors: &[&str]) -> String {
    let names: Vec<String> = actors
        .iter()
        .flat_map(|actor| actor.split_whitespace())
        .map(|name| strip(name).to_lowercase())
        .filter(|name| name.chars().count() > 1 && !ROLES.contains(&name.as_str()))
        .collect();
    let is_name = |word: &str| {
        let word = strip(word).to_lowercase();
        let owner = word.strip_suffix("'s").or_else(|| word.strip_suffix("’s")).unwrap_or(&word);
        names.iter().any(|name| name == owner)
    };
    let kept: Vec<&str> = question.split_whitespace().filter(|word| !is_name(word)).collect();
    if kept.iter().any(|word| !strip(word).is_empty()) { kept.join(" ") } else { question.to_owned() }
}

fn strip(word: &str) -> &str {
    word.trim_matches(|c: char| !c.is_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(question: &str, actors: &[&str], expected: &str) {
        assert_eq!(without_mentions(question, actors), expected);
    }

    #[test]
    fn names_go_and_the_rest_stays() {
        check("When did Ada adopt the dog?", &["Ada", "Bo"], "When did adopt the dog?");
        check("What is ADA's, and bo’s, plan?", &["Ada", "Bo"], "What is and plan?");
        check("Did Ms Lovelace call?", &["Ada Lovelace"], "Did Ms call?");
    }

    #[test]
    fn roles_and_lone_names_stay() {
        check("which user settings?", &["user", "assistant"], "which user settings?");
        check("Ada?", &["Ada"], "Ada?");
        check("Adam's ribs", &["Ada"], "Adam's ribs");
    }
}
