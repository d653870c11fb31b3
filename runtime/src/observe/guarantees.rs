//! What a job's sinks promise, said when it starts.

use crate::connector::Guarantee;
use crate::graph::Plan;

/// Logs what each sink promises; of a job that takes checkpoints, with a warning about each that weakens them.
pub(crate) fn log_guarantees(plan: &Plan, checkpointing: bool) {
    for (id, guarantee) in plan.sinks() {
        let sink = &plan.graph.nodes[id].name;
        tracing::info!(sink, %guarantee, "output");
        if checkpointing && let Some(consequence) = consequence(guarantee) {
            tracing::warn!(sink, "{consequence}, although the job takes checkpoints: the sink promises {guarantee}");
        }
    }
}

/// What a failure may do to the output in spite of checkpoints.
fn consequence(guarantee: Guarantee) -> Option<&'static str> {
    match guarantee {
        Guarantee::ExactlyOnce => None,
        Guarantee::AtLeastOnce => Some("output is repeated after a failure"),
        Guarantee::None => Some("output may be repeated or lost after a failure"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_less_than_exactly_once_is_warned_of() {
        assert_eq!(consequence(Guarantee::ExactlyOnce), None);
        assert!(consequence(Guarantee::AtLeastOnce).is_some_and(|text| text.contains("repeated")));
        assert!(consequence(Guarantee::None).is_some_and(|text| text.contains("lost")));
    }
}
