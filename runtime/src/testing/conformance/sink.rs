//! The obligations of a sink, its writers and its committer.

use std::fmt::Debug;
use std::sync::Arc;

use super::{bag, ok, round_trip};
use crate::channel::Batch;
use crate::connector::{Committer, Guarantee, RecoverContext, Sink, SinkContext, SinkWriter};
use crate::time::ManualClock;

/// With how many writers each sink is written.
const PARALLELISMS: [usize; 3] = [1, 2, 5];

/// Checks that a sink keeps the contract of [`Sink`]: what is committed is visible, once, also if it is committed
/// again in whole or in part, by a committer that knows nothing of the first, when a job recovers, or while a restarted
/// job writes on; each piece of output is described once; recovering takes nothing away from other runs and sinks. Of a
/// sink that promises [`Guarantee::ExactlyOnce`] also: nothing is visible before it is committed, and what is never
/// committed stays invisible.
///
/// `make` makes the sink over a new, empty target, and a function that reads all that is visible there.
///
/// # Panics
/// If it does not.
#[track_caller]
pub fn sink<S, V>(make: impl Fn() -> (S, V), records: Vec<S::In>)
where
    S: Sink,
    S::In: Debug,
    V: FnMut() -> Vec<S::In>,
{
    for parallelism in PARALLELISMS {
        let (sink, mut visible) = make();
        committed_is_visible_once(&sink, &mut visible, &records, parallelism);
    }
    let (sink, mut visible) = make();
    a_restarted_job_repeats_nothing(&sink, &mut visible, &records);
    for committed_before in [0, 1, usize::MAX] {
        let (sink, mut visible) = make();
        recovered_once(&sink, &mut visible, &records, committed_before);
    }
    for (run, uid) in [("another run", "sink"), ("run", "another sink")] {
        let (sink, mut visible) = make();
        recovering_leaves_others_alone(&sink, &mut visible, &records, run, uid);
    }
    let (sink, mut visible) = make();
    described_once(&sink, &mut visible, &records);
    if make().0.guarantee() == Guarantee::ExactlyOnce {
        let (sink, mut visible) = make();
        dropped_stays_invisible(&sink, &mut visible, &records);
        let (sink, mut visible) = make();
        aborted_stays_invisible(&sink, &mut visible, &records);
    }
}

fn committed_is_visible_once<S: Sink>(
    sink: &S,
    visible: &mut impl FnMut() -> Vec<S::In>,
    records: &[S::In],
    parallelism: usize,
) where
    S::In: Debug,
{
    let mut described = Vec::new();
    let mut writers: Vec<_> = (0..parallelism).map(|subtask| writer(sink, subtask, parallelism, 0)).collect();
    let share = records.len().div_ceil(parallelism).max(1);
    for (writer, part) in writers.iter_mut().zip(records.chunks(share)) {
        write::<S>(writer, part);
    }
    for writer in &mut writers {
        ok(writer.flush(), "flushing");
        described.extend(ok(writer.prepare_commit(), "preparing"));
    }
    invisible(sink, visible, &[], "before it is committed");
    let described: Vec<S::Committable> = described.iter().map(|piece| round_trip(piece, "a committable")).collect();

    let half = described.len() / 2;
    ok(committer(sink).commit(described[..half].to_vec()), "committing a part");
    let mut second = committer(sink);
    ok(second.commit(described.clone()), "committing all after a part");
    bag::assert_same(&visible(), records, &format!("written by {parallelism} writers"));
    ok(second.commit(described.clone()), "committing again");
    ok(committer(sink).commit(described[half..].to_vec()), "committing a part again");
    bag::assert_same(&visible(), records, "committed again");
}

/// The first attempt fails after its checkpoint; the second commits what the checkpoint holds and writes the rest.
fn a_restarted_job_repeats_nothing<S: Sink>(sink: &S, visible: &mut impl FnMut() -> Vec<S::In>, records: &[S::In])
where
    S::In: Debug,
{
    let (first, second) = records.split_at(records.len() / 2);
    let mut failing = writer(sink, 0, 1, 0);
    write::<S>(&mut failing, first);
    let checkpointed = ok(failing.prepare_commit(), "preparing");
    if sink.guarantee() == Guarantee::ExactlyOnce {
        write::<S>(&mut failing, second);
    }
    drop(failing);

    ok(committer(sink).commit(checkpointed.clone()), "committing");
    let mut restarted = writer(sink, 0, 1, 1);
    write::<S>(&mut restarted, second);
    let mut all = checkpointed;
    all.extend(ok(restarted.prepare_commit(), "preparing"));
    ok(committer(sink).commit(all), "committing what two attempts wrote");
    bag::assert_same(&visible(), records, "written by two attempts");
}

