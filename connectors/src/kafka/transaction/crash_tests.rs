//! A job with a writer and a committer that dies after each of its steps, and goes on from its last checkpoint.

use super::fake::{FakeCluster, NoAnswer};
use super::*;

const RECORDS: u64 = 30;
const RECORDS_PER_CHECKPOINT: u64 = 3;
/// More than the steps that a job takes.
const STEPS: usize = 150;

/// What a checkpoint holds.
#[derive(Debug, Clone, Default)]
struct Checkpoint {
    position: u64,
    prepared: Vec<Transaction>,
}

fn scope() -> Scope {
    Scope::new(None, "run", "sink")
}

/// A transaction being written to.
struct Open {
    id: String,
    producer: Producer,
}

struct Writer {
    names: Names,
    pool: Pool,
    /// How many checkpoints it has prepared output for.
    checkpoints: u64,
}

impl Writer {
    fn new() -> Self {
        Self { names: Names::new(&scope(), 0), pool: Pool::default(), checkpoints: 0 }
    }

    fn begin(&mut self, cluster: &mut FakeCluster, released: u64) -> Result<Open, NoAnswer> {
        let id = match self.pool.take(released) {
            None => self.names.next(),
            Some(id) => {
                (1..REUSE_STRIDE).try_for_each(|_| cluster.advance(&id))?;
                id
            }
        };
        let producer = cluster.init(&id)?;
        Ok(Open { id, producer })
    }

    fn prepare(&mut self, cluster: &mut FakeCluster, open: Open) -> Result<Transaction, NoAnswer> {
        let found = cluster.describe(&open.id)?.expect("an id in use");
        assert_eq!((found.state, found.producer), (State::Ongoing, open.producer));
        self.pool.prepared(self.checkpoints, open.id.clone());
        self.checkpoints += 1;
        Ok(Transaction::new(open.id, found.producer))
    }
}

/// One life of the job: from the last checkpoint until it dies or has read all. Commits after every `commit_every`th
/// checkpoint, so that later ones describe what earlier ones have prepared.
fn live(cluster: &mut FakeCluster, checkpoints: &mut Vec<Checkpoint>, commit_every: usize) -> Result<(), NoAnswer> {
    let Checkpoint { mut position, prepared } = checkpoints.last().cloned().unwrap_or_default();
    recover(cluster, &scope(), &prepared, |transaction, reason| panic!("{transaction} is lost: {reason}"))?;
    let mut writer = Writer::new();
    let mut uncommitted = Vec::new();
    while position < RECORDS {
        let described = checkpoints.last().map_or(0, |latest| latest.prepared.len() as u64);
        let open = writer.begin(cluster, writer.checkpoints.saturating_sub(described))?;
        for _ in 0..RECORDS_PER_CHECKPOINT {
            assert!(cluster.write(&open.id, open.producer, position)?);
            position += 1;
        }
        uncommitted.push(writer.prepare(cluster, open)?);
        cluster.step(|_| checkpoints.push(Checkpoint { position, prepared: uncommitted.clone() }))?;
        if checkpoints.len().is_multiple_of(commit_every) || position == RECORDS {
            uncommitted.iter().try_for_each(|transaction| match finish(cluster, transaction) {
                Err(FinishError::Lost(reason)) => panic!("{transaction} is lost: {reason}"),
                Err(FinishError::Coordinator(error)) => Err(error),
                Ok(()) => Ok(()),
            })?;
            uncommitted.clear();
        }
    }
    Ok(())
}

#[track_caller]
fn check_output(cluster: &FakeCluster, when: &str) {
    let mut visible = cluster.visible.clone();
    visible.sort_unstable();
    assert_eq!(visible, (0..RECORDS).collect::<Vec<_>>(), "{when}");
    assert_eq!(cluster.open(), 0, "{when}: open transactions are left");
}

#[test]
fn no_crash_loses_or_repeats_output_whether_the_last_step_had_its_effect_or_not() {
    for commit_every in [1, 2] {
        for (crash, has_effect) in (0..STEPS).flat_map(|crash| [(crash, false), (crash, true)]) {
            let (mut cluster, mut checkpoints) = (FakeCluster::default(), Vec::new());
            cluster.fuse = Some((crash, has_effect));
            let died = live(&mut cluster, &mut checkpoints, commit_every).is_err();
            cluster.fuse = None;
            assert!(died || crash > STEPS / 2, "the job takes fewer steps than are tried");
            if died {
                live(&mut cluster, &mut checkpoints, commit_every).unwrap();
            }
            check_output(&cluster, &format!("died at step {crash}, effect {has_effect}, commits {commit_every}"));
        }
    }
}

