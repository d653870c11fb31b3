//! Which of many cases are worth keeping.

use std::collections::HashMap;

use crate::case::{Case, Step};
use crate::compare;

/// How many of the kept cases shall have a feature.
const EACH: usize = 1;
/// Matches of a case, at most.
const MATCHES: usize = 20;

/// Cases such that each feature of a pattern, and each two of them side by side, are in some.
pub(crate) fn diverse(cases: Vec<Case>) -> Vec<Case> {
    let mut seen: HashMap<String, usize> = HashMap::new();
    let keep = |case: &Case| {
        let features = features(case);
        let is_new = features.iter().any(|feature| seen.get(feature).is_none_or(|times| *times < EACH));
        let flink = case.flink.as_ref().expect("an answered case");
        let tells = compare::is_answer(flink)
            && (flink.refused.is_some() || flink.failed.is_some() || !flink.matches.is_empty());
        if is_new && tells && flink.matches.len() <= MATCHES {
            features.into_iter().for_each(|feature| *seen.entry(feature).or_default() += 1);
            return true;
        }
        false
    };
    cases.into_iter().filter(keep).collect()
}

fn features(case: &Case) -> Vec<String> {
    let mut features = Vec::new();
    let flink = case.flink.as_ref().expect("an answered case");
    let message = flink.refused.as_ref().or(flink.failed.as_ref());
    if let Some(message) = message {
        // Names of stages stand behind the first few words.
        return vec![message.split_whitespace().take(6).collect::<Vec<_>>().join(" ")];
    }
    of_steps(&case.pattern, "", &mut features);
    let skip = case.skip.as_ref().map_or("no skip".to_owned(), |skip| name(&format!("{skip:?}")));
    for feature in features.clone() {
        // Where there is a choice of matches, what is skipped matters.
        if ["Times", "OneOrMore", "FollowedByAny", "Within"].iter().any(|choice| feature.contains(choice)) {
            features.push(format!("{skip} & {feature}"));
        }
    }
    let flags = [
        ("late", !flink.late.is_empty()),
        ("timed out", !flink.timed_out.is_empty()),
        ("by value", case.by_value),
        ("processing time", case.processing_time),
    ];
    features.extend(flags.into_iter().filter(|(_, is)| *is).map(|(flag, _)| flag.to_owned()));
    features
}

fn of_steps(steps: &[Step], within: &str, features: &mut Vec<String>) {
    let mut before = "nothing".to_owned();
    for step in steps {
        let what = if step.group.is_some() { "group" } else { "stage" };
        let here = format!("{within}{:?} {what}", step.link);
        features.push(format!("{before} > {here}"));
        let modifiers: Vec<String> = step.with.iter().map(|modifier| name(&format!("{modifier:?}"))).collect();
        for (at, one) in modifiers.iter().enumerate() {
            features.push(format!("{here} {one}"));
            features.extend(modifiers[..at].iter().map(|other| format!("{what} {other} {one}")));
        }
        before = here;
        of_steps(step.group.as_deref().unwrap_or_default(), "in ", features);
    }
}

/// The name of a variant in its `Debug` form.
fn name(debug: &str) -> String {
    debug.chars().take_while(|c| c.is_alphanumeric()).collect()
}
