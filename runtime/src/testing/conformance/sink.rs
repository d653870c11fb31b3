//! The obligations of a sink, its writers and its committer.

use std::fmt::Debug;
use std::sync::Arc;

use super::{bag, round_trip};
use crate::channel::Batch;
use crate::connector::{Committer, Guarantee, Sink, SinkContext, SinkError, SinkWriter};
use crate::time::ManualClock;

/// With how many writers each sink is written.
const PARALLELISMS: [usize; 3] = [1, 2, 5];

/// Checks that a sink keeps the contract of [`Sink`]: what is committed is visible, once, also if it is committed
/// again in whole or in part, by a committer that knows nothing of the first, or while a restarted job writes on; each piece
/// of output is described once. Of a sink that promises [`Guarantee::ExactlyOnce`] also: nothing is visible before it
/// is committed, and what is never committed stays invisible.
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
    invisible(sink, visible, second, "though only what came later is committed");
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

fn writer<S: Sink>(sink: &S, subtask: usize, parallelism: usize, attempt: u32) -> S::Writer {
    let ctx = SinkContext::new(subtask, parallelism, Arc::new(ManualClock::default()));
    ok(sink.writer(SinkContext { attempt, restored: attempt > 0, ..ctx }), "making a writer")
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

#[track_caller]
fn ok<T>(result: Result<T, SinkError>, what: &str) -> T {
    result.unwrap_or_else(|error| panic!("{what} failed: {error}"))
}
