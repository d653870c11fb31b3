//! Savepoints fit after an example has been edited: whatever keeps state or writes output has a uid of its own.

use super::running::run;

#[test]
fn sources_state_and_sinks_have_uids_that_outlive_editing() {
    for (example, inputs, uids) in [
        ("word_count", "--input in", ["lines", "count", "counts"].as_slice()),
        ("sessions", "--input in", &["views", "times", "sessions", "late views", "written"]),
        ("enrichment", "--input in", &["orders", "enrich", "enriched"]),
        ("flight_delays", "--input in", &["flights", "departures", "hourly delays", "late flights", "delays"]),
        (
            "fraud_detection",
            "--charges in --rules in",
            &["rules", "from", "charges", "charged", "ratings", "alerts", "late charges", "written"],
        ),
        (
            "interval_join",
            "--orders in --payments in",
            &["orders", "placed", "payments", "received", "paid in time", "late payments", "paid orders"],
        ),
    ] {
        let ended = run(example, format!("plan {inputs} --output out").split(' '));
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        assert!(!ended.stdout.contains("give it a `.uid(..)`"), "{}", ended.stdout);
        for uid in uids {
            assert!(ended.stdout.contains(&format!("(uid `{uid}`)")), "{uid}: {}", ended.stdout);
        }
    }
}
