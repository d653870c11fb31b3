//! Tests of the coordinator: single facts, and random runs against the rules that always hold.

use proptest::prelude::*;

use super::*;

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn rhythm() -> Rhythm {
    Rhythm { interval: Some(secs(10)), timeout: secs(60), min_pause: secs(0), max_concurrent: 1, tolerable_failures: 1 }
}

/// A coordinator of two subtasks and one enumerator.
struct Run {
    coordinator: Coordinator,
    now: Duration,
}

impl Run {
    fn new(rhythm: Rhythm) -> Self {
        Self { coordinator: Coordinator::new(rhythm, (2, 3), CheckpointId(1), secs(0)), now: secs(0) }
    }

    fn on(&mut self, event: Event) -> Vec<Action> {
        self.coordinator.on(event, self.now)
    }

    fn at(&mut self, seconds: u64) -> Vec<Action> {
        self.now = secs(seconds);
        self.on(Event::Tick)
    }

    /// All three acknowledge; answers what follows from the last.
    fn acknowledge_all(&mut self, id: u64) -> Vec<Action> {
        let id = CheckpointId(id);
        assert_eq!(self.on(Event::Acknowledged { id, subtask: 0 }), []);
        assert_eq!(self.on(Event::Acknowledged { id, subtask: 2 }), []);
        self.on(Event::Acknowledged { id, subtask: 1 })
    }

    fn stored(&mut self, id: u64) -> Vec<Action> {
        self.on(Event::Stored { id: CheckpointId(id), result: Ok(()) })
    }

    fn committed(&mut self, id: u64) -> Vec<Action> {
        self.on(Event::Committed { id: CheckpointId(id) })
    }
}

fn trigger(id: u64, purpose: Purpose) -> Action {
    Action::Trigger { id: CheckpointId(id), purpose }
}

#[test]
fn a_checkpoint_is_stored_when_all_have_acknowledged_and_committed_when_it_is_stored() {
    let mut run = Run::new(rhythm());
    assert_eq!(run.at(9), []);
    assert_eq!(run.at(10), [trigger(1, Purpose::Checkpoint)]);
    assert_eq!(run.acknowledge_all(1), [Action::Store { id: CheckpointId(1) }]);
    assert_eq!(run.stored(1), [Action::Commit { id: CheckpointId(1) }]);
    assert_eq!(run.committed(1), []);
    assert_eq!(run.at(20), [trigger(2, Purpose::Checkpoint)]);
}

#[test]
fn no_checkpoint_begins_while_another_is_under_way_or_within_the_pause_after_it() {
    let mut run = Run::new(Rhythm { min_pause: secs(15), ..rhythm() });
    run.at(10);
    assert_eq!(run.at(30), []);
    run.acknowledge_all(1);
    run.stored(1);
    assert_eq!(run.at(44), []);
    assert_eq!(run.coordinator.next_tick(), Some(secs(45)));
    assert_eq!(run.at(45), [trigger(2, Purpose::Checkpoint)]);
}

#[test]
fn a_late_checkpoint_is_given_up_and_too_many_in_a_row_fail_the_job() {
    let mut run = Run::new(rhythm());
    run.at(10);
    let given_up = run.at(70);
    assert!(matches!(given_up[0], Action::GiveUp { id: CheckpointId(1), .. }), "{given_up:?}");
    assert_eq!(given_up[1], trigger(2, Purpose::Checkpoint));
    let last = run.on(Event::Declined { id: CheckpointId(2), reason: "disk full".to_owned() });
    assert!(matches!(&last[1], Action::Fail { reason } if reason.contains("disk full")), "{last:?}");
    assert_eq!(run.at(1000), []);
}

#[test]
fn a_completed_checkpoint_forgives_earlier_failures() {
    let mut run = Run::new(rhythm());
    for id in [1, 3, 5] {
        run.at(id * 10);
        run.on(Event::Declined { id: CheckpointId(id), reason: "once".to_owned() });
        assert_eq!(run.at(id * 10 + 10), [trigger(id + 1, Purpose::Checkpoint)]);
        run.acknowledge_all(id + 1);
        run.stored(id + 1);
        run.committed(id + 1);
    }
}

