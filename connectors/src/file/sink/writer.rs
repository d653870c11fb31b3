//! Writes the records of one subtask into part files, one for each bucket.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use millstream::Data;
use millstream::channel::batch::Consume;
use millstream::connector::{SinkContext, SinkError, SinkWriter};
use millstream::time::{Clock, Timestamp};

use super::bucket::Buckets;
use super::owner::Owner;
use super::part::{FilePart, OpenPart, Unclaimed, sync_directory};
use super::{Settings, names::Names};

/// How many part files a writer has open at most; beyond, it finishes the one written to longest ago.
const MAX_OPEN_PARTS: usize = 256;

/// Writes part files.
pub struct FileWriter<T> {
    settings: Arc<Settings<T>>,
    buckets: Buckets<T>,
    names: Names,
    owner: Owner,
    open: HashMap<String, OpenPart<T>>,
    /// Files that are complete and not yet described to the committer.
    finished: Vec<Unclaimed>,
    /// No open part is to be finished before; `None` if none is at any time.
    deadline: Option<Timestamp>,
    clock: Arc<dyn Clock>,
}

impl<T: Data> FileWriter<T> {
    pub(super) fn new(settings: Arc<Settings<T>>, ctx: &SinkContext) -> Result<Self, SinkError> {
        let buckets = Buckets::new(settings.bucketing.clone())?;
        let names = Names::new(settings.prefix.clone(), ctx.subtask, settings.suffix());
        Ok(Self {
            settings,
            buckets,
            names,
            owner: Owner::new(&ctx.run, &ctx.sink),
            open: HashMap::new(),
            finished: Vec::new(),
            deadline: None,
            clock: Arc::clone(&ctx.clock),
        })
    }

    fn write_row(&mut self, value: &T, event_time: Timestamp, now: Timestamp) -> Result<(), SinkError> {
        let bucket = self.buckets.of(value, event_time, now)?;
        let part = match self.open.get_mut(bucket) {
            Some(part) => part,
            None => {
                if self.open.len() >= MAX_OPEN_PARTS {
                    finish_oldest(&mut self.open, &mut self.finished)?;
                }
                let file = FilePart::new(bucket, self.names.next(), &self.owner);
                let Settings { directory, format, compression, .. } = &*self.settings;
                let part = OpenPart::create(directory, file, &**format, *compression, now)?;
                self.open.entry(bucket.to_owned()).or_insert(part)
            }
        };
        part.add(value, now)?;
        if part.bytes() >= self.settings.rolling.max_bytes
            && let Some(part) = self.open.remove(bucket)
        {
            self.finished.push(part.finish()?);
        }
        Ok(())
    }

    /// Finishes the parts whose time has come.
    fn finish_due(&mut self, now: Timestamp) -> Result<(), SinkError> {
        let rolling = self.settings.rolling;
        let is_due = |part: &OpenPart<T>| rolling.deadline(part.begun, part.touched).is_some_and(|at| at <= now);
        let due = self.open.extract_if(|_, part| is_due(part)).map(|(_, part)| part);
        for part in due.collect::<Vec<_>>() {
            self.finished.push(part.finish()?);
        }
        self.deadline = self.open.values().filter_map(|part| rolling.deadline(part.begun, part.touched)).min();
        Ok(())
    }
}

fn finish_oldest<T: 'static>(
    open: &mut HashMap<String, OpenPart<T>>,
    finished: &mut Vec<Unclaimed>,
) -> Result<(), SinkError> {
    let oldest = open.iter().min_by_key(|(bucket, part)| (part.touched, *bucket)).map(|(bucket, _)| bucket.clone());
    if let Some(part) = oldest.and_then(|bucket| open.remove(&bucket)) {
        finished.push(part.finish()?);
    }
    Ok(())
}

impl<T: Data> SinkWriter for FileWriter<T> {
    type In = T;
    type Committable = FilePart;

    fn write(&mut self, records: &mut Consume<'_, T>) -> Result<(), SinkError> {
        let now = self.clock.now();
        while let Some(value) = records.next_value() {
            self.write_row(&value, records.time(), now)?;
        }
        self.finish_due(now)
    }

    fn on_time(&mut self, now: Timestamp) -> Result<(), SinkError> {
        self.finish_due(now)
    }

    fn deadline(&self) -> Option<Timestamp> {
        self.deadline
    }

    fn prepare_commit(&mut self) -> Result<Vec<FilePart>, SinkError> {
        for (_, part) in self.open.drain() {
            self.finished.push(part.finish()?);
        }
        self.deadline = None;
        let parts: Vec<FilePart> = self.finished.drain(..).map(Unclaimed::claim).collect();
        let directories: BTreeSet<_> = parts.iter().map(|part| part.directory(&self.settings.directory)).collect();
        directories.iter().try_for_each(|directory| sync_directory(directory))?;
        Ok(parts)
    }
}
