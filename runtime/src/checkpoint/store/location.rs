//! Where checkpoints are: a directory, or a URL.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use object_store::path::Path as ObjectPath;

use super::objects::Objects;
use crate::checkpoint::CheckpointError;

/// A place, as far as its name says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Location {
    Directory(PathBuf),
    S3 {
        bucket: String,
        prefix: String,
    },
    /// Gone with the store; for tests.
    Memory,
}

impl Location {
    pub(super) fn parse(location: &str) -> Result<Self, CheckpointError> {
        let refused = |reason: String| CheckpointError::Location { location: location.to_owned(), reason };
        if location.is_empty() {
            return Err(refused("it is empty".to_owned()));
        }
        if location == "memory:" {
            return Ok(Self::Memory);
        }
        let path = match location.split_once("://") {
            None => PathBuf::from(location),
            Some(("file", path)) if path.starts_with('/') => {
                let path = ObjectPath::from_url_path(path).map_err(|error| refused(error.to_string()))?;
                Path::new("/").join(path.as_ref())
            }
            Some(("file", _)) => return Err(refused("a file URL has three slashes, as in file:///var/job".to_owned())),
            Some(("s3", rest)) => {
                let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
                if bucket.is_empty() {
                    return Err(refused("the bucket is missing, as in s3://bucket/prefix".to_owned()));
                }
                return Ok(Self::S3 { bucket: bucket.to_owned(), prefix: prefix.trim_matches('/').to_owned() });
            }
            Some((scheme, _)) => {
                return Err(refused(format!("`{scheme}` is none of file and s3; without one it is a directory")));
            }
        };
        let path = absolute(&path).map_err(|error| refused(error.to_string()))?;
        Ok(Self::Directory(path))
    }

    /// Reaches for the place; `name` is what it is called in errors and paths.
    pub(super) fn open(self, name: &str) -> Result<Objects, CheckpointError> {
        let refused = |reason: String| CheckpointError::Location { location: name.to_owned(), reason };
        let location = if name.len() > 1 { name.trim_end_matches('/') } else { name }.to_owned();
        match self {
            Self::Memory => {
                Ok(Objects { store: Arc::new(InMemory::new()), root: ObjectPath::ROOT, location, local: None })
            }
            Self::Directory(path) => {
                if path.exists() && !path.is_dir() {
                    return Err(refused("it is not a directory".to_owned()));
                }
                let root = ObjectPath::from_absolute_path(&path).map_err(|error| refused(error.to_string()))?;
                // Files and the directories that name them are on the disk before a write is over.
                let store = Arc::new(LocalFileSystem::new().with_fsync(true));
                Ok(Objects { store, root, location, local: Some(path) })
            }
            Self::S3 { bucket, prefix } => {
                let root = ObjectPath::parse(prefix).map_err(|error| refused(error.to_string()))?;
                let store = s3(&bucket).map_err(refused)?;
                Ok(Objects { store, root, location, local: None })
            }
        }
    }
}

/// Credentials, region and endpoint are taken from the `AWS_*` variables of the environment.
#[cfg(feature = "s3")]
fn s3(bucket: &str) -> Result<Arc<dyn object_store::ObjectStore>, String> {
    let store = object_store::aws::AmazonS3Builder::from_env().with_bucket_name(bucket).build();
    Ok(Arc::new(store.map_err(|error| error.to_string())?))
}

#[cfg(not(feature = "s3"))]
fn s3(_bucket: &str) -> Result<Arc<dyn object_store::ObjectStore>, String> {
    Err("build with the cargo feature `s3` of `millstream` to use S3".to_owned())
}

/// The path without `..` and links, as far as it exists.
fn absolute(path: &Path) -> std::io::Result<PathBuf> {
    match path.canonicalize() {
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        result => return result,
    }
    let path = std::path::absolute(path)?;
    let Some(parent) = path.parent() else { return Err(ErrorKind::NotFound.into()) };
    let mut above = absolute(parent)?;
    match path.file_name() {
        Some(name) => above.push(name),
        // It ends in `..`.
        None => {
            above.pop();
        }
    }
    Ok(above)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(location: &str, reason: &str) {
        let error = Location::parse(location).and_then(|parsed| parsed.open(location)).unwrap_err().to_string();
        assert!(error.contains(&format!("`{location}`")) && error.contains(reason), "{error}");
    }

    #[test]
    fn directories_are_named_by_path_or_url() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().canonicalize().unwrap();
        let here = |name: &str| Location::parse(name).unwrap();
        assert_eq!(here(&format!("{}/a b/../c", path.display())), Location::Directory(path.join("c")));
        assert_eq!(here(&format!("file://{}/a%20b", path.display())), Location::Directory(path.join("a b")));
    }

    #[test]
    fn buckets_are_named_by_url() {
        let expected = Location::S3 { bucket: "b".to_owned(), prefix: "p/q".to_owned() };
        assert_eq!(Location::parse("s3://b/p/q/").unwrap(), expected);
    }

    #[test]
    fn places_that_are_none_are_refused() {
        refused("", "empty");
        refused("hdfs://name/path", "`hdfs` is none of file and s3");
        refused("s3:///prefix", "bucket is missing");
        refused("file://relative", "three slashes");
        refused(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"), "not a directory");
    }

    #[cfg(not(feature = "s3"))]
    #[test]
    fn s3_asks_for_its_feature() {
        refused("s3://bucket", "feature `s3`");
    }
}
