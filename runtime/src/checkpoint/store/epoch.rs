//! Epochs: which of several runs of a job may write.

use std::sync::PoisonError;

use super::{CheckpointStore, Inherited, names};
use crate::checkpoint::CheckpointError;
use crate::checkpoint::format::ObjectKind;

/// Runs that begin at the same moment claim numbers one after another; more than this is something else.
const MOST_RIVALS: u64 = 100;

impl CheckpointStore {
    /// Begins an epoch: runs of earlier ones complete no more snapshots. To be called before reading what is there, or a
    /// snapshot may be completed in between and have its output made visible.
    pub(crate) fn begin_epoch(&self) -> Result<u64, CheckpointError> {
        let last = self.last_epoch()?;
        for epoch in last + 1..=last + MOST_RIVALS {
            let name = format!("{}/{epoch}", names::EPOCHS);
            let frame = self.frame(ObjectKind::Epoch, &name, &epoch)?;
            if self.objects.create(&name, frame)? {
                self.inherit(epoch)?;
                return Ok(epoch);
            }
        }
        let object = self.objects.full_name(names::EPOCHS);
        let reason = format!("others have claimed the {MOST_RIVALS} epochs after {last}");
        Err(CheckpointError::Store { action: "claim an epoch in", object, reason })
    }

    /// Forgets about earlier epochs, and notes what they have left.
    fn inherit(&self, epoch: u64) -> Result<(), CheckpointError> {
        let past: Vec<String> = self.epochs()?.filter(|past| *past < epoch).map(|past| past.to_string()).collect();
        self.objects.delete(&past.iter().map(|past| format!("{}/{past}", names::EPOCHS)).collect::<Vec<_>>())?;
        let files = self.objects.list(names::SHARED)?.into_iter().collect();
        *self.inherited.lock().unwrap_or_else(PoisonError::into_inner) = Inherited { epoch, files };
        Ok(())
    }

    /// Fails if a later run has begun.
    pub(super) fn refuse_superseded(&self, own: u64) -> Result<(), CheckpointError> {
        let newer = self.last_epoch()?;
        if newer <= own {
            return Ok(());
        }
        Err(CheckpointError::Superseded { location: self.objects.location.clone(), own, newer })
    }

    fn last_epoch(&self) -> Result<u64, CheckpointError> {
        Ok(self.epochs()?.max().unwrap_or(0))
    }

    fn epochs(&self) -> Result<impl Iterator<Item = u64>, CheckpointError> {
        Ok(self.objects.list(names::EPOCHS)?.into_iter().filter_map(|name| name.parse().ok()))
    }
}