#[test]
fn the_job_is_over_when_a_checkpoint_after_the_last_record_is_committed() {
    let mut run = Run::new(rhythm());
    run.at(10);
    assert_eq!(run.on(Event::Drained { subtask: 0 }), []);
    assert_eq!(run.on(Event::Drained { subtask: 1 }), []);
    run.acknowledge_all(1);
    let after = run.stored(1);
    assert_eq!(after, [Action::Commit { id: CheckpointId(1) }, trigger(2, Purpose::Checkpoint)]);
    assert_eq!(run.committed(1), []);
    run.acknowledge_all(2);
    run.stored(2);
    assert_eq!(run.committed(2), [Action::Finish { savepoint: None }]);
}

#[test]
fn without_checkpoints_output_is_committed_once_at_the_end() {
    let mut run = Run::new(Rhythm::commit_once());
    assert_eq!(run.at(1_000_000), []);
    run.on(Event::Drained { subtask: 1 });
    assert_eq!(run.on(Event::Drained { subtask: 0 }), [trigger(1, Purpose::CommitOnly)]);
    assert_eq!(run.acknowledge_all(1), [Action::Commit { id: CheckpointId(1) }]);
    assert_eq!(run.committed(1), [Action::Finish { savepoint: None }]);
}

#[test]
fn a_last_checkpoint_that_fails_is_tried_again() {
    let mut run = Run::new(rhythm());
    run.on(Event::Drained { subtask: 0 });
    assert_eq!(run.on(Event::Drained { subtask: 1 }), [trigger(1, Purpose::Checkpoint)]);
    run.on(Event::Declined { id: CheckpointId(1), reason: "disk full".to_owned() });
    assert_eq!(run.at(10), [trigger(2, Purpose::Checkpoint)]);
}

#[test]
fn a_savepoint_of_a_job_that_goes_on_commits_nothing() {
    let mut run = Run::new(rhythm());
    let asked = run.on(Event::SavepointRequested { stop: false });
    assert_eq!(asked, [trigger(1, Purpose::Savepoint { stop: false })]);
    run.acknowledge_all(1);
    assert_eq!(run.stored(1), [Action::SavepointDone { id: CheckpointId(1) }]);
}

#[test]
fn a_job_that_stops_commits_and_triggers_nothing_more() {
    let mut run = Run::new(rhythm());
    let asked = run.on(Event::SavepointRequested { stop: true });
    assert_eq!(asked, [trigger(1, Purpose::Savepoint { stop: true })]);
    assert_eq!(run.at(30), []);
    run.acknowledge_all(1);
    run.stored(1);
    assert_eq!(run.committed(1), [Action::Finish { savepoint: Some(CheckpointId(1)) }]);
}

#[test]
fn a_job_that_stops_takes_no_other_savepoint() {
    let mut run = Run::new(rhythm());
    run.on(Event::SavepointRequested { stop: true });
    assert_eq!(run.on(Event::SavepointRequested { stop: true }), []);
    assert_eq!(run.on(Event::SavepointRequested { stop: false }), []);
}

#[test]
fn a_stop_without_a_savepoint_to_go_on_from_is_a_failure() {
    let mut run = Run::new(rhythm());
    run.on(Event::SavepointRequested { stop: true });
    let failed = run.on(Event::Declined { id: CheckpointId(1), reason: "disk full".to_owned() });
    assert!(matches!(&failed[1], Action::Fail { reason } if reason.contains("disk full")), "{failed:?}");
}

#[test]
fn a_savepoint_that_overtakes_the_last_checkpoint_does_not_keep_the_job_from_ending() {
    let mut run = Run::new(rhythm());
    run.on(Event::Drained { subtask: 0 });
    assert_eq!(run.on(Event::Drained { subtask: 1 }), [trigger(1, Purpose::Checkpoint)]);
    run.on(Event::SavepointRequested { stop: false });
    run.acknowledge_all(2);
    let stored = run.stored(2);
    assert_eq!(stored, [Action::SavepointDone { id: CheckpointId(2) }, trigger(3, Purpose::Checkpoint)]);
    run.acknowledge_all(3);
    run.stored(3);
    assert_eq!(run.committed(3), [Action::Finish { savepoint: None }]);
}

