//! PostgreSQL: what is written, read and looked up, and what is said when it cannot be. Needs a server, whose URL is in
//! `MILLSTREAM_POSTGRES`; `scripts/services up postgres` starts one.

#![cfg(feature = "postgres")]
#![allow(clippy::unwrap_used, reason = "helpers of tests are outside the test functions")]

mod common;

use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use common::{commit, error, place, put, read, values, writer};
use millstream::channel::Batch;
use millstream::checkpoint::RestartStrategy;
use millstream::connector::{
    CollectSink, Committer, GeneratorSource, RateLimited, RecoverContext, Sink, SinkContext, SinkWriter,
};
use millstream::operator::AsyncOptions;
use millstream::stream::Environment;
use millstream::testing::{MiniCluster, conformance};
use millstream::time::Timestamp;
use millstream_connectors::format::{Change, Malformed};
use millstream_connectors::sql::{PgLookup, PgServer, PgSink, PgSource};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection};

/// Held by whoever restarts the server, and shared by those whom that would disturb.
static RESTARTS: RwLock<()> = RwLock::new(());

/// A schema of a test's own, on the server that tests may use.
struct Schema {
    url: String,
    name: String,
}

impl Schema {
    /// A new one, unless there is no server to test with.
    fn new() -> Option<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let Ok(url) = std::env::var("MILLSTREAM_POSTGRES") else {
            println!("skipped: MILLSTREAM_POSTGRES is not set, see `scripts/services`");
            return None;
        };
        let name = format!("test_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let schema = Self { url, name };
        schema.sql(&format!("CREATE SCHEMA {0}", schema.name));
        Some(schema)
    }

    fn server(&self) -> PgServer {
        PgServer::new(&self.url).unwrap()
    }

    /// A table's name with the schema.
    fn table(&self, name: &str) -> String {
        format!("{}.{name}", self.name)
    }

    /// Runs statements, in which `$S` is the schema.
    fn sql(&self, statements: &str) {
        let statements = statements.replace("$S", &self.name);
        self.block_on(async |connection| {
            sqlx::raw_sql(AssertSqlSafe(statements)).execute(connection).await.unwrap();
        });
    }

    /// The rows that a query gives, in which `$S` is the schema.
    fn rows<T: DeserializeOwned>(&self, query: &str) -> Vec<T> {
        let query = format!("SELECT row_to_json(r)::text FROM ({}) AS r", query.replace("$S", &self.name));
        let rows: Vec<(String,)> =
            self.block_on(async |connection| sqlx::query_as(AssertSqlSafe(query)).fetch_all(connection).await.unwrap());
        rows.iter().map(|(json,)| serde_json::from_str(json).unwrap()).collect()
    }

    fn block_on<R>(&self, action: impl AsyncFnOnce(&mut PgConnection) -> R) -> R {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut connection = PgConnection::connect(&self.url).await.unwrap();
            action(&mut connection).await
        })
    }
}

impl Drop for Schema {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.sql("DROP SCHEMA $S CASCADE");
        }
    }
}

fn undisturbed() -> RwLockReadGuard<'static, ()> {
    RESTARTS.read().unwrap_or_else(PoisonError::into_inner)
}

fn alone() -> RwLockWriteGuard<'static, ()> {
    RESTARTS.write().unwrap_or_else(PoisonError::into_inner)
}

/// A schema as [`Schema::new`] makes it, on a server that may be restarted.
fn on_restartable_server() -> Option<Schema> {
    if std::env::var("MILLSTREAM_POSTGRES_RESTART").is_err() {
        println!("skipped: MILLSTREAM_POSTGRES_RESTART is not set, see `scripts/services`");
        return None;
    }
    Schema::new()
}

