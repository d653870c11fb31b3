//! Rules that patterns keep, one function each.

use std::sync::Arc;

use super::Unit;
use crate::cep::after_match::AfterMatch;
use crate::cep::error::PatternError;
use crate::cep::graph::Graph;
use crate::cep::quantifier::Contiguity;

/// More states than any sensible pattern has, and fewer than there are numbers for.
const MAX_STATES: u64 = 20_000;

/// What must hold for a pattern to be compiled.
pub(super) fn before(units: &[Unit], names: &[Arc<str>], after_match: &AfterMatch) -> Result<(), PatternError> {
    unique_names(names)?;
    known_stage(units, after_match)?;
    not_too_many(units)
}

/// What must hold of the outcome.
pub(super) fn after(units: &[Unit], graph: &Graph) -> Result<(), PatternError> {
    ends(units, graph)?;
    limits_fit(graph)
}

/// What must hold so that state does not grow for ever on an endless stream.
pub(in crate::cep) fn bounded(units: &[Unit], graph: &Graph) -> Result<(), PatternError> {
    if graph.within > 0 {
        return Ok(());
    }
    for unit in units {
        let is_any = unit.contiguity == Contiguity::Any || unit.quantifier.inner == Contiguity::Any;
        if unit.quantifier.is_loop() && unit.until.is_none() && is_any {
            return Err(PatternError::UnboundedLoop(unit.name.to_string()));
        }
        if unit.until.is_none() {
            bounded(unit.group.as_deref().unwrap_or_default(), graph)?;
        }
    }
    Ok(())
}

fn unique_names(names: &[Arc<str>]) -> Result<(), PatternError> {
    let mut sorted: Vec<&str> = names.iter().map(|name| &**name).collect();
    sorted.sort_unstable();
    match sorted.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(PatternError::DuplicateStage(pair[0].to_owned())),
        None => Ok(()),
    }
}

/// As in Flink, one cannot skip to a stage inside a group.
fn known_stage(units: &[Unit], after_match: &AfterMatch) -> Result<(), PatternError> {
    let Some(stage) = after_match.stage() else { return Ok(()) };
    let single = || units.iter().filter(|unit| unit.group.is_none());
    if single().any(|unit| &*unit.name == stage) {
        return Ok(());
    }
    let known: Vec<String> = single().map(|unit| format!("`{}`", unit.name)).collect();
    let known = if known.is_empty() { "groups only".to_owned() } else { known.join(", ") };
    Err(PatternError::UnknownStage { stage: stage.to_owned(), known })
}

fn not_too_many(units: &[Unit]) -> Result<(), PatternError> {
    let states = units.iter().map(Unit::weight).fold(0, u64::saturating_add);
    if states > MAX_STATES { Err(PatternError::TooLarge { states, limit: MAX_STATES }) } else { Ok(()) }
}

fn ends(units: &[Unit], graph: &Graph) -> Result<(), PatternError> {
    match units.last() {
        Some(last)
            if last.contiguity == Contiguity::NotFollowed && last.within_previous.is_none() && graph.within == 0 =>
        {
            Err(PatternError::EndlessNot(last.name.to_string()))
        }
        _ => Ok(()),
    }
}

fn limits_fit(graph: &Graph) -> Result<(), PatternError> {
    let too_long = graph.states.iter().find(|state| graph.within > 0 && state.within_previous > graph.within);
    match too_long {
        Some(state) => Err(PatternError::GapTooLong {
            stage: state.name.clone(),
            gap_ms: state.within_previous,
            within_ms: graph.within,
        }),
        None => Ok(()),
    }
}
