//! A pattern's stages without the events: conditions are numbers.

use std::sync::Arc;

use crate::cep::condition::Condition;
use crate::cep::graph::Guard;
use crate::cep::pattern::Stage;
use crate::cep::quantifier::{Contiguity, Quantifier, Repeat};

/// A stage, or a group of them.
#[derive(Debug)]
pub(in crate::cep) struct Unit {
    /// Unique in the pattern.
    pub(super) id: usize,
    pub(super) name: Arc<str>,
    /// The stage's number; that of a group means nothing.
    pub(super) stage: u16,
    pub(super) group: Option<Vec<Self>>,
    pub(super) contiguity: Contiguity,
    pub(super) condition: Guard,
    pub(super) quantifier: Quantifier,
    pub(super) until: Option<Guard>,
    pub(super) within: Option<i64>,
    pub(super) within_previous: Option<i64>,
    pub(super) repeats_within: Option<i64>,
}

/// Stages as units, and what their numbers stand for.
pub(in crate::cep) struct Units<E> {
    pub(in crate::cep) units: Vec<Unit>,
    pub(in crate::cep) stages: Vec<Arc<str>>,
    pub(in crate::cep) tests: Vec<Condition<E>>,
    ids: usize,
}

impl<E> Units<E> {
    pub(in crate::cep) fn new(stages: &[Stage<E>]) -> Self {
        let mut units = Self { units: Vec::new(), stages: Vec::new(), tests: Vec::new(), ids: 0 };
        units.units = units.convert_all(stages);
        units
    }

    fn convert_all(&mut self, stages: &[Stage<E>]) -> Vec<Unit> {
        stages.iter().map(|stage| self.convert(stage)).collect()
    }

    fn convert(&mut self, stage: &Stage<E>) -> Unit {
        self.ids += 1;
        let id = self.ids;
        let group = stage.group.as_ref().map(|stages| self.convert_all(stages));
        let number = self.stages.len() as u16;
        if group.is_none() {
            self.stages.push(Arc::clone(&stage.name));
        }
        Unit {
            id,
            name: Arc::clone(&stage.name),
            stage: number,
            group,
            contiguity: stage.contiguity,
            condition: stage.condition.as_ref().map_or(Guard::Always, |condition| self.test(condition)),
            quantifier: stage.quantifier,
            until: stage.until.as_ref().map(|condition| self.test(condition)),
            within: stage.within,
            within_previous: stage.within_previous,
            repeats_within: stage.repeats_within,
        }
    }

    fn test(&mut self, condition: &Condition<E>) -> Guard {
        self.tests.push(condition.clone());
        Guard::Test((self.tests.len() - 1) as u16)
    }
}

impl Unit {
    /// How many states it becomes, roughly.
    pub(super) fn weight(&self) -> u64 {
        let inside = self.group.as_ref().map_or(2, |units| units.iter().map(Self::weight).fold(0, u64::saturating_add));
        let times = match self.quantifier.repeat {
            Repeat::Once => 1,
            Repeat::Times(_, to) => u64::from(to),
            Repeat::OrMore(from) => u64::from(from) + 1,
        };
        inside.saturating_mul(times).saturating_add(2)
    }
}
