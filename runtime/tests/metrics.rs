//! The metrics of a job in this process, as Prometheus reads them.

#![allow(clippy::unwrap_used)]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use millstream::observe::{Counter, serve_metrics};
use millstream::prelude::*;

fn scrape(address: SocketAddr) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: millstream\r\nConnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

/// The sum over the subtasks of an operator or task.
fn sum(text: &str, metric: &str, operator: &str) -> f64 {
    let name = format!("millstream_taskmanager_job_{metric}{{");
    let label = format!("=\"{operator}\"");
    let lines = text.lines().filter(|line| line.starts_with(&name) && line.contains(&label));
    lines.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum()
}

/// Counts large orders in a counter of its own.
#[derive(Clone)]
struct Audit(Option<Counter>);

impl Process for Audit {
    type In = u64;
    type Out = u64;

    fn open(&mut self, ctx: &mut Context<'_>) -> Result<()> {
        self.0 = Some(ctx.metrics().counter("largeOrders").clone());
        Ok(())
    }

    fn process(&mut self, order: u64, _ctx: &mut Context<'_>, out: &mut Collector<u64>) -> Result<()> {
        self.0.as_ref().unwrap().add(u64::from(order >= 9_000));
        out.emit(order);
        Ok(())
    }
}

#[test]
fn the_metrics_of_a_job_that_has_ended_are_complete() {
    let address = serve_metrics(([127, 0, 0, 1], 0).into()).unwrap();
    let env = Environment::new("orders");
    env.set_parallelism(2);
    env.from_collection(0..10_000u64)
        .name("numbers")
        .watermarks(WatermarkStrategy::monotonous().timestamps(|n| Timestamp::from_millis(*n as i64)))
        .rebalance()
        .filter(|n| n % 2 == 0)
        .name("even")
        .process("audit", Audit(None))
        .collect();
    env.execute().unwrap();

    let text = scrape(address);
    assert_eq!(sum(&text, "operator_numRecordsIn", "numbers"), 10_000.0, "{text}");
    assert_eq!(sum(&text, "operator_numRecordsIn", "even"), 10_000.0, "{text}");
    assert_eq!(sum(&text, "operator_numRecordsOut", "even"), 5_000.0, "{text}");
    assert_eq!(sum(&text, "operator_numRecordsFailed", "even"), 0.0, "{text}");
    assert_eq!(sum(&text, "operator_largeOrders", "audit"), 500.0, "{text}");
    assert!(sum(&text, "operator_currentInputWatermark", "even") > 9_000.0, "{text}");
    assert_eq!(sum(&text, "task_inputQueueLength", "even"), 0.0, "{text}");
    assert!(sum(&text, "task_busyTimeMsPerSecond", "numbers") > 0.0, "{text}");
    assert!(text.contains(r#"numRecordsIn{job="orders",operator="even",subtask="1"}"#), "{text}");
}