#[test]
fn a_second_crash_while_recovering_or_later_changes_nothing() {
    for (first, second) in (0..STEPS).step_by(3).flat_map(|first| (0..40).map(move |second| (first, second))) {
        let (mut cluster, mut checkpoints) = (FakeCluster::default(), Vec::new());
        for fuse in [Some((first, true)), Some((second, second % 2 == 0)), None] {
            cluster.fuse = fuse;
            let _ = live(&mut cluster, &mut checkpoints, 1);
        }
        check_output(&cluster, &format!("died at steps {first} and {second}"));
    }
}

#[test]
fn a_writer_that_goes_on_uses_few_ids() {
    let (mut cluster, mut checkpoints) = (FakeCluster::default(), Vec::new());
    live(&mut cluster, &mut checkpoints, 1).unwrap();
    assert!(cluster.known() <= 3, "{} ids for {} transactions", cluster.known(), checkpoints.len());
}

#[test]
fn what_any_older_snapshot_describes_is_known_to_be_committed() {
    let (mut cluster, mut checkpoints) = (FakeCluster::default(), Vec::new());
    live(&mut cluster, &mut checkpoints, 2).unwrap();
    for checkpoint in &checkpoints {
        let before = cluster.visible.clone();
        recover(&mut cluster, &scope(), &checkpoint.prepared, |transaction, reason| -> Result<(), NoAnswer> {
            panic!("{transaction}: {reason}")
        })
        .unwrap();
        assert_eq!(cluster.visible, before);
    }
}

/// A transaction that is part of a checkpoint, and not committed.
fn prepared(cluster: &mut FakeCluster) -> Transaction {
    let mut writer = Writer::new();
    let open = writer.begin(cluster, 0).unwrap();
    assert!(cluster.write(&open.id, open.producer, 1).unwrap());
    writer.prepare(cluster, open).unwrap()
}

#[track_caller]
fn check_lost(cluster: &mut FakeCluster, transaction: &Transaction, reason: &str) {
    for _ in 0..2 {
        match finish(cluster, transaction) {
            Err(FinishError::Lost(told)) => assert!(told.contains(reason), "{told}"),
            other => panic!("{other:?}"),
        }
    }
    assert!(cluster.visible.is_empty());
}

#[test]
fn an_expired_transaction_is_lost_and_says_so_each_time() {
    let mut cluster = FakeCluster::default();
    let transaction = prepared(&mut cluster);
    cluster.expire();
    check_lost(&mut cluster, &transaction, "longer than its timeout");
}

#[test]
fn a_transaction_whose_id_another_client_has_taken_is_lost() {
    let mut cluster = FakeCluster::default();
    let transaction = prepared(&mut cluster);
    let other = cluster.init(transaction.transactional_id()).unwrap();
    check_lost(&mut cluster, &transaction, "another producer");
    assert!(cluster.write(transaction.transactional_id(), other, 2).unwrap());
    check_lost(&mut cluster, &transaction, "another producer");
}

#[test]
fn a_writer_that_is_superseded_can_write_no_more_and_takes_nothing_from_its_successor() {
    let mut cluster = FakeCluster::default();
    let mut zombie = Writer::new();
    let left = zombie.begin(&mut cluster, 0).unwrap();
    assert!(cluster.write(&left.id, left.producer, 1).unwrap());
    recover(&mut cluster, &scope(), &[], |_, _| Ok::<(), NoAnswer>(())).unwrap();
    let kept = prepared(&mut cluster);
    assert!(!cluster.write(&left.id, left.producer, 2).unwrap());
    for _ in 0..3 {
        let another = zombie.begin(&mut cluster, 0).unwrap();
        assert!(cluster.write(&another.id, another.producer, 3).unwrap());
    }
    finish(&mut cluster, &kept).unwrap();
    assert_eq!(cluster.visible, [1]);
    recover(&mut cluster, &scope(), &[kept], |_, _| Ok::<(), NoAnswer>(())).unwrap();
    assert_eq!((cluster.visible.len(), cluster.open()), (1, 0));
}

#[test]
fn aborting_is_repeatable_and_leaves_what_is_committed() {
    let mut cluster = FakeCluster::default();
    let (committed, dropped) = (prepared(&mut cluster), prepared(&mut cluster));
    finish(&mut cluster, &committed).unwrap();
    for _ in 0..2 {
        abort(&mut cluster, &[committed.clone(), dropped.clone()]).unwrap();
    }
    assert_eq!((cluster.visible.len(), cluster.open()), (1, 0));
    finish(&mut cluster, &committed).unwrap();
    assert!(matches!(finish(&mut cluster, &dropped), Err(FinishError::Lost(_))));
}
