//! Savepoints fit after an example has been edited: whatever keeps state or writes output has a uid of its own.

use super::running::run;

#[test]
fn sources_state_and_sinks_have_uids_that_outlive_editing() {
    for (example, uids) in [
        ("word_count", ["lines", "count", "counts"].as_slice()),
        ("enrichment", &["orders", "enrich", "enriched"]),
        ("flight_delays", &["flights", "departures", "hourly delays", "late flights", "delays"]),
    ] {
        let ended = run(example, ["plan", "--input", "in", "--output", "out"]);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        assert!(!ended.stdout.contains("give it a `.uid(..)`"), "{}", ended.stdout);
        for uid in uids {
            assert!(ended.stdout.contains(&format!("(uid `{uid}`)")), "{uid}: {}", ended.stdout);
        }
    }
}