/// An attempt fails after its checkpoint, of which so many pieces are committed, having written and prepared more.
fn recovered_once<S: Sink>(
    sink: &S,
    visible: &mut impl FnMut() -> Vec<S::In>,
    records: &[S::In],
    committed_before: usize,
) where
    S::In: Debug,
{
    ok(committer(sink).recover(recovery(), Vec::new()), "recovering a job that begins");
    let (first, second) = records.split_at(records.len() / 2);
    let mut failing = writer(sink, 0, 1, 0);
    write::<S>(&mut failing, first);
    let checkpointed = ok(failing.prepare_commit(), "preparing");
    if sink.guarantee() == Guarantee::ExactlyOnce {
        write::<S>(&mut failing, second);
        ok(failing.prepare_commit(), "preparing what is never committed");
        write::<S>(&mut failing, second);
    }
    // A killed process drops nothing.
    std::mem::forget(failing);
    let before = checkpointed[..committed_before.min(checkpointed.len())].to_vec();
    ok(committer(sink).commit(before), "committing a part");

    let restored: Vec<S::Committable> = checkpointed.iter().map(|piece| round_trip(piece, "a committable")).collect();
    for when in ["recovered", "recovered again"] {
        ok(committer(sink).recover(recovery(), restored.clone()), "recovering");
        bag::assert_same(&visible(), first, when);
    }
    let mut restarted = writer(sink, 0, 1, 1);
    write::<S>(&mut restarted, second);
    ok(committer(sink).commit(ok(restarted.prepare_commit(), "preparing")), "committing what was written since");
    bag::assert_same(&visible(), records, "recovered and written on");
}

/// A job recovers while another one, or another sink of the same job, has output that is not committed yet.
fn recovering_leaves_others_alone<S: Sink>(
    sink: &S,
    visible: &mut impl FnMut() -> Vec<S::In>,
    records: &[S::In],
    run: &str,
    uid: &str,
) where
    S::In: Debug,
{
    let ctx = SinkContext { run: run.into(), sink: uid.into(), ..place(0, 1, 0) };
    let mut other = ok(sink.writer(ctx), "making a writer");
    let (first, second) = records.split_at(records.len() / 2);
    write::<S>(&mut other, first);
    let mut prepared = ok(other.prepare_commit(), "preparing");
    write::<S>(&mut other, second);
    ok(committer(sink).recover(recovery(), Vec::new()), "recovering");
    prepared.extend(ok(other.prepare_commit(), "preparing after another has recovered"));
    ok(committer(sink).commit(prepared), "committing after another has recovered");
    bag::assert_same(&visible(), records, &format!("written by {run}, {uid}"));
}

fn described_once<S: Sink>(sink: &S, visible: &mut impl FnMut() -> Vec<S::In>, records: &[S::In])
where
    S::In: Debug,
{
    let mut writer = writer(sink, 0, 1, 0);
    let (first, second) = records.split_at(records.len() / 2);
    write::<S>(&mut writer, first);
    let earlier = ok(writer.prepare_commit(), "preparing");
    let nothing = ok(writer.prepare_commit(), "preparing");
    assert!(nothing.is_empty(), "output is described a second time");
    write::<S>(&mut writer, second);
    let later = ok(writer.prepare_commit(), "preparing");
    ok(committer(sink).commit(later), "committing");
    if sink.guarantee() == Guarantee::ExactlyOnce {
        // It may have to wait until what comes before it is committed, as in a log.
        let seen = visible();
        let expected = if seen.is_empty() { &[] } else { second };
        bag::assert_same(&seen, expected, "though only what came later is committed");
    }
    ok(committer(sink).commit(earlier), "committing");
    bag::assert_same(&visible(), records, "committed in two steps");
}

fn dropped_stays_invisible<S: Sink>(sink: &S, visible: &mut impl FnMut() -> Vec<S::In>, records: &[S::In])
where
    S::In: Debug,
{
    let mut failing = writer(sink, 0, 1, 0);
    write::<S>(&mut failing, records);
    drop(failing);
    ok(committer(sink).commit(Vec::new()), "committing nothing");
    bag::assert_same(&visible(), &[], "dropped before it was prepared");
}

fn aborted_stays_invisible<S: Sink>(sink: &S, visible: &mut impl FnMut() -> Vec<S::In>, records: &[S::In])
where
    S::In: Debug,
{
    let mut failing = writer(sink, 0, 1, 0);
    write::<S>(&mut failing, records);
    let described = ok(failing.prepare_commit(), "preparing");
    ok(committer(sink).abort(described.clone()), "aborting");
    ok(committer(sink).abort(described), "aborting again");
    bag::assert_same(&visible(), &[], "aborted");
}

/// Nothing but `expected` is visible, if the sink promises that.
fn invisible<S: Sink>(sink: &S, visible: &mut impl FnMut() -> Vec<S::In>, expected: &[S::In], when: &str)
where
    S::In: Debug,
{
    if sink.guarantee() == Guarantee::ExactlyOnce {
        bag::assert_same(&visible(), expected, when);
    }
}

fn place(subtask: usize, parallelism: usize, attempt: u32) -> SinkContext {
    let ctx = SinkContext::new(subtask, parallelism, Arc::new(ManualClock::default()));
    SinkContext { attempt, restored: attempt > 0, ..ctx }
}

/// A start of the job whose writers are at [`place`].
fn recovery() -> RecoverContext {
    let SinkContext { job, run, sink, .. } = place(0, 1, 1);
    RecoverContext { job, run, sink, attempt: 1, restored: true, checkpoint_interval: None }
}

fn writer<S: Sink>(sink: &S, subtask: usize, parallelism: usize, attempt: u32) -> S::Writer {
    ok(sink.writer(place(subtask, parallelism, attempt)), "making a writer")
}

fn committer<S: Sink>(sink: &S) -> S::Committer {
    ok(sink.committer(), "making a committer")
}

fn write<S: Sink>(writer: &mut S::Writer, records: &[S::In]) {
    let mut batch = Batch::new();
    for record in records {
        batch.push(record.clone());
    }
    let mut cursor = batch.consume();
    ok(writer.write(&mut cursor), "writing");
    assert_eq!(cursor.remaining(), 0, "the writer left records in the cursor");
}
