//! What `--restore` means.

use std::path::Path;

use super::location::Location;
use super::{CheckpointStore, names};
use crate::checkpoint::format::ObjectKind;
use crate::checkpoint::{CheckpointError, Manifest};

/// The snapshot that `--restore` names, and the store to read its parts from.
///
/// `latest` is the latest in the checkpoint directory. A path is that of a snapshot's directory, wherever it has been moved
/// to, of its `_metadata`, or of a checkpoint directory, of which it means the latest.
pub(crate) fn resolve(
    restore: &str,
    checkpoint_dir: Option<&str>,
) -> Result<(CheckpointStore, Manifest), CheckpointError> {
    if restore == "latest" {
        let store = CheckpointStore::open(checkpoint_dir.ok_or(CheckpointError::LatestOfWhat)?)?;
        let manifest = store.load("latest")?;
        return Ok((store, manifest));
    }
    let path = full_path(restore)?;
    let path = path.strip_suffix(names::METADATA).map_or(path.as_str(), |directory| directory.trim_end_matches('/'));
    if let Some((above, name)) = split(path)
        && let Some(found) = of_directory(CheckpointStore::open(above)?, name, path)?
    {
        return Ok(found);
    }
    let store = CheckpointStore::open(path)?;
    if let Some(manifest) = store.latest()? {
        return Ok((store, manifest));
    }
    Err(what_is_there(&store, path)?)
}

/// The snapshot in a directory, if there is one.
fn of_directory(
    mut store: CheckpointStore,
    directory: &str,
    path: &str,
) -> Result<Option<(CheckpointStore, Manifest)>, CheckpointError> {
    if store.objects.read(ObjectKind::Manifest, directory)?.is_some() {
        // The metadata alone, under another name: where its parts are is anybody's guess.
        return Err(CheckpointError::NotASnapshot { path: path.to_owned() });
    }
    let Some(manifest) = store.load_directory(directory)? else { return Ok(None) };
    if names::directory(manifest.id, manifest.kind) != directory {
        store.moved = Some((manifest.id, manifest.kind, directory.to_owned()));
    }
    Ok(Some((store, manifest)))
}

fn what_is_there(store: &CheckpointStore, path: &str) -> Result<CheckpointError, CheckpointError> {
    let path = path.to_owned();
    if !store.snapshots()?.is_empty() {
        return store.none_complete();
    }
    let objects = store.objects.list("")?;
    Ok(if objects.is_empty() {
        CheckpointError::NothingThere { path }
    } else if objects.iter().any(|object| names::is_part(object)) {
        CheckpointError::Incomplete { path }
    } else {
        CheckpointError::NotASnapshot { path }
    })
}

/// A directory's path in full; a URL as it is.
fn full_path(restore: &str) -> Result<String, CheckpointError> {
    let refused = |reason: &str| CheckpointError::Location { location: restore.to_owned(), reason: reason.to_owned() };
    match Location::parse(restore)? {
        Location::Directory(path) => {
            Path::to_str(&path).map(str::to_owned).ok_or_else(|| refused("its name is not valid Unicode"))
        }
        Location::S3 { .. } => Ok(restore.trim_end_matches('/').to_owned()),
        Location::Memory => Err(refused("what was in memory is gone")),
    }
}

/// The directory above, and the name in it, unless it is a root.
fn split(path: &str) -> Option<(&str, &str)> {
    let (above, name) = path.rsplit_once('/')?;
    match above {
        "" if name.is_empty() => None,
        "" => Some(("/", name)),
        // A bucket.
        _ if above.ends_with('/') => None,
        _ => Some((above, name)),
    }
}
