//! `enrichment` adds profiles to orders, in their order, through what goes wrong on the way.

use std::fs;

use serde::Deserialize;

use super::running::{json_lines, run, succeed};

#[derive(Deserialize, Debug)]
struct Enriched {
    order: u64,
    user: u64,
    profile: Option<Profile>,
}

#[derive(Deserialize, Debug)]
struct Profile {
    name: String,
    tier: String,
}

#[test]
fn every_order_is_written_once_in_its_order_with_the_profile_of_its_user() {
    let directory = tempfile::tempdir().unwrap();
    let (input, output) = (directory.path().join("orders.jsonl"), directory.path().join("enriched"));
    let users = [1, 5, 25, 35, 99, 100, 2];
    let lines = (0..200).map(|order| format!("{{\"order\":{order},\"user\":{},\"cents\":1}}\n", users[order % 7]));
    fs::write(&input, lines.collect::<String>()).unwrap();
    let (input, output) = (input.to_str().unwrap(), output.to_str().unwrap());
    succeed("enrichment", ["--input", input, "--output", output, "--in-flight", "8"]);
    let enriched: Vec<Enriched> = json_lines(output.as_ref(), &[]);
    assert!(enriched.iter().map(|row| row.order).eq(0..200), "{enriched:?}");
    for Enriched { user, profile, .. } in enriched {
        let found = profile.map(|profile| profile.name + " " + &profile.tier);
        let expected = match user {
            1 => Some("Grace silver"),
            2 => Some("Edsger gold"),
            5 | 25 => Some(if user == 5 { "Grace gold" } else { "Grace silver" }),
            35 => Some("Barbara gold"),
            99 => Some("Barbara bronze"),
            _ => None,
        };
        assert_eq!(found.as_deref(), expected, "user {user}");
    }
}

#[test]
fn an_order_whose_profile_does_not_come_goes_on_without() {
    let directory = tempfile::tempdir().unwrap();
    let (input, output) = (directory.path().join("orders.jsonl"), directory.path().join("enriched"));
    fs::write(&input, "{\"order\":1,\"user\":13,\"cents\":1}\n").unwrap();
    let args = ["--input", input.to_str().unwrap(), "--output", output.to_str().unwrap(), "--timeout", "30ms"];
    succeed("enrichment", args);
    let enriched: Vec<Enriched> = json_lines(&output, &[]);
    assert!(enriched.len() == 1 && enriched[0].profile.is_none(), "{enriched:?}");
}

#[test]
fn a_service_that_is_not_there_fails_the_job_when_the_retries_are_used_up() {
    let directory = tempfile::tempdir().unwrap();
    let (input, output) = (directory.path().join("orders.jsonl"), directory.path().join("enriched"));
    fs::write(&input, "{\"order\":1,\"user\":1,\"cents\":1}\n").unwrap();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://{free}");
    let args = ["--input", input.to_str().unwrap(), "--output", output.to_str().unwrap(), "--lookup-url", &url];
    let ended = run("enrichment", args.into_iter().chain(["--retries", "1"]));
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert!(ended.stderr.contains("operator `enrich`") && ended.stderr.contains("refused"), "{}", ended.stderr);
}
