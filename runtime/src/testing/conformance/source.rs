//! The obligations of a source, its enumerator and its readers.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use super::random::Random;
use super::{bag, ok, resume, round_trip};
use crate::connector::{Assignment, Boundedness, Enumerator, Read, ReadBuffer, Reader, ReaderContext, Source, Split};

/// With how many readers each source is read.
const PARALLELISMS: [usize; 4] = [1, 2, 3, 7];
/// How many ways of stopping and restoring are tried.
const RESTORES: u64 = 40;
/// After so many rounds in which nothing happened, a source that ends is taken to hang.
const MAX_IDLE_ROUNDS: usize = 10_000;
/// After so many rounds in which nothing happened, a source without end is taken to have given all there is. In a
/// round a reader may be left out by chance; not in as many as these.
const QUIET_ROUNDS: usize = 40;

/// Checks that a source keeps the contract of [`Source`]: each of the expected records is read once, at every
/// parallelism; also if it is stopped anywhere, snapshotted and restored with another parallelism, after each record,
/// if splits are left out for a while, and if splits are given back; its end is said, and holds.
///
/// `make` makes the source anew, over the same input. A source without end is read until it has nothing more.
///
/// # Panics
/// If it does not.
#[track_caller]
pub fn source<S>(make: impl Fn() -> S, expected: Vec<S::Out>)
where
    S: Source,
    S::Out: Debug,
{
    let source = make();
    for parallelism in PARALLELISMS {
        let mut run = Run::start(&source, parallelism);
        run.finish(&mut Random::new(parallelism as u64));
        run.stays_ended();
        bag::assert_same(&run.read, &expected, &format!("read by {parallelism} readers"));
    }
    for seed in 0..RESTORES {
        let read = stop_and_restore(&make, &mut Random::new(seed), expected.len());
        bag::assert_same(&read, &expected, &format!("stopped and restored (seed {seed})"));
    }
    resume::at_every_record(&make, &expected);
    give_back(&source, &expected);
}

/// Reads with stops at random points; after each, a new source goes on from what the snapshot holds.
fn stop_and_restore<S: Source>(make: &impl Fn() -> S, random: &mut Random, expected: usize) -> Vec<S::Out>
where
    S::Out: Debug,
{
    let mut source = make();
    let mut run = Run::start(&source, PARALLELISMS[random.below(PARALLELISMS.len())]);
    for _ in 0..random.below(4) {
        let most = if random.below(2) == 0 { 6 } else { expected / 256 + 8 };
        for _ in 0..random.below(most) {
            run.hold(random);
            run.round(random);
        }
        let snapshot = run.snapshot();
        let read = std::mem::take(&mut run.read);
        source = make();
        run = Run::restore(&source, PARALLELISMS[random.below(PARALLELISMS.len())], snapshot, random);
        run.read = read;
    }
    run.finish(random);
    run.stays_ended();
    run.read
}

/// A reader fails with all its splits; those that read afterwards get them.
fn give_back<S: Source>(source: &S, expected: &[S::Out])
where
    S::Out: Debug,
{
    let mut enumerator = enumerator(source, None);
    let failed = ReaderContext { subtask: 1, parallelism: 2 };
    if let Assignment::Splits(splits) = enumerator.next(&failed) {
        enumerator.give_back(splits);
    }
    let mut run = Run::with(source, enumerator, 2);
    run.finish(&mut Random::new(7));
    bag::assert_same(&run.read, expected, "splits given back");
}

/// What a snapshot holds.
type Snapshot<S> = (<<S as Source>::Enumerator as Enumerator>::State, Vec<<S as Source>::Split>);

/// A reader, and what is known of it.
struct Seat<S: Source> {
    ctx: ReaderContext,
    reader: S::Reader,
    /// The ids of the splits that it has.
    splits: Vec<String>,
    /// The ids of those that it is to leave out.
    held: BTreeSet<Arc<str>>,
    ended: bool,
}

/// A source being read by several readers in turns.
struct Run<S: Source> {
    enumerator: S::Enumerator,
    boundedness: Boundedness,
    seats: Vec<Seat<S>>,
    read: Vec<S::Out>,
    idle_rounds: usize,
}

fn enumerator<S: Source>(source: &S, state: Option<<S::Enumerator as Enumerator>::State>) -> S::Enumerator {
    let mut enumerator = ok(source.enumerator(state), "making the enumerator");
    ok(enumerator.discover(), "discovering");
    enumerator
}

