//! What is missing, altered or somebody else's is named.

use super::*;

/// Checks what is said of a snapshot whose `_metadata` is altered.
#[track_caller]
fn check_metadata(alter: impl Fn(&mut Vec<u8>), expected: &str) {
    let dir = tempfile::tempdir().unwrap();
    let store = local(dir.path());
    take(&store, 1, CHECKPOINT, 0).unwrap();
    take(&store, 2, CHECKPOINT, 0).unwrap();
    let file = dir.path().join("chk-2/_metadata");
    let mut bytes = std::fs::read(&file).unwrap();
    alter(&mut bytes);
    std::fs::write(&file, bytes).unwrap();
    for error in [store.load("latest").unwrap_err(), store.latest_of("run").unwrap_err()] {
        let error = error.to_string();
        assert!(error.contains(file.to_str().unwrap()) && error.contains(expected), "{error}");
    }
    let good = store.load(&store.path_of(CheckpointId(1), CHECKPOINT)).unwrap();
    assert_good(&store, &good);
}

#[test]
fn a_latest_snapshot_that_is_damaged_is_not_passed_over() {
    check_metadata(|bytes| bytes[40] ^= 1, "damaged: the checksum");
    check_metadata(|bytes| bytes.truncate(50), "cut short: 50 of");
    check_metadata(Vec::clear, "cut short: 0 of");
    check_metadata(|bytes| *bytes = b"{}".to_vec(), "not a file of a snapshot");
    check_metadata(|bytes| bytes[8] = 9, "format version 9");
}

#[test]
fn a_part_that_is_missing_is_named() {
    everywhere(|store| {
        let manifest = take(&store, 1, CHECKPOINT, 0).unwrap();
        let part = &manifest.parts[1];
        store.objects.delete(std::slice::from_ref(&part.path)).unwrap();
        let error = store.read_part(part).unwrap_err().to_string();
        assert!(error.contains(&part.path) && error.contains("missing"), "{error}");
    });
}

#[test]
fn a_part_in_the_place_of_another_is_noticed() {
    everywhere(|store| {
        let mut parts = take(&store, 1, CHECKPOINT, 0).unwrap().parts;
        let other = take(&store, 2, CHECKPOINT, 0).unwrap().parts.remove(0);
        parts[0].path = other.path;
        let error = store.read_part(&parts[0]).unwrap_err().to_string();
        assert!(error.contains("checksum"), "{error}");
    });
}

#[test]
fn a_missing_or_damaged_file_of_a_database_is_named() {
    everywhere(|store| {
        let dir = tempfile::tempdir().unwrap();
        let part = take_with_files(&store, 1, 0, &["1.sst"]).parts.remove(0);
        let fetch = || {
            let mut read = store.read_part(&part).unwrap();
            let fetched: Vec<_> = read.file_sets_mut().map(|set| store.fetch_files(set, dir.path())).collect();
            fetched.into_iter().find_map(Result::err).expect("it cannot be fetched").to_string()
        };
        store.objects.put("shared/db-1.sst", marker()).unwrap();
        let damaged = fetch();
        assert!(damaged.contains("shared/db-1.sst") && damaged.contains("where a file"), "{damaged}");
        store.objects.delete(&["shared/db-1.sst".to_owned()]).unwrap();
        let missing = fetch();
        assert!(missing.contains("shared/db-1.sst") && missing.contains("missing"), "{missing}");
    });
}

#[test]
fn a_store_that_refuses_is_quoted() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("chk-1"), "a file in the way").unwrap();
    let error = take(&local(dir.path()), 1, CHECKPOINT, 0).unwrap_err().to_string();
    assert!(error.starts_with("cannot write `") && error.contains("/chk-1/part-0"), "{error}");
}
