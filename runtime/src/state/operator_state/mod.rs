//! Operator state: what a subtask remembers beside the states of keys.
//!
//! * An operator names its states anew whenever it is asked ([`OperatorStates`]); they are fields of its own.
//! * A snapshot holds a list section per state. What becomes of the entries at another parallelism is the kind's affair:
//!   [`ListState`] deals them out, [`UnionList`] gives all of them to each subtask, [`BroadcastState`] is the same in all
//!   subtasks and written once.
//! * At the barrier a state is frozen in no time, and copied if it changes before it has been written.

mod broadcast;
mod list;
mod union;

pub use broadcast::BroadcastState;
pub use list::ListState;
pub use union::UnionList;

use super::{OperatorCapture, OperatorSnapshot, StateError, StateSpec};
use crate::operator::TaskInfo;

/// The handle of one operator state.
pub trait OperatorState: Send {
    /// Writes down what is stored, as entries of a list section.
    fn capture(&self, section: &str, task: &TaskInfo, to: &mut OperatorCapture) -> Result<(), StateError>;

    /// Takes this subtask's part of the entries that all subtasks have written.
    fn restore(&mut self, section: &str, task: &TaskInfo, from: &OperatorSnapshot) -> Result<(), StateError>;
}

/// The states of an operator with their names.
pub type OperatorStates<'a> = Vec<(StateSpec, &'a mut dyn OperatorState)>;

const SECTION_PREFIX: &str = "state ";

/// The list section of the state called `name`.
fn section(name: &str) -> String {
    format!("{SECTION_PREFIX}{name}")
}

/// The state that a list section is of, if it is of one.
pub(crate) fn name_of_section(section: &str) -> Option<&str> {
    section.strip_prefix(SECTION_PREFIX)
}

pub(crate) fn capture(states: OperatorStates<'_>, task: &TaskInfo, to: &mut OperatorCapture) -> Result<(), StateError> {
    for (spec, state) in states {
        state.capture(&section(spec.name), task, to)?;
    }
    Ok(())
}

pub(crate) fn restore(states: OperatorStates<'_>, task: &TaskInfo, from: &OperatorSnapshot) -> Result<(), StateError> {
    for (spec, state) in states {
        let written = spec.names().find(|name| from.has_list(&section(name)));
        let name = written.unwrap_or(spec.name);
        state.restore(&section(name), task, from).map_err(|error| error.in_state(name))?;
    }
    Ok(())
}

/// What is wrong with an operator's states, if anything: to be said when the job is built.
pub(crate) fn check(keyed: &[StateSpec], operator: &OperatorStates<'_>) -> Option<String> {
    let mut taken: Vec<&str> = Vec::new();
    for spec in keyed.iter().chain(operator.iter().map(|(spec, _)| spec)) {
        for name in spec.names() {
            if taken.contains(&name) {
                return Some(format!("two states are called `{name}`: rename one of them"));
            }
            taken.push(name);
        }
    }
    let (mortal, _) = operator.iter().find(|(spec, _)| spec.ttl.is_some())?;
    Some(format!(
        "the operator state `{}` has a time to live, which only states of keys have: leave it out",
        mortal.name
    ))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::state::Ttl;

    #[track_caller]
    fn check_message(keyed: &[StateSpec], spec: StateSpec, expected: Option<&str>) {
        let message = check(keyed, &vec![(spec, &mut ListState::<u64>::default())]);
        assert_eq!(message.as_deref(), expected);
    }

    #[test]
    fn two_states_of_one_name_are_refused_whatever_their_kind() {
        let keyed = [StateSpec::new("total").aliases(&["sum"])];
        check_message(&keyed, StateSpec::new("seen"), None);
        check_message(&keyed, StateSpec::new("total"), Some("two states are called `total`: rename one of them"));
        let renamed = StateSpec::new("seen").aliases(&["sum"]);
        check_message(&keyed, renamed, Some("two states are called `sum`: rename one of them"));
    }

    #[test]
    fn an_operator_state_has_no_time_to_live() {
        let message = "the operator state `seen` has a time to live, which only states of keys have: leave it out";
        check_message(&[], StateSpec::new("seen").ttl(Ttl::new(Duration::from_secs(1))), Some(message));
    }
}
