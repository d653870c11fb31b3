//! W4: how often each word comes in generated lines; the final counts.
//!
//! The job's words are compact strings, which hold up to 24 bytes in place: a word that travels is not a piece of memory to
//! be allocated on one thread and freed on another.

use compact_str::CompactString;
use hashbrown::HashMap;
use millstream::connector::GeneratorSource;
use millstream::prelude::*;

use crate::Fingerprint;
use crate::input::{line, scatter};
use crate::tally::TallySink;

fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split_ascii_whitespace()
}

/// A number for a result, so that a wrong one changes the fingerprint.
fn code(word: &str, count: u64) -> u64 {
    let spelled = word.bytes().fold(0, |code, byte| scatter(code ^ u64::from(byte)));
    spelled.wrapping_mul(2 * count + 1)
}

/// The plain loop. A word is copied when it is first seen.
#[inline(never)]
pub(super) fn plain(lines: u64) -> Fingerprint {
    let mut counts: HashMap<String, u64> = HashMap::new();
    for index in 0..lines {
        let line = std::hint::black_box(line(index));
        for word in words(&line) {
            *counts.entry_ref(word).or_insert(0) += 1;
        }
    }
    let mut fingerprint = Fingerprint::default();
    for (word, count) in counts {
        fingerprint.add(code(&word, count));
    }
    fingerprint
}

pub(super) fn job(lines: u64, parallelism: usize) -> Result<Fingerprint> {
    let env = Environment::new("word count");
    env.set_parallelism(parallelism);
    let (sink, tally) = TallySink::new(|(word, count): &(CompactString, u64)| code(word, *count));
    env.source(GeneratorSource::new(lines, line))
        .process("words", Words)
        .key_by(|word| word)
        .process("count", FinalCount)
        .sink(sink);
    env.execute()?;
    Ok(tally.take())
}

/// Splits lines into words.
#[derive(Clone)]
struct Words;

impl Process for Words {
    type In = String;
    type Out = CompactString;

    fn process(&mut self, line: String, _ctx: &mut Context<'_>, out: &mut Collector<CompactString>) -> Result<()> {
        out.extend(words(&line).map(CompactString::new));
        Ok(())
    }
}

/// Counts each word, and emits the count when event time ends, that is after the last line.
#[derive(Clone)]
struct FinalCount;

impl KeyedOperator<CompactString> for FinalCount {
    type In = CompactString;
    type Out = (CompactString, u64);
    type State = (Value<u64>,);

    fn states(&self) -> Vec<StateSpec> {
        vec![StateSpec::new("count")]
    }

    fn new_state(&self) -> Self::State {
        Default::default()
    }

    fn process(
        &mut self,
        _word: CompactString,
        (count,): &mut Self::State,
        ctx: &mut KeyedContext<'_, CompactString>,
        _out: &mut Collector<(CompactString, u64)>,
    ) -> Result<()> {
        if count.get().is_none() {
            ctx.set_event_timer(Timestamp::MAX);
        }
        *count.get_or_default() += 1;
        Ok(())
    }

    fn on_timer(
        &mut self,
        _at: Timestamp,
        (count,): &mut Self::State,
        ctx: &mut KeyedContext<'_, CompactString>,
        out: &mut Collector<(CompactString, u64)>,
    ) -> Result<()> {
        out.emit((ctx.key().clone(), count.take().unwrap_or(0)));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn the_loop_counts_like_a_sorted_table() {
        let text: Vec<String> = (0..300).map(line).collect();
        let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
        for word in text.iter().flat_map(|line| line.split(' ')) {
            *counts.entry(word).or_default() += 1;
        }
        let mut expected = Fingerprint::default();
        for (word, count) in counts {
            expected.add(code(word, count));
        }
        assert_eq!(plain(300), expected);
    }
}