/// Kills the server, and starts it again over the same data.
fn restart() {
    let command = std::env::var("MILLSTREAM_POSTGRES_RESTART").unwrap();
    let status = Command::new("sh").args(["-c", &command]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    assert!(status.unwrap().success(), "{command}");
}

fn untimed<T>(values: impl IntoIterator<Item = T>) -> impl Iterator<Item = (T, Timestamp)> {
    values.into_iter().map(|value| (value, Timestamp::MIN))
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Order {
    id: i64,
    name: String,
    cents: Option<i32>,
}

fn order(id: i64) -> Order {
    Order { id, name: format!("o'{id}\"é"), cents: (id % 3 != 0).then_some(id as i32 * 100) }
}

const ORDERS: &str = "CREATE TABLE $S.orders (id bigint PRIMARY KEY, name text NOT NULL, cents int)";

/// A sink over a new table, and what is in that.
fn target(make: impl Fn(&Schema) -> PgSink<Order>) -> (PgSink<Order>, impl FnMut() -> Vec<Order>) {
    let schema = Schema::new().unwrap();
    schema.sql(ORDERS);
    (make(&schema), move || schema.rows("SELECT * FROM $S.orders"))
}

#[test]
fn sinks_keep_their_contract() {
    let _undisturbed = undisturbed();
    if Schema::new().is_none() {
        return;
    }
    let orders: Vec<Order> = (0..40).map(order).collect();
    let exactly_once = |schema: &Schema| {
        let markers = schema.table("markers");
        PgSink::exactly_once(schema.server(), &schema.table("orders")).batch_rows(7).markers(&markers, Duration::MAX)
    };
    conformance::sink(|| target(exactly_once), orders.clone());
    let upsert = |schema: &Schema| PgSink::upsert(schema.server(), &schema.table("orders"), ["id"]).batch_rows(7);
    conformance::sink(|| target(upsert), orders.clone());
    let insert = |schema: &Schema| PgSink::insert(schema.server(), &schema.table("orders"));
    conformance::sink(|| target(insert), orders);
}

#[test]
fn the_source_keeps_its_contract_by_keys_of_any_type() {
    let _undisturbed = undisturbed();
    let Some(schema) = Schema::new() else { return };
    schema.sql(
        "CREATE TABLE $S.orders (id bigint PRIMARY KEY, code text UNIQUE NOT NULL, name text, cents int, other bytea);
         INSERT INTO $S.orders SELECT n * n - 5000, 'k ' || n || '\"', 'o''' || n, nullif(n % 3, 0)
         FROM generate_series(0, 120) AS n",
    );
    let orders: Vec<Order> = schema.rows("SELECT id, name, cents FROM $S.orders");
    for key in ["id", "code"] {
        let source = || PgSource::<Order>::table(schema.server(), &schema.table("orders"), key).split_rows(50);
        conformance::source(source, orders.clone());
    }
    schema.sql("CREATE TABLE $S.none (LIKE $S.orders INCLUDING ALL)");
    assert!(values(&PgSource::<Order>::table(schema.server(), &schema.table("none"), "id")).is_empty());
}

#[test]
fn values_of_every_kind_are_written_and_read_back() {
    let _undisturbed = undisturbed();
    let Some(schema) = Schema::new() else { return };
    schema.sql(
        "CREATE TYPE $S.mood AS ENUM ('Good', 'Bad');
         CREATE TABLE $S.kinds (id int PRIMARY KEY, number numeric(20, 4), real double precision, at timestamptz,
             day date, document jsonb, bytes bytea, list int[], mood $S.mood, defaulted text DEFAULT 'x')",
    );
    let row = json!({
        "id": 1, "number": 12345678.5, "real": 0.1, "at": "2020-01-02T03:04:05.678+00:00", "day": "2020-02-29",
        "document": {"a": [1, null, "x"]}, "bytes": "\\x00ff", "list": [1, 2, 3], "mood": "Bad",
    });
    let sink = PgSink::<Value>::insert(schema.server(), &schema.table("kinds"));
    let mut writer = writer(&sink);
    // Other columns, so another batch; and all is NULL but for what is the default.
    put(&mut writer, untimed([row.clone(), json!({ "id": 2 })]));
    commit(&sink, writer);
    let mut read = values(&PgSource::<Value>::table(schema.server(), &schema.table("kinds"), "id"));
    assert_eq!(read[1]["number"], Value::Null);
    assert_eq!(read[0]["defaulted"].take(), "x");
    let found = read[0].as_object_mut().unwrap();
    found.remove("defaulted");
    assert_eq!(Value::Object(found.clone()), row);
}

#[test]
fn of_several_records_with_one_key_the_last_is_there() {
    let _undisturbed = undisturbed();
    let Some(schema) = Schema::new() else { return };
    schema.sql("CREATE TABLE $S.counts (word text, lang text, count int, PRIMARY KEY (word, lang))");
    let sink = PgSink::<(String, String, u32)>::upsert(schema.server(), &schema.table("counts"), ["word", "lang"])
        .columns(["word", "lang", "count"])
        .batch_rows(10);
    let mut writer = writer(&sink);
    let records = (0..100).map(|n| (format!("w{}", n % 3), "en".to_owned(), n));
    put(&mut writer, untimed(records));
    writer.flush().unwrap();
    let rows: Vec<(String, u32)> = schema
        .rows::<Value>("SELECT word, count FROM $S.counts ORDER BY word")
        .into_iter()
        .map(|row| (row["word"].as_str().unwrap().to_owned(), row["count"].as_u64().unwrap() as u32))
        .collect();
    assert_eq!(rows, [("w0".to_owned(), 99), ("w1".to_owned(), 97), ("w2".to_owned(), 98)]);
}

#[test]
fn a_table_becomes_a_copy_by_its_changes_also_if_they_are_repeated() {
    let _undisturbed = undisturbed();
    let Some(schema) = Schema::new() else { return };
    schema.sql(ORDERS);
    let sink = PgSink::changes(schema.server(), &schema.table("orders"), ["id"]);
    let renamed = |id, name: &str| Order { name: name.to_owned(), ..order(id) };
    let changes = [
        Change::Read(order(1)),
        Change::Create(order(2)),
        Change::Create(order(3)),
        Change::Update { before: Some(order(2)), after: renamed(2, "two") },
        Change::Delete(order(3)),
        Change::Create(renamed(3, "three")),
        Change::Delete(order(1)),
        // With another key.
        Change::Update { before: Some(renamed(2, "two")), after: order(4) },
        Change::Update { before: None, after: renamed(4, "four") },
    ];
    for _ in 0..2 {
        let mut writer = writer(&sink);
        put(&mut writer, untimed(changes.clone()));
        writer.prepare_commit().unwrap();
        let rows: Vec<Order> = schema.rows("SELECT * FROM $S.orders ORDER BY id");
        assert_eq!(rows, [renamed(3, "three"), renamed(4, "four")]);
    }
}

#[test]
fn old_markers_are_forgotten_but_for_those_that_a_snapshot_describes() {
    let _undisturbed = undisturbed();
    let Some(schema) = Schema::new() else { return };
    schema.sql(ORDERS);
    let sink = PgSink::exactly_once(schema.server(), &schema.table("orders"))
        .markers(&schema.table("markers"), Duration::ZERO);
    let mut writer = writer(&sink);
    let mut prepared = Vec::new();
    for id in 0..3 {
        put(&mut writer, untimed([order(id)]));
        prepared.push(writer.prepare_commit().unwrap());
        sink.committer().unwrap().commit(prepared[id as usize].clone()).unwrap();
    }
    let SinkContext { job, run, sink: uid, .. } = place();
    let ctx = RecoverContext { job, run, sink: uid, attempt: 1, restored: true, checkpoint_interval: None };
    let other = RecoverContext { run: "another".into(), ..ctx.clone() };
    sink.committer().unwrap().recover(other, Vec::new()).unwrap();
    assert_eq!(schema.rows::<Value>("SELECT id FROM $S.markers").len(), 3);
    sink.committer().unwrap().recover(ctx, prepared[2].clone()).unwrap();
    assert_eq!(schema.rows::<Value>("SELECT id FROM $S.markers").len(), 1);
    assert_eq!(schema.rows::<Order>("SELECT * FROM $S.orders").len(), 3);
}

#[track_caller]
fn check_error(error: impl std::fmt::Display, parts: &[&str]) {
    let error = error.to_string();
    assert!(parts.iter().all(|part| error.contains(part)), "{error}");
}

/// What the sink says when the job starts.
fn refused(sink: &PgSink<Order>) -> String {
    sink.writer(place()).map(drop).unwrap_err().to_string()
}

/// What the sink says about a record.
fn rejected<T: millstream::Data>(sink: &PgSink<T>, records: Vec<T>) -> String {
    let mut batch = Batch::new();
    records.into_iter().for_each(|record| batch.push(record));
    let mut writer = writer(sink);
    let written = writer.write(&mut batch.consume());
    written.and_then(|()| writer.flush()).and_then(|()| writer.prepare_commit().map(drop)).unwrap_err().to_string()
}

#[test]
fn what_is_wrong_with_a_server_is_said_within_a_bounded_time() {
    let _undisturbed = undisturbed();
    let Some(schema) = Schema::new() else { return };
    let table = schema.table("orders");
    let at = |from: &str, to: &str| PgServer::new(&schema.url.replace(from, to)).unwrap();
    let wrong_user = at("//postgres@", "//stranger:geheim@");
    let message = refused(&PgSink::insert(wrong_user.clone(), &table));
    check_error(&message, &["stranger@127.0.0.1", "role \"stranger\" does not exist", "check user and password"]);
    assert!(!message.contains("geheim"), "{message}");
    check_error(error(&PgSource::<Order>::table(wrong_user, &table, "id")), &["check user and password"]);
    let nowhere = PgServer::new(&format!("{}_", schema.url)).unwrap();
    let message = refused(&PgSink::insert(nowhere, &table));
    check_error(message, &["_\" does not exist", "check the URL"]);

    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let closed = PgServer::new(&format!("postgres://me@127.0.0.1:{port}/x")).unwrap();
    let closed = closed.retry_for(Duration::from_millis(120));
    check_error(refused(&PgSink::upsert(closed, &table, ["id"])), &[&port.to_string(), "is the server running"]);

    // It takes the connection, and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("postgres://me@127.0.0.1:{}/x", silent.local_addr().unwrap().port());
    let silent_server = PgServer::new(&url).unwrap().timeout(Duration::from_millis(100)).retry_for(Duration::ZERO);
    check_error(refused(&PgSink::insert(silent_server, &table)), &["no answer within 100ms", "PgServer::timeout"]);
}

#[test]
fn missing_tables_and_columns_are_named_with_what_there_is() {
    let _undisturbed = undisturbed();
    let Some(schema) = Schema::new() else { return };
    let table = schema.table("orders");
    let insert = PgSink::<Order>::insert(schema.server(), &table);
    check_error(refused(&insert), &[&table, "there is none: create it"]);
    check_error(error(&PgSource::<Order>::table(schema.server(), &table, "id")), &[&table, "there is none"]);

    schema.sql("CREATE TABLE $S.orders (id bigint, name text)");
    let upsert = |key: &str| PgSink::<Order>::upsert(schema.server(), &table, [key]);
    check_error(refused(&upsert("key")), &[&table, "there is no column `key`; it has id, name"]);
    check_error(rejected(&insert, vec![order(1)]), &["there is no column `cents`; it has id, name"]);
    let exactly_once = PgSink::<Order>::exactly_once(schema.server(), &table);
    check_error(rejected(&exactly_once, vec![order(1)]), &["there is no column `cents`; it has id, name"]);
    schema.sql("ALTER TABLE $S.orders ADD cents int");
    check_error(rejected(&upsert("id"), vec![order(1)]), &["an upsert needs a unique index"]);

    let source = PgSource::<Order>::table(schema.server(), &table, "id");
    check_error(error(&source), &["column `id` of table", "need not be unique", "bigint is fine"]);
}

#[test]
fn a_row_that_a_table_refuses_is_named_before_its_checkpoint() {
    let _undisturbed = undisturbed();
    let Some(schema) = Schema::new() else { return };
    schema.sql("CREATE TABLE $S.orders (id bigint PRIMARY KEY, name text NOT NULL, cents smallint CHECK (cents >= 0))");
    let table = schema.table("orders");
    for sink in [PgSink::insert(schema.server(), &table), PgSink::exactly_once(schema.server(), &table)] {
        let bad = Order { cents: Some(70_000), ..order(5) };
        let message = rejected(&sink, vec![order(1), order(2), bad, order(6)]);
        check_error(message, &[&table, "70000", "out of range", r#"in the row {"cents":70000,"id":5,"#]);
        let negative = Order { cents: Some(-1), ..order(7) };
        check_error(rejected(&sink, vec![order(8), negative]), &["violates check constraint", r#""id":7"#]);
        let twice = vec![order(1), order(2), order(1)];
        check_error(rejected(&sink, twice), &["duplicate key", "(id)=(1) already exists"]);
        assert!(schema.rows::<Order>("SELECT * FROM $S.orders").is_empty());
    }
}

#[test]
fn a_row_that_does_not_fit_the_type_is_named_by_its_key() {
    let _undisturbed = undisturbed();
    let Some(schema) = Schema::new() else { return };
    schema.sql(
        "CREATE TABLE $S.orders (id int PRIMARY KEY, name text); INSERT INTO $S.orders VALUES (1, 'a'), (7, NULL)",
    );
    #[derive(Debug, Clone, Serialize, Deserialize)]
    struct Named {
        name: String,
    }
    let source = || PgSource::<Named>::table(schema.server(), &schema.table("orders"), "id");
    let expected =
        format!("table `{}`, the row with `id` = 7: field `name`: invalid type: null", schema.table("orders"));
    check_error(error(&source()), &[&expected]);
    let skipping = read(&source().on_malformed(Malformed::Skip)).unwrap();
    assert_eq!((skipping.values.len(), skipping.skipped), (1, 1));
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Customer {
    id: i64,
    name: String,
}

#[test]
fn a_lookup_gives_each_record_its_rows_and_asks_once_per_key_while_they_are_kept() {
    let _undisturbed = undisturbed();
    let Some(schema) = Schema::new() else { return };
    schema.sql(
        "CREATE TABLE $S.customers (id bigint, name text, other text);
         INSERT INTO $S.customers VALUES (0, 'zero'), (1, 'one'), (1, 'uno');
         CREATE SEQUENCE $S.asked;
         CREATE FUNCTION $S.ask() RETURNS SETOF $S.customers LANGUAGE plpgsql AS $$
         BEGIN PERFORM nextval('$S.asked'); RETURN QUERY SELECT * FROM $S.customers; END $$;
         CREATE VIEW $S.counted AS SELECT * FROM $S.ask()",
    );
    let lookups = |table: &str, cache: Option<u64>| {
        let (sink, output) = CollectSink::new();
        let lookup = PgLookup::<i64, Customer>::table(schema.server(), &schema.table(table), "id", |n| n % 3);
        let lookup = match cache {
            Some(keys) => lookup.cache(keys, Duration::from_secs(3600)),
            None => lookup,
        };
        let cluster = MiniCluster::new(move |env| {
            let numbers = env.from_collection((0..90).collect::<Vec<i64>>()).uid("numbers");
            let found = numbers.process_async("lookup", lookup.clone(), AsyncOptions::ordered().capacity(8));
            found.sink(sink.clone()).uid("out");
        });
        cluster.run().unwrap();
        output.take()
    };
    for cache in [None, Some(100)] {
        let found: Vec<(i64, Vec<Customer>)> = lookups("customers", cache);
        assert_eq!(found.len(), 90);
        for (number, rows) in found {
            let names: Vec<&str> = rows.iter().map(|row| row.name.as_str()).collect();
            let expected: &[&str] = [["zero"].as_slice(), &["one", "uno"], &[]][number as usize % 3];
            assert_eq!(names, expected);
        }
    }
    lookups("counted", Some(100));
    // Once for each key, also that without rows.
    assert_eq!(schema.rows::<Value>("SELECT last_value FROM $S.asked"), [json!({ "last_value": 3 })]);
}

#[test]
fn a_lookup_without_its_table_fails_the_job_with_its_name() {
    let _undisturbed = undisturbed();
    let Some(schema) = Schema::new() else { return };
    let lookup = PgLookup::<i64, Customer>::table(schema.server(), &schema.table("nothing"), "id", |n| *n);
    let cluster = MiniCluster::new(move |env| {
        let found = env.from_collection(vec![1]).process_async("lookup", lookup.clone(), AsyncOptions::ordered());
        found.sink(CollectSink::new().0).uid("out");
    })
    .configure(|env| {
        env.set_restart_strategy(RestartStrategy::None);
    });
    check_error(cluster.run().unwrap_err(), &[&schema.table("nothing"), "there is none: create it"]);
}

const RECORDS: u64 = 6000;

/// Runs a job from its beginning to its end while the server is killed twice, and the job once.
fn disturbed(build: impl Fn(&Environment) + 'static) {
    let cluster = MiniCluster::new(build).checkpointing(|settings| settings.interval(Duration::from_millis(40)));
    let running = cluster.set_parallelism(2).start().unwrap();
    running.wait_for_checkpoints(3);
    restart();
    running.wait_for_checkpoints(6);
    running.kill();
    let running = cluster.set_parallelism(3).resume().unwrap();
    running.wait_for_checkpoints(2);
    restart();
    running.join().unwrap();
}

#[test]
fn exactly_once_each_record_is_there_once_though_server_and_job_are_killed() {
    let _alone = alone();
    let Some(schema) = on_restartable_server() else { return };
    schema.sql("CREATE TABLE $S.orders (id bigint, name text, cents int)");
    let sink =
        PgSink::exactly_once(schema.server(), &schema.table("orders")).markers(&schema.table("markers"), Duration::MAX);
    disturbed(move |env| {
        let numbers = env.source(GeneratorSource::new(RECORDS, |n| n).rate(3000.0)).uid("numbers");
        numbers.map(|n| order(n as i64)).sink(sink.clone()).uid("out");
    });
    let orders: Vec<Order> = schema.rows("SELECT * FROM $S.orders ORDER BY id");
    assert_eq!(orders, (0..RECORDS as i64).map(order).collect::<Vec<_>>());
}

#[test]
fn a_table_is_copied_by_upserts_though_server_and_job_are_killed() {
    let _alone = alone();
    let Some(schema) = on_restartable_server() else { return };
    schema.sql(&format!("{ORDERS}; {}", ORDERS.replace("orders", "copy")));
    schema.sql(&format!("INSERT INTO $S.orders SELECT n, 'o' || n, n % 1000 FROM generate_series(1, {RECORDS}) AS n"));
    let source = PgSource::<Order>::table(schema.server(), &schema.table("orders"), "id").split_rows(700);
    let sink = PgSink::<Order>::upsert(schema.server(), &schema.table("copy"), ["id"]);
    disturbed(move |env| {
        let orders = env.source(RateLimited::new(source.clone(), 3000.0)).uid("orders");
        orders.key_by(|order| &order.id).reduce(|_, new| new).uid("latest").sink(sink.clone()).uid("out");
    });
    let copied: Vec<Order> = schema.rows("SELECT * FROM $S.copy ORDER BY id");
    assert_eq!(copied, schema.rows::<Order>("SELECT * FROM $S.orders ORDER BY id"));
}
