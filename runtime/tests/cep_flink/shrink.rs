//! Smaller cases that might show what a case shows.

use crate::case::{Case, Step};

/// Every case that is the given one with something left out.
pub(crate) fn smaller(case: &Case) -> Vec<Case> {
    let case = &Case { flink: None, ..case.clone() };
    let mut smaller = Vec::new();
    for at in 0..case.input.len() {
        let mut without = case.clone();
        without.input.remove(at);
        smaller.push(without);
    }
    smaller.extend(shorter(&case.pattern).into_iter().map(|pattern| Case { pattern, ..case.clone() }));
    smaller.push(Case { skip: None, ..case.clone() });
    smaller.push(Case { by_value: false, ..case.clone() });
    smaller.push(Case { processing_time: false, ..case.clone() });
    smaller.retain(|one| size(one) < size(case));
    smaller
}

/// How much there is to a case.
fn size(case: &Case) -> usize {
    let flags = usize::from(case.skip.is_some()) + usize::from(case.by_value) + usize::from(case.processing_time);
    case.input.len() + flags + steps(&case.pattern)
}

fn steps(pattern: &[Step]) -> usize {
    let inner = |step: &Step| step.group.as_deref().map_or(0, steps);
    pattern.iter().map(|step| 1 + step.with.len() + inner(step)).sum()
}

/// The pattern without one of its steps, modifiers or groups.
fn shorter(pattern: &[Step]) -> Vec<Vec<Step>> {
    let mut shorter = Vec::new();
    for (at, step) in pattern.iter().enumerate() {
        let mut replace = |by: Option<Step>| {
            let mut steps = pattern.to_vec();
            match by {
                Some(by) => steps[at] = by,
                None if at + 1 < steps.len() || at > 0 => {
                    steps.remove(at);
                    steps[0].link = crate::case::Link::Begin;
                }
                None => return,
            }
            shorter.push(steps);
        };
        replace(None);
        for modifier in 0..step.with.len() {
            let mut without = step.clone();
            without.with.remove(modifier);
            replace(Some(without));
        }
        let Some(group) = &step.group else { continue };
        for group in self::shorter(group) {
            replace(Some(Step { group: Some(group), ..step.clone() }));
        }
        if let [only] = &group[..] {
            let mut with = only.with.clone();
            with.extend(step.with.iter().cloned());
            replace(Some(Step { link: step.link, with, ..only.clone() }));
        }
    }
    shorter
}