impl<S: Source> Run<S>
where
    S::Out: Debug,
{
    fn start(source: &S, parallelism: usize) -> Self {
        Self::with(source, enumerator(source, None), parallelism)
    }

    fn with(source: &S, enumerator: S::Enumerator, parallelism: usize) -> Self {
        let seats = (0..parallelism).map(|subtask| {
            let ctx = ReaderContext { subtask, parallelism };
            let mut reader = ok(source.reader(ctx.clone()), "making a reader");
            assert!(reader.position("no such split").is_none(), "a position in a split that the reader does not have");
            let first = ok(reader.read(&mut ReadBuffer::default()), "reading without splits");
            assert!(
                matches!(first, Read::NoSplits | Read::Nothing(_) | Read::Paused(_)),
                "a reader without splits answers {first:?}"
            );
            Seat { ctx, reader, splits: Vec::new(), held: BTreeSet::new(), ended: false }
        });
        let boundedness = source.boundedness();
        Self { enumerator, boundedness, seats: seats.collect(), read: Vec::new(), idle_rounds: 0 }
    }

    fn restore(source: &S, parallelism: usize, (state, splits): Snapshot<S>, random: &mut Random) -> Self {
        let mut run = Self::with(source, enumerator(source, Some(state)), parallelism);
        for split in splits {
            let seat = random.below(parallelism);
            run.seats[seat].add(split);
        }
        run
    }

    fn snapshot(&self) -> Snapshot<S> {
        let splits = self.seats.iter().flat_map(|seat| {
            seat.splits.iter().map(|id| {
                let position = seat.reader.position(id);
                let position = position.unwrap_or_else(|| panic!("the reader does not know its split `{id}`"));
                assert_eq!(position.id(), id, "a split's id changes with its position");
                round_trip(&position, "a split")
            })
        });
        (round_trip(&self.enumerator.snapshot(), "the enumerator's state"), splits.collect())
    }

    /// Has a reader leave some of its splits out now and then.
    fn hold(&mut self, random: &mut Random) {
        let which = random.below(4 * self.seats.len());
        if let Some(seat) = self.seats.get_mut(which) {
            let some = seat.splits.iter().filter(|_| random.below(2) == 0);
            seat.hold(some.map(|id| id.as_str().into()).collect());
        }
    }

    /// Lets each reader ask and read once, or not at all.
    fn round(&mut self, random: &mut Random) {
        let before = (self.read.len(), self.seats.iter().map(|seat| seat.splits.len()).sum::<usize>());
        for seat in &mut self.seats {
            if random.below(4) == 0 {
                continue;
            }
            if seat.splits.is_empty() && !seat.ended {
                match self.enumerator.next(&seat.ctx) {
                    Assignment::Splits(splits) => splits.into_iter().for_each(|split| seat.add(split)),
                    Assignment::Later => {}
                    Assignment::End => seat.ended = true,
                }
            }
            self.read.append(&mut seat.read());
        }
        let after = (self.read.len(), self.seats.iter().map(|seat| seat.splits.len()).sum::<usize>());
        self.idle_rounds = if before == after { self.idle_rounds + 1 } else { 0 };
    }

    fn finish(&mut self, random: &mut Random) {
        self.seats.iter_mut().for_each(|seat| seat.hold(BTreeSet::new()));
        loop {
            let bounded = self.boundedness == Boundedness::Bounded;
            if bounded && self.seats.iter().all(|seat| seat.ended && seat.splits.is_empty()) {
                return;
            }
            if self.idle_rounds > QUIET_ROUNDS {
                if !bounded {
                    return;
                }
                ok(self.enumerator.discover(), "discovering");
                assert!(self.idle_rounds < MAX_IDLE_ROUNDS, "the source should end and does not");
            }
            self.round(random);
        }
    }

    /// The end, once said, holds.
    fn stays_ended(&mut self) {
        for seat in self.seats.iter().filter(|seat| seat.ended) {
            let again = self.enumerator.next(&seat.ctx);
            assert!(matches!(again, Assignment::End), "splits are handed out after the end was said");
        }
    }
}

impl<S: Source> Seat<S> {
    fn add(&mut self, split: S::Split) {
        assert!(!self.splits.iter().any(|id| id == split.id()), "split `{}` is handed out twice", split.id());
        self.splits.push(split.id().to_owned());
        ok(self.reader.add(split), "adding a split");
    }

    fn hold(&mut self, splits: BTreeSet<Arc<str>>) {
        if ok(self.reader.hold(&splits), "holding splits") {
            self.held = splits;
        }
    }

    fn read(&mut self) -> Vec<S::Out> {
        let mut out = ReadBuffer::default();
        let had_splits = !self.splits.is_empty();
        let read = ok(self.reader.read(&mut out), "reading");
        if let Read::From(id) | Read::EndOf(id) = &read {
            assert!(!self.held.contains(id), "read from split `{id}`, which is to be left out");
        }
        match read {
            Read::From(id) => assert!(self.splits.iter().any(|own| **own == *id), "read from unknown split `{id}`"),
            Read::EndOf(id) => {
                let place = self.splits.iter().position(|own| **own == *id);
                self.splits.remove(place.unwrap_or_else(|| panic!("end of unknown split `{id}`")));
                assert!(self.reader.position(&id).is_none(), "the reader has not forgotten split `{id}` at its end");
            }
            Read::NothingIn(id) => {
                assert!(out.is_empty(), "records came with `NothingIn`");
                assert!(self.splits.iter().any(|own| **own == *id), "nothing in unknown split `{id}`");
            }
            Read::Nothing(wait) | Read::Paused(wait) => {
                assert!(out.is_empty(), "records came with `Nothing`");
                assert!(wait > Duration::ZERO, "`Nothing` must say how long to wait");
            }
            Read::NoSplits => assert!(!had_splits, "the reader has splits and says it has none"),
        }
        out.batch.consume().collect()
    }
}