/// A step of a random run: an event about the `which`th snapshot under way, or of the whole.
#[derive(Debug, Clone)]
enum Step {
    Wait(u64),
    Acknowledge { which: usize, subtask: usize },
    Decline { which: usize },
    Store { ok: bool },
    Commit,
    Drain(usize),
    Savepoint { stop: bool },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1u64..15).prop_map(Step::Wait),
        12 => (0usize..3, 0usize..3).prop_map(|(which, subtask)| Step::Acknowledge { which, subtask }),
        1 => (0usize..3).prop_map(|which| Step::Decline { which }),
        2 => prop::bool::weighted(0.8).prop_map(|ok| Step::Store { ok }),
        4 => Just(Step::Commit),
        1 => (0usize..2).prop_map(Step::Drain),
        1 => prop::bool::weighted(0.3).prop_map(|stop| Step::Savepoint { stop }),
    ]
}

/// What is under way, as those see it who carry the actions out.
#[derive(Default)]
struct UnderWay {
    collecting: Vec<CheckpointId>,
    storing: Vec<CheckpointId>,
    committing: Vec<CheckpointId>,
    last_committed: Option<CheckpointId>,
    finished: bool,
}

impl UnderWay {
    /// The event of a step; `None` if there is nothing to do it with.
    fn event(&mut self, step: Step, now: &mut Duration) -> Option<Event> {
        Some(match step {
            Step::Wait(seconds) => {
                *now += secs(seconds);
                Event::Tick
            }
            Step::Acknowledge { which, subtask } => Event::Acknowledged { id: *self.collecting.get(which)?, subtask },
            Step::Decline { which } => {
                Event::Declined { id: *self.collecting.get(which)?, reason: "declined".to_owned() }
            }
            // Pointers are written, and output is committed, one after another.
            Step::Store { ok } => {
                let id = *self.storing.first()?;
                self.storing.remove(0);
                Event::Stored { id, result: if ok { Ok(()) } else { Err("store".to_owned()) } }
            }
            Step::Commit => {
                let id = *self.committing.first()?;
                self.committing.remove(0);
                assert!(self.last_committed < Some(id), "{id} after {:?}", self.last_committed);
                self.last_committed = Some(id);
                Event::Committed { id }
            }
            Step::Drain(subtask) => Event::Drained { subtask },
            Step::Savepoint { stop } => Event::SavepointRequested { stop },
        })
    }

    fn carry_out(&mut self, actions: Vec<Action>) {
        assert!(!self.finished || actions.is_empty(), "nothing follows the end: {actions:?}");
        for action in actions {
            match action {
                Action::Trigger { id, .. } => self.collecting.push(id),
                Action::Store { id } => {
                    assert!(self.collecting.contains(&id));
                    self.collecting.retain(|other| *other != id);
                    self.storing.push(id);
                }
                Action::Commit { id } => {
                    assert!(!self.collecting.contains(&id) && !self.storing.contains(&id));
                    self.committing.push(id);
                }
                Action::GiveUp { id, .. } => self.collecting.retain(|other| *other != id),
                Action::SavepointDone { id } => assert!(!self.collecting.contains(&id)),
                Action::Finish { .. } | Action::Fail { .. } => self.finished = true,
            }
        }
    }
}

proptest! {
    #[test]
    fn output_is_committed_after_its_snapshot_is_complete_and_in_order_and_the_job_ends(
        steps in prop::collection::vec(step(), 0..200),
        max_concurrent in 1usize..4,
    ) {
        let rhythm = Rhythm { max_concurrent, tolerable_failures: 100, ..rhythm() };
        let mut run = Run::new(rhythm);
        let mut under_way = UnderWay::default();
        // Whatever has happened: once nothing fails any more, the job ends.
        let all = [Step::Drain(0), Step::Drain(1), Step::Store { ok: true }, Step::Commit, Step::Wait(10)];
        let acknowledged = (0..3).map(|subtask| Step::Acknowledge { which: 0, subtask });
        let in_the_end = [acknowledged.collect(), all.to_vec()].concat();
        let rounds = in_the_end.iter().cycle().take(in_the_end.len() * 400).cloned();
        for step in steps.into_iter().chain(rounds) {
            if let Some(event) = under_way.event(step, &mut run.now) {
                let actions = run.on(event);
                under_way.carry_out(actions);
            }
        }
        prop_assert!(under_way.finished);
    }
}
