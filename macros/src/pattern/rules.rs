//! Rules about the stages of a pattern, one function each.

use syn::{Expr, ExprCall, Ident};

use super::fields::{Content, Quantity};
use super::model::{AfterMatch, Stage};
use super::parse::Link;
use crate::attribute::Arguments;
use crate::diagnostics::{Diagnostics, closest, one_of};
use crate::options::is_path;
use crate::types::written;

/// Rule: the first stage begins the pattern, and no other.
pub(crate) fn order(stages: &[Stage<'_>], diagnostics: &mut Diagnostics) {
    for (number, stage) in stages.iter().enumerate() {
        let (name, link) = (&stage.name, stage.marked.link);
        if number == 0 && link.is_negative() {
            let fix = "write `#[begin(..)]` for what is there first, and what is not to be behind it";
            diagnostics.error(stage.marked.attribute.path(), format!("`{name}` cannot be the first stage: {fix}"));
        } else if number == 0 && link != Link::Begin {
            let message = format!("`{name}` is the first stage and follows nothing: write `begin`");
            diagnostics.error(stage.marked.attribute.path(), message);
        } else if number > 0 && link == Link::Begin {
            let fix = "write `next`, `followed_by` or `followed_by_any`";
            diagnostics.error(stage.marked.attribute.path(), format!("`{name}` is not the first stage: {fix}"));
        }
        if let Some(key) = stage.marked.arguments.key("within_previous").filter(|_| number == 0) {
            diagnostics.error(key, format!("nothing comes before `{name}`: leave `within_previous` out"));
        }
    }
}

/// Rule: what is said of a repetition needs one.
pub(crate) fn quantifiers(stage: &Stage<'_>, diagnostics: &mut Diagnostics) {
    let name = &stage.name;
    let arguments = &stage.marked.arguments;
    let is_negative = stage.marked.link.is_negative();
    for word in ["times", "one_or_more", "optional", "greedy", "consecutive", "allow_combinations", "repeats_within"] {
        let Some(key) = arguments.key(word) else { continue };
        let is_about_many = !matches!(word, "times" | "one_or_more" | "optional");
        if is_negative {
            diagnostics
                .error(key, format!("`{name}` is not to be, so nothing is repeated or left out: leave `{word}` out"));
        } else if is_about_many && stage.quantity != Quantity::Many {
            let fix = format!("add `times = 1..` and write `Vec<..>`, or leave `{word}` out");
            diagnostics.error(key, format!("`{word}` is about a repeated stage, and `{name}` matches once: {fix}"));
        }
    }
    if let (Some(_), Some(second)) = (arguments.key("consecutive"), arguments.key("allow_combinations")) {
        diagnostics.error(second, "`allow_combinations` is the opposite of `consecutive`: leave one of them out");
    }
    if let Some(key) = arguments.key("greedy") {
        if arguments.key("allow_combinations").is_some() {
            diagnostics.error(key, "`greedy` takes one choice, `allow_combinations` all: leave one of them out");
        }
        if let Content::Group(_) = stage.content {
            let fix = "leave it out, or make the stages in the group's struct greedy";
            diagnostics.error(key, format!("`{name}` is a group, which cannot be greedy: {fix}"));
        }
    }
    until(stage, diagnostics);
}

/// Rule: only a loop is ended.
fn until(stage: &Stage<'_>, diagnostics: &mut Diagnostics) {
    let Some(key) = stage.marked.arguments.key("until").or(stage.marked.arguments.key("until_when")) else { return };
    let is_loop = stage.repeat.as_ref().map_or(Some(false), |repeat| repeat.is_loop);
    if is_loop == Some(false) {
        let fix = format!("add `times = 1..`, or leave `{key}` out");
        diagnostics.error(key, format!("`{key}` ends a loop, and `{}` is none: {fix}", stage.name));
    }
}

/// Rule: what stands behind an optional or a greedy stage can be told from it.
pub(crate) fn neighbours(stages: &[Stage<'_>], diagnostics: &mut Diagnostics) {
    for pair in stages.windows(2) {
        let [before, stage] = pair else { continue };
        let (name, previous) = (&stage.name, &before.name);
        if stage.marked.link.is_negative() && before.is_optional() {
            let fix = "use two patterns, one with and one without that stage";
            let message = format!("`{name}` stands behind `{previous}`, which is optional: {fix}");
            diagnostics.error(stage.marked.attribute.path(), message);
        }
        if before.has("greedy") && stage.is_optional() {
            let fix =
                format!("leave `greedy` out at `{previous}`, or use two patterns, one with and one without `{name}`");
            diagnostics
                .error(stage.marked.ident, format!("`{name}` is optional and stands behind a greedy stage: {fix}"));
        }
    }
}

/// Rule: time or an event ends what would go on for ever. That of a group is said by the pattern it is part of.
pub(crate) fn ends(stages: &[Stage<'_>], has_within: bool, diagnostics: &mut Diagnostics) {
    if has_within {
        return;
    }
    if let Some(last) = stages.last().filter(|last| last.marked.link == Link::NotFollowedBy)
        && !last.has("within_previous")
    {
        let fix =
            "add `within = \"10 min\"` to `#[pattern(..)]`, or `group` if the struct is part of other patterns only";
        let message = format!("how long may `{}` not follow? {fix}", last.name);
        diagnostics.error(last.marked.attribute.path(), message);
    }
    if stages.iter().any(|stage| matches!(stage.content, Content::Group(_))) {
        return;
    }
    for stage in stages {
        let is_any = stage.marked.link == Link::FollowedByAny || stage.has("allow_combinations");
        let is_loop = stage.repeat.as_ref().and_then(|repeat| repeat.is_loop) == Some(true);
        if is_any && is_loop && stage.until.is_none() {
            let fix = "add `until = ..` here or `within = \"10 min\"` to `#[pattern(..)]`, or `group` there if the struct is part of other patterns only";
            let key = stage.marked.arguments.key("times").or(stage.marked.arguments.key("one_or_more"));
            let message =
                format!("nothing ends `{}`, and every further event makes more partial matches: {fix}", stage.name);
            diagnostics.error(key, message);
        }
    }
}

/// Rule: a strategy is one of those there are, and the stage it skips to has events.
pub(crate) fn after_match(
    stages: &[Stage<'_>],
    arguments: &Arguments,
    diagnostics: &mut Diagnostics,
) -> Option<AfterMatch> {
    let value = arguments.value("after_match")?;
    if let Some(key) = arguments.key("group") {
        diagnostics
            .error(key, "a `group` has no `after_match`, which belongs to the whole pattern: leave one of them out");
    }
    let (call, is_strict) = match value {
        Expr::MethodCall(call) if call.method == "throw_exception_on_miss" && call.args.is_empty() => {
            (&*call.receiver, true)
        }
        other => (other, false),
    };
    match call {
        _ if is_path(value, "none") => return Some(AfterMatch::NoSkip),
        _ if is_path(value, "to_next") => return Some(AfterMatch::SkipToNext),
        _ if is_path(value, "skip_past_last") => return Some(AfterMatch::SkipPastLastEvent),
        Expr::Call(call) if is_path(&call.func, "to_first") => {
            return target(call, stages, diagnostics).map(|stage| AfterMatch::SkipToFirst(stage, is_strict));
        }
        Expr::Call(call) if is_path(&call.func, "to_last") => {
            return target(call, stages, diagnostics).map(|stage| AfterMatch::SkipToLast(stage, is_strict));
        }
        _ => {}
    }
    let fix = "write `none`, `to_next`, `skip_past_last`, `to_first(stage)` or `to_last(stage)`";
    diagnostics.error(value, format!("`after_match` cannot be `{}`: {fix}", written(value)));
    None
}

/// The stage that is skipped to.
fn target(call: &ExprCall, stages: &[Stage<'_>], diagnostics: &mut Diagnostics) -> Option<String> {
    let named: Option<&Ident> = match call.args.first() {
        Some(Expr::Path(path)) if call.args.len() == 1 => path.path.get_ident(),
        _ => None,
    };
    let Some(ident) = named else {
        let word = written(&call.func);
        diagnostics
            .error(call, format!("`{word}` skips to a stage: write its name, as in `{word}({})`", stages[0].name));
        return None;
    };
    let usable = |stage: &&Stage<'_>| stage.quantity != Quantity::Never && !matches!(stage.content, Content::Group(_));
    let names = || stages.iter().filter(usable).map(|stage| stage.name.as_str());
    let reason = match stages.iter().find(|stage| *ident == stage.name) {
        Some(stage) if usable(&stage) => return Some(stage.name.clone()),
        Some(stage) if stage.quantity == Quantity::Never => "is not to be, so no match has an event of it",
        Some(_) => "is a group, to which one cannot skip",
        None => "is no stage of the pattern",
    };
    let fix = match closest(&ident.to_string(), names()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if names().next().is_none() => "write `skip_past_last` or another strategy".to_owned(),
        None => format!("write {}", one_of(names())),
    };
    diagnostics.error(ident, format!("`{ident}` {reason}: {fix}"));
    None
}
