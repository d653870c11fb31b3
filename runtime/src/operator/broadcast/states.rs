//! The broadcast states of one operator.

use crate::data::Data;
use crate::state::{BroadcastState, OperatorState, OperatorStates, StateSpec};

/// What the subtasks of an operator share: a [`BroadcastState`], or a tuple of them.
pub trait BroadcastStates: Clone + Default + Send + Sync + 'static {
    /// The states' names, in order, unless the operator has names of its own.
    fn specs() -> Vec<StateSpec>;

    /// The states, in the same order.
    fn states_mut(&mut self) -> Vec<&mut dyn OperatorState>;
}

impl<K: Data + Ord, V: Data> BroadcastStates for BroadcastState<K, V> {
    fn specs() -> Vec<StateSpec> {
        vec![StateSpec::new("broadcast")]
    }

    fn states_mut(&mut self) -> Vec<&mut dyn OperatorState> {
        vec![self]
    }
}

macro_rules! tuple {
    ($($name:literal $key:ident $value:ident $index:tt),+) => {
        impl<$($key: Data + Ord, $value: Data),+> BroadcastStates for ($(BroadcastState<$key, $value>,)+) {
            fn specs() -> Vec<StateSpec> {
                vec![$(StateSpec::new($name)),+]
            }

            fn states_mut(&mut self) -> Vec<&mut dyn OperatorState> {
                vec![$(&mut self.$index),+]
            }
        }
    };
}

tuple!("broadcast" K V 0);
tuple!("broadcast" K V 0, "broadcast-2" K2 V2 1);
tuple!("broadcast" K V 0, "broadcast-2" K2 V2 1, "broadcast-3" K3 V3 2);
tuple!("broadcast" K V 0, "broadcast-2" K2 V2 1, "broadcast-3" K3 V3 2, "broadcast-4" K4 V4 3);

/// The states with their names.
pub(super) fn named<S: BroadcastStates>(specs: Vec<StateSpec>, states: &mut S) -> OperatorStates<'_> {
    specs.into_iter().zip(states.states_mut()).collect()
}

/// What is wrong with the states' names, if anything: to be said when the job is built.
pub(super) fn misnamed<S: BroadcastStates>(specs: &[StateSpec]) -> Option<String> {
    let (names, states) = (specs.len(), S::specs().len());
    (names != states).then(|| {
        format!("`shared_states` gives {names} names, and there are {states} broadcast states: give each a name")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_state_of_a_tuple_has_a_name_of_its_own() {
        type Four =
            (BroadcastState<u8, u8>, BroadcastState<u8, u8>, BroadcastState<String, u8>, BroadcastState<u8, String>);
        let mut states = Four::default();
        let named = named(Four::specs(), &mut states);
        let names: Vec<&str> = named.iter().map(|(spec, _)| spec.name).collect();
        assert_eq!(names, ["broadcast", "broadcast-2", "broadcast-3", "broadcast-4"]);
    }

    #[test]
    fn names_that_do_not_match_the_states_are_refused() {
        type One = (BroadcastState<u8, u8>,);
        assert_eq!(misnamed::<One>(&[StateSpec::new("rules")]), None);
        let message = misnamed::<One>(&[]).unwrap();
        assert!(message.starts_with("`shared_states` gives 0 names, and there are 1 broadcast states"), "{message}");
    }
}
