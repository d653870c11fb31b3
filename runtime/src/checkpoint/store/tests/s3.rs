//! What S3 must do for the store to keep its promises.

use std::sync::atomic::{AtomicU64, Ordering};

use super::*;

/// A place of its own on the server that the environment names, if it names one.
pub(super) fn store() -> Option<CheckpointStore> {
    static PLACES: AtomicU64 = AtomicU64::new(0);
    let url = std::env::var("MILLSTREAM_TEST_S3").ok()?;
    let place = PLACES.fetch_add(1, Ordering::Relaxed);
    Some(CheckpointStore::open(&format!("{url}/store-{}-{place}", std::process::id())).unwrap())
}

#[test]
fn an_object_that_is_there_is_not_created_again() {
    let Some(store) = store() else {
        eprintln!("skipped: there is no S3 server, begin with scripts/s3");
        return;
    };
    // One after the other: servers for tests do not all decide between requests of the same moment.
    let frame = |content: &[u8]| Frame::of_bytes(ObjectKind::Marker, content.to_vec());
    assert!(store.objects.create("pointer", frame(b"first")).unwrap());
    let first = store.objects.get("pointer").unwrap();
    assert!(!store.objects.create("pointer", frame(b"second")).unwrap());
    assert_eq!(store.objects.get("pointer").unwrap(), first);
}
