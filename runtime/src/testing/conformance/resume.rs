//! A source goes on from every position that a snapshot may hold.

use std::fmt::Debug;

use super::{bag, ok, round_trip};
use crate::connector::{Assignment, Enumerator, Read, ReadBuffer, Reader, ReaderContext, Source, Split};

/// How often a source is taken over by a new reader at most: after each record of a small one.
const HANDOVERS: usize = 250;
/// After so many reads in a row without a record, a split without end is taken to have given all there is.
const QUIET_READS: usize = 100;

/// What a source has given.
struct Given<T> {
    values: Vec<T>,
    rejected: Vec<(String, String)>,
    skipped: u64,
}

/// Reads a source record by record. Before each time the enumerator is asked, it is made anew from its snapshot; after
/// each record a new reader takes over. That must give the same as reading on: records, rejects and what is skipped.
pub(super) fn at_every_record<S: Source>(make: &impl Fn() -> S, expected: &[S::Out])
where
    S::Out: Debug,
{
    let undisturbed = read_all(make, usize::MAX);
    let taken_over = read_all(make, expected.len().div_ceil(HANDOVERS).max(1));
    let when = "taken over by a new reader";
    bag::assert_same(&taken_over.values, expected, when);
    bag::assert_same(&taken_over.rejected, &undisturbed.rejected, when);
    assert_eq!(taken_over.skipped, undisturbed.skipped, "skipped records, {when}");
}

/// Reads with one reader at a time, a new one after every so many reads of a record each.
fn read_all<S: Source>(make: &impl Fn() -> S, handover_every: usize) -> Given<S::Out> {
    let ctx = ReaderContext { subtask: 0, parallelism: 1 };
    let mut given = Given { values: Vec::new(), rejected: Vec::new(), skipped: 0 };
    let mut source = make();
    let mut enumerator = ok(source.enumerator(None), "making the enumerator");
    loop {
        if handover_every < usize::MAX {
            // Before it has looked for splits, and after.
            for _ in 0..2 {
                let state = round_trip(&enumerator.snapshot(), "the enumerator's state");
                source = make();
                enumerator = ok(source.enumerator(Some(state)), "restoring the enumerator");
                ok(enumerator.discover(), "discovering");
            }
        } else {
            ok(enumerator.discover(), "discovering");
        }
        match enumerator.next(&ctx) {
            Assignment::Splits(splits) => read_splits(make, &ctx, splits, handover_every, &mut given),
            Assignment::Later | Assignment::End => return given,
        }
    }
}

fn read_splits<S: Source>(
    make: &impl Fn() -> S,
    ctx: &ReaderContext,
    splits: Vec<S::Split>,
    handover_every: usize,
    given: &mut Given<S::Out>,
) {
    let mut left = splits;
    // Also from where nothing has been read yet.
    let mut reads = 0;
    loop {
        let source = make();
        let mut reader = ok(source.reader(ctx.clone()), "making a reader");
        let ids: Vec<String> = left.iter().map(|split| split.id().to_owned()).collect();
        for split in left {
            ok(reader.add(round_trip(&split, "a split")), "adding a split");
        }
        let mut quiet = 0;
        loop {
            let mut out = ReadBuffer::default();
            if handover_every < usize::MAX {
                out.set_max_records(1);
            }
            let read = ok(reader.read(&mut out), "reading");
            given.skipped += out.skipped();
            given.rejected.extend_from_slice(out.rejected());
            given.values.extend(out.batch.consume());
            match read {
                Read::NoSplits => return,
                Read::NothingIn(_) | Read::Nothing(_) | Read::Paused(_) => quiet += 1,
                Read::From(_) | Read::EndOf(_) => {
                    quiet = 0;
                    reads += 1;
                }
            }
            if quiet > QUIET_READS {
                return;
            }
            if quiet == 0 && reads % handover_every == 0 {
                break;
            }
        }
        left = ids.iter().filter_map(|id| reader.position(id)).collect();
    }
}
