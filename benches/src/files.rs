//! The workloads of the benchmark of files: rows into serde types, summed up.
//!
//! The plain loop calls what the connector calls: the format's own library. So the ratio is what the job costs around it.

use std::fmt;
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result};
use clap::ValueEnum;
#[cfg(feature = "parquet")]
use millstream::connector::GeneratorSource;
use millstream::connector::Source;
use millstream::prelude::*;
use millstream_connectors::file::FileSource;
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use crate::Fingerprint;
use crate::harness::Sides;
use crate::input::{below, scatter};
use crate::tally::TallySink;

/// A workload of the benchmark of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Files {
    /// JSON lines.
    Json,
    /// Comma-separated fields below a header.
    Csv,
    /// Parquet, in row groups of 100,000 rows.
    #[cfg(feature = "parquet")]
    Parquet,
}

/// A row of the files.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Flight {
    id: u64,
    origin: String,
    destination: String,
    scheduled: String,
    delay_min: i32,
    distance_km: f64,
}

fn flight(id: u64) -> Flight {
    let airport = |salt| format!("{:03}", below(300, scatter(id ^ salt)));
    Flight {
        id,
        origin: airport(1),
        destination: airport(2),
        scheduled: format!("2001-{:02}-{:02}T{:02}:{:02}:00Z", id % 12 + 1, id % 28 + 1, id % 24, id % 60),
        delay_min: below(200, id) as i32 - 20,
        distance_km: below(100_000, id) as f64 / 10.0,
    }
}

fn code(flight: &Flight) -> u64 {
    let texts = flight.origin.len() + flight.destination.len() + flight.scheduled.len();
    scatter(flight.id ^ flight.delay_min as u64 ^ flight.distance_km.to_bits()).wrapping_add(texts as u64)
}

/// The files of the workloads that have been run, each in a directory of its own.
static WRITTEN: Mutex<Vec<(Files, u64, TempDir)>> = Mutex::new(Vec::new());

impl Files {
    /// The workload's file of so many records, written when it is first asked for.
    fn file(self, records: u64) -> Result<PathBuf> {
        let mut written = WRITTEN.lock().unwrap_or_else(PoisonError::into_inner);
        let found = written.iter().find(|(files, count, _)| (*files, *count) == (self, records));
        let directory = match found {
            Some((.., directory)) => directory.path().to_owned(),
            None => {
                let directory = TempDir::new().context("no directory for temporary files")?;
                let path = directory.path().to_owned();
                self.write(&path, records).with_context(|| format!("writing to {}", path.display()))?;
                written.push((self, records, directory));
                path
            }
        };
        let file = std::fs::read_dir(directory)?.next().context("nothing was written")??;
        Ok(file.path())
    }

    fn write(self, directory: &Path, records: u64) -> Result<()> {
        #[cfg(feature = "parquet")]
        if self == Self::Parquet {
            return write_parquet(directory, records);
        }
        let mut out = BufWriter::new(File::create(directory.join("flights"))?);
        let mut flights = (0..records).map(flight);
        match self {
            #[cfg(feature = "parquet")]
            Self::Parquet => {}
            Self::Json => {
                for flight in flights {
                    serde_json::to_writer(&mut out, &flight)?;
                    out.write_all(b"\n")?;
                }
            }
            Self::Csv => {
                let mut rows = csv::Writer::from_writer(&mut out);
                flights.try_for_each(|flight| rows.serialize(flight))?;
                rows.flush()?;
            }
        }
        Ok(out.flush()?)
    }

    fn read(self, path: &Path) -> Result<Fingerprint> {
        let mut sum = Fingerprint::default();
        let file = File::open(path)?;
        match self {
            Self::Json => {
                let mut lines = BufReader::with_capacity(1 << 20, file);
                let mut line = Vec::new();
                while lines.read_until(b'\n', &mut line)? > 0 {
                    sum.add(code(&serde_json::from_slice(&line)?));
                    line.clear();
                }
            }
            Self::Csv => {
                let mut rows = csv::ReaderBuilder::new().buffer_capacity(1 << 20).from_reader(file);
                let headers = rows.headers()?.clone();
                let mut row = csv::StringRecord::new();
                while rows.read_record(&mut row)? {
                    sum.add(code(&row.deserialize(Some(&headers))?));
                }
            }
            #[cfg(feature = "parquet")]
            Self::Parquet => {
                use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
                for rows in ParquetRecordBatchReaderBuilder::try_new(file)?.build()? {
                    for flight in serde_arrow::from_record_batch::<Vec<Flight>>(&rows?)? {
                        sum.add(code(&flight));
                    }
                }
            }
        }
        Ok(sum)
    }
}

impl Sides for Files {
    fn title(self) -> &'static str {
        match self {
            Self::Json => "JSON lines of six fields beside serde_json",
            Self::Csv => "comma-separated rows of six fields beside csv",
            #[cfg(feature = "parquet")]
            Self::Parquet => "Parquet rows of six fields beside parquet and serde_arrow",
        }
    }

    fn records(self, scale: f64) -> u64 {
        ((2_000_000.0 * scale) as u64).max(1)
    }

    fn goal(self) -> Option<f64> {
        Some(0.7)
    }

    fn prepare(self, records: u64) -> Result<()> {
        self.file(records).map(drop)
    }

    fn plain(self, records: u64) -> Result<Fingerprint> {
        self.read(&self.file(records)?)
    }

    fn job(self, records: u64, parallelism: usize) -> Result<Fingerprint> {
        let path = self.file(records)?;
        match self {
            Self::Json => sum(FileSource::json_lines::<Flight>(path), parallelism),
            Self::Csv => sum(FileSource::csv::<Flight>(path).splittable(), parallelism),
            #[cfg(feature = "parquet")]
            Self::Parquet => sum(FileSource::parquet::<Flight>(path), parallelism),
        }
    }
}

#[cfg(feature = "parquet")]
fn write_parquet(directory: &Path, records: u64) -> Result<()> {
    use millstream_connectors::file::FileSink;
    use millstream_connectors::format::Parquet;

    let env = Environment::new("flights");
    env.set_parallelism(1);
    let format = Parquet::<Flight>::new().row_group_rows(100_000);
    env.source(GeneratorSource::new(records, flight)).sink(FileSink::with_format(directory, format));
    env.execute()?;
    Ok(())
}

fn sum(source: impl Source<Out = Flight>, parallelism: usize) -> Result<Fingerprint> {
    let env = Environment::new("files");
    env.set_parallelism(parallelism);
    let (sink, tally) = TallySink::new(code);
    env.source(source).sink(sink);
    env.execute()?;
    Ok(tally.take())
}

impl fmt::Display for Files {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}
