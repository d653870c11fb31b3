//! Objects below one folder of an object store: blocking calls, and errors that name the object in full.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt, TryStreamExt, stream};
use object_store::path::Path as ObjectPath;
use object_store::{Error, ObjectStore, ObjectStoreExt, PutMode, PutPayload, WriteMultipart};

use super::io;
use crate::checkpoint::CheckpointError;
use crate::checkpoint::format::{Frame, ObjectKind, Unframed};

/// Larger objects travel in pieces of this size, so that no request takes long.
const PIECE_BYTES: usize = 16 << 20;
/// How many pieces are under way at a time.
const PIECES_AT_A_TIME: usize = 4;

/// A folder of an object store. Names of objects are relative to it.
#[derive(Debug, Clone)]
pub(super) struct Objects {
    pub(super) store: Arc<dyn ObjectStore>,
    /// Where the folder is in the store.
    pub(super) root: ObjectPath,
    /// As people name the folder.
    pub(super) location: String,
    /// The folder in the file system, if it is one.
    pub(super) local: Option<PathBuf>,
}

impl Objects {
    /// The object's name in full.
    pub(super) fn full_name(&self, name: &str) -> String {
        let location = &self.location;
        match name {
            "" => location.clone(),
            _ if location.ends_with('/') || location.ends_with(':') => format!("{location}{name}"),
            _ => format!("{location}/{name}"),
        }
    }

    /// Writes an object of any size, in place of an older one of the name if there is one. It is there as a whole or not.
    pub(super) fn put(&self, name: &str, frame: Frame) -> Result<(), CheckpointError> {
        let is_large = frame.bytes() > PIECE_BYTES as u64;
        self.call("write", name, async move |store, path| {
            if !is_large {
                return store.put(&path, PutPayload::from_iter(frame.chunks)).await.map(|_| ());
            }
            let mut upload = WriteMultipart::new_with_chunk_size(store.put_multipart(&path).await?, PIECE_BYTES);
            for mut chunk in frame.chunks {
                while !chunk.is_empty() {
                    if let Err(error) = upload.wait_for_capacity(PIECES_AT_A_TIME).await {
                        // What is left of it can only cost space.
                        let _ = upload.abort().await;
                        return Err(error);
                    }
                    upload.put(chunk.split_to(chunk.len().min(PIECE_BYTES)));
                }
            }
            upload.finish().await.map(|_| ())
        })
    }

    /// Writes an object unless there is one of that name; answers whether it did.
    pub(super) fn create(&self, name: &str, frame: Frame) -> Result<bool, CheckpointError> {
        self.call("create", name, async move |store, path| {
            match store.put_opts(&path, PutPayload::from_iter(frame.chunks), PutMode::Create.into()).await {
                Ok(_) => Ok(true),
                Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => Ok(false),
                Err(error) => Err(error),
            }
        })
    }

    /// An object as it stands, if there is one.
    pub(super) fn get(&self, name: &str) -> Result<Option<Bytes>, CheckpointError> {
        self.call("read", name, async move |store, path| {
            let found = match store.get(&path).await {
                Ok(found) => found,
                Err(Error::NotFound { .. }) => return Ok(None),
                Err(error) => return Err(error),
            };
            let bytes = found.meta.size;
            if bytes <= PIECE_BYTES as u64 {
                return found.bytes().await.map(Some);
            }
            drop(found);
            let starts = (0..bytes).step_by(PIECE_BYTES);
            let pieces = starts.map(|start| store.get_range(&path, start..bytes.min(start + PIECE_BYTES as u64)));
            let mut pieces = stream::iter(pieces).buffered(PIECES_AT_A_TIME);
            let mut whole = BytesMut::with_capacity(usize::try_from(bytes).unwrap_or(0));
            while let Some(piece) = pieces.next().await {
                whole.extend_from_slice(&piece?);
            }
            Ok(Some(whole.freeze()))
        })
    }

    /// The content of an object, if there is one.
    pub(super) fn read(&self, kind: ObjectKind, name: &str) -> Result<Option<Unframed>, CheckpointError> {
        let Some(object) = self.get(name)? else { return Ok(None) };
        let damaged = |error| CheckpointError::Damaged { object: self.full_name(name), error };
        Unframed::read(kind, &object).map(Some).map_err(damaged)
    }

    pub(super) fn exists(&self, name: &str) -> Result<bool, CheckpointError> {
        self.call("look for", name, async move |store, path| match store.head(&path).await {
            Ok(_) => Ok(true),
            Err(Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(error),
        })
    }

    /// The objects in a folder and its folders.
    pub(super) fn list(&self, folder: &str) -> Result<Vec<String>, CheckpointError> {
        self.call("list", folder, async move |store, path| {
            let found: Vec<_> = store.list(Some(&path)).try_collect().await?;
            let relative = |found: &ObjectPath| {
                let parts = found.prefix_match(&path)?;
                Some(parts.map(|part| part.as_ref().to_owned()).collect::<Vec<_>>().join("/"))
            };
            Ok(found.iter().filter_map(|object| relative(&object.location)).collect())
        })
    }

    /// The folders in this one.
    pub(super) fn folders(&self) -> Result<Vec<String>, CheckpointError> {
        self.call("list", "", async move |store, path| {
            let found = store.list_with_delimiter(Some(&path)).await?;
            Ok(found.common_prefixes.iter().filter_map(|folder| Some(folder.filename()?.to_owned())).collect())
        })
    }

    /// Deletes objects; those that are not there are none the worse for it.
    pub(super) fn delete(&self, names: &[String]) -> Result<(), CheckpointError> {
        let paths = names.iter().map(|name| self.path(name)).collect::<Result<Vec<_>, _>>()?;
        let Some(first) = names.first() else { return Ok(()) };
        self.call("delete", first, async move |store, _| {
            let mut deleted = store.delete_stream(stream::iter(paths).map(Ok).boxed());
            while let Some(result) = deleted.next().await {
                match result {
                    Ok(_) | Err(Error::NotFound { .. }) => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(())
        })
    }

    /// Removes what a local file system leaves of a folder whose objects have been deleted.
    pub(super) fn remove_folder(&self, folder: &str) {
        if let Some(local) = &self.local
            && let Err(error) = std::fs::remove_dir_all(local.join(folder))
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::debug!("an empty directory stays: cannot remove `{}`: {error}", self.full_name(folder));
        }
    }

    fn path(&self, name: &str) -> Result<ObjectPath, CheckpointError> {
        let path = format!("{}/{name}", self.root.as_ref());
        ObjectPath::parse(&path).map_err(|error| self.refused("name", name, error))
    }

    fn call<T: Send + 'static, F: Future<Output = Result<T, Error>> + Send + 'static>(
        &self,
        action: &'static str,
        name: &str,
        call: impl FnOnce(Arc<dyn ObjectStore>, ObjectPath) -> F,
    ) -> Result<T, CheckpointError> {
        let future = call(Arc::clone(&self.store), self.path(name)?);
        match io::wait(future) {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(self.refused(action, name, error)),
            Err(reason) => Err(self.refused(action, name, reason)),
        }
    }

    fn refused(&self, action: &'static str, name: &str, reason: impl std::fmt::Display) -> CheckpointError {
        CheckpointError::Store { action, object: self.full_name(name), reason: reason.to_string() }
    }
}
