//! How a job's operators become chains, and what is wrong with a job that cannot run.

use millstream::BuildError;
use millstream::operator::OnError;
use millstream::prelude::*;

const ODD: OutputTag<u64> = OutputTag::new("odd");

/// Sends odd numbers to a side output.
#[derive(Clone)]
struct Split;

impl Process for Split {
    type In = u64;
    type Out = u64;

    fn process(&mut self, value: u64, ctx: &mut Context<'_>, out: &mut Collector<u64>) -> Result<()> {
        if value % 2 == 1 {
            ctx.output(ODD, value);
        } else {
            out.emit(value);
        }
        Ok(())
    }
}

#[track_caller]
fn numbers(env: &Environment) -> Stream<u64> {
    env.from_collection(0..10u64).name("numbers")
}

#[track_caller]
fn same(stream: Stream<u64>, name: &str) -> Stream<u64> {
    stream.map(|n| n).name(name)
}

fn plan_of(build: impl FnOnce(&Environment)) -> String {
    let env = Environment::new("job");
    build(&env);
    env.plan().unwrap_or_else(|error| panic!("{error}")).to_text()
}

/// The chains and exchanges of a plan, without the operators' uids.
fn outline(build: impl FnOnce(&Environment)) -> Vec<String> {
    let text = plan_of(build);
    let lines = text.lines().filter(|line| line.starts_with('[') || line.contains("=>"));
    lines.map(|line| line.trim().replace(", max 128", "")).collect()
}

#[track_caller]
fn refused(build: impl FnOnce(&Environment)) -> BuildError {
    let env = Environment::new("job");
    build(&env);
    match env.plan() {
        Ok(plan) => panic!("the job can run:\n{}", plan.to_text()),
        Err(error) => error,
    }
}

#[test]
fn operators_of_equal_parallelism_share_a_chain() {
    let chains = outline(|env| {
        env.set_parallelism(3);
        same(same(numbers(env), "a"), "b").print().name("out");
    });
    assert_eq!(chains, ["[0] numbers -> a -> b -> out (parallelism 3)"]);
}

#[test]
fn operators_of_other_parallelism_are_reached_by_rebalancing() {
    let chains = outline(|env| {
        same(same(numbers(env), "a").parallelism(2), "b").parallelism(3).print().name("out");
    });
    assert_eq!(
        chains,
        [
            "[0] numbers (parallelism 1)",
            "=> [1] rebalance",
            "[1] a (parallelism 2)",
            "=> [2] rebalance",
            "[2] b (parallelism 3)",
            "=> [3] rebalance",
            "[3] out (parallelism 1)"
        ]
    );
}

type Spread = fn(Stream<u64>) -> Stream<u64>;

#[test]
fn each_way_to_spread_records_begins_a_chain_but_forward() {
    let spread = |spread: Spread| {
        outline(move |env| {
            env.set_parallelism(2);
            same(spread(numbers(env)), "a").print().name("out");
        })
    };
    let [forward] = spread(Stream::forward).try_into().unwrap();
    assert_eq!(forward, "[0] numbers -> a -> out (parallelism 2)");
    let kinds: [(&str, Spread); 6] = [
        ("rebalance", Stream::rebalance),
        ("rescale", Stream::rescale),
        ("shuffle", Stream::shuffle),
        ("broadcast", Stream::broadcast),
        ("global", Stream::global),
        ("custom", |stream| stream.partition_by(|n, targets| *n as usize % targets)),
    ];
    for (kind, by) in kinds {
        let exchange = format!("=> [1] {kind}");
        assert_eq!(spread(by), ["[0] numbers (parallelism 2)", &exchange, "[1] a -> out (parallelism 2)"]);
    }
}

#[test]
fn keys_and_unions_begin_chains() {
    let chains = outline(|env| {
        let numbers = numbers(env);
        let all = same(numbers.clone(), "a").union([same(numbers, "b")]);
        same(all, "both").key_by(|n| n).count().name("count").print().name("out");
    });
    assert_eq!(
        chains,
        [
            "[0] numbers -> a -> b (parallelism 1)",
            "=> [1] forward",
            "=> [1] forward",
            "[1] both (parallelism 1)",
            "=> [2] hash",
            "[2] count -> out (parallelism 1)"
        ]
    );
}

#[test]
fn an_operator_can_begin_a_chain_or_stand_alone() {
    let begins = outline(|env| {
        same(same(numbers(env), "a").start_new_chain(), "b").print().name("out");
    });
    assert_eq!(begins, ["[0] numbers (parallelism 1)", "=> [1] forward", "[1] a -> b -> out (parallelism 1)"]);
    let alone = outline(|env| {
        same(same(numbers(env), "a").disable_chaining(), "b").print().name("out");
    });
    assert_eq!(
        alone,
        [
            "[0] numbers (parallelism 1)",
            "=> [1] forward",
            "[1] a (parallelism 1)",
            "=> [2] forward",
            "[2] b -> out (parallelism 1)"
        ]
    );
    let sink = outline(|env| {
        same(numbers(env), "a").print().name("out").disable_chaining();
    });
    assert_eq!(sink, ["[0] numbers -> a (parallelism 1)", "=> [1] forward", "[1] out (parallelism 1)"]);
}

#[test]
fn without_chaining_every_operator_stands_alone() {
    let chains = outline(|env| {
        env.disable_chaining();
        same(numbers(env), "a").print().name("out");
    });
    let exchanges = chains.iter().filter(|line| line.ends_with("forward")).count();
    assert_eq!((chains.len(), exchanges), (5, 2), "{chains:?}");
}

#[test]
fn operators_of_other_max_parallelism_are_not_chained() {
    let text = plan_of(|env| {
        same(same(numbers(env), "a").max_parallelism(7), "b").print().name("out");
    });
    assert!(text.contains("[1] a (parallelism 1, max 7)\n"), "{text}");
    assert!(text.contains("[2] b -> out (parallelism 1, max 128)\n"), "{text}");
}

#[test]
fn a_slot_holds_a_subtask_of_each_chain_of_its_group() {
    let shared = plan_of(|env| {
        env.set_parallelism(2);
        same(numbers(env).rebalance(), "a").parallelism(5).print();
    });
    assert!(shared.starts_with("job `job`: 3 chains, 9 subtasks, 5 slots\n"), "{shared}");
    let apart = plan_of(|env| {
        env.set_parallelism(2);
        // The group goes on to what stands behind the operator, until another is named.
        let heavy = same(numbers(env), "a").slot_sharing_group("heavy");
        same(heavy, "b").parallelism(3).print().name("out").slot_sharing_group("default");
    });
    assert!(apart.starts_with("job `job`: 4 chains, 9 subtasks, 5 slots\n"), "{apart}");
    assert!(apart.contains("[1] a (parallelism 2"), "{apart}");
}

/// A union and a side output, in all three forms of the plan.
fn branching(env: &Environment) {
    env.set_parallelism(2);
    let even = numbers(env).uid("source").process("split", Split);
    let odd = even.side_output(ODD);
    same(odd, "say \"odd\"").parallelism(1).union([even]).key_by(|n| n).count().print().name("out");
}

#[test]
fn the_text_shows_chains_uids_and_exchanges() {
    let expected = "\
job `job`: 3 chains, 5 subtasks, 2 slots
[0] numbers -> split (parallelism 2, max 128)
      numbers (uid `source`)
      split (uid `split`)
      => [1] rebalance (side output `odd`)
      => [2] hash
[1] say \"odd\" (parallelism 1, max 128)
      say \"odd\" (uid `say \"odd\"`)
      => [2] hash
[2] count -> out (parallelism 2, max 128)
      count (uid `count#3`) -- keeps state: give it a `.uid(..)`, or a snapshot will not fit once the job is edited
      out (uid `out`), at-least-once
";
    assert_eq!(plan_of(branching), expected);
}

#[test]
fn dot_and_mermaid_show_the_same_graph() {
    let env = Environment::new("job");
    branching(&env);
    let plan = env.plan().unwrap();
    let dot = r#"digraph job {
  rankdir=LR;
  node [shape=box];
  v0 [label="numbers -> split\nx2"];
  v1 [label="say \"odd\"\nx1"];
  v2 [label="count -> out\nx2"];
  v0 -> v1 [label="rebalance (side output `odd`)"];
  v1 -> v2 [label="hash"];
  v0 -> v2 [label="hash"];
}
"#;
    assert_eq!(plan.to_dot(), dot);
    let mermaid = r#"flowchart LR
  v0["numbers -> split<br/>x2"]
  v1["say #quot;odd#quot;<br/>x1"]
  v2["count -> out<br/>x2"]
  v0 -->|"rebalance (side output `odd`)"| v1
  v1 -->|"hash"| v2
  v0 -->|"hash"| v2
"#;
    assert_eq!(plan.to_mermaid(), mermaid);
}

#[test]
fn stateful_steps_without_a_name_are_allowed_and_pointed_out() {
    let text = plan_of(|env| {
        let counts = numbers(env).key_by(|n| n).count();
        counts.key_by(|(_, count)| count).count().print();
    });
    let hints = text.matches("keeps state: give it a `.uid(..)`").count();
    assert_eq!(hints, 2, "{text}");
}

#[test]
fn two_streams_with_watermarks_have_uids_of_their_own() {
    let strategy = || WatermarkStrategy::monotonous().timestamps(|n: &u64| Timestamp::from_millis(*n as i64));
    let text = plan_of(|env| {
        let [a, b] = ["a", "b"].map(|name| env.from_collection(0..10u64).name(name).watermarks(strategy()));
        a.union([b]).print();
    });
    assert!(text.contains("(uid `watermarks#1`)") && text.contains("(uid `watermarks#3`)"), "{text}");
}

#[test]
fn a_name_or_a_uid_used_twice_is_refused() {
    let first = line!() + 2;
    let error = refused(|env| {
        let counts = numbers(env).key_by(|n| n).count().name("count");
        counts.key_by(|(_, count)| count).count().name("count").print();
    });
    let (file, second) = (file!(), first + 1);
    assert_eq!(
        error.to_string(),
        format!(
            "operators `count` ({file}:{first}) and `count` ({file}:{second}) have the same uid `count`: give one of \
             them another with `.uid(..)`"
        )
    );
    let error = refused(|env| {
        same(same(numbers(env), "a").uid("x"), "b").uid("x").print();
    });
    assert!(matches!(error, BuildError::DuplicateUid { uid, .. } if uid == "x"));
    let error = refused(|env| {
        same(numbers(env), "a").uid("count").key_by(|n| n).count().name("count").print();
    });
    assert!(matches!(error, BuildError::DuplicateUid { .. }), "{error}");
}

#[test]
fn the_same_name_is_no_clash_with_other_uids_or_without_state() {
    plan_of(|env| {
        let counts = numbers(env).key_by(|n| n).count().name("count").uid("first");
        counts.key_by(|(_, count)| count).count().name("count").print();
    });
    plan_of(|env| {
        same(same(numbers(env), "a"), "a").print();
    });
}

#[test]
fn an_empty_job_is_refused() {
    assert_eq!(refused(|_| {}).to_string(), "the job is empty: add a source and a sink to the environment");
}

#[test]
fn a_parallelism_that_cannot_be_is_refused() {
    let line = line!() + 1;
    let zero = refused(|env| drop(numbers(env).parallelism(0).print()));
    let numbers_at = |line: u32| format!("operator `numbers` ({}:{line})", file!());
    assert_eq!(zero.to_string(), format!("{} has parallelism 0: it must be at least 1", numbers_at(line)));
    let line = line!() + 1;
    let above = refused(|env| drop(numbers(env).parallelism(9).max_parallelism(8).print()));
    assert_eq!(
        above.to_string(),
        format!(
            "{} has parallelism 9, above the maximum of 8: lower it, or raise `max_parallelism` (a snapshot fixes the \
             maximum)",
            numbers_at(line)
        )
    );
    for max in [0, 32769] {
        let line = line!() + 1;
        let range = refused(|env| drop(numbers(env).max_parallelism(max).print()));
        let reason = format!("has max parallelism {max}: it must be between 1 and 32768");
        assert_eq!(range.to_string(), format!("{} {reason}", numbers_at(line)));
    }
}

#[test]
fn the_largest_parallelism_is_the_number_of_key_groups() {
    let text = plan_of(|env| {
        env.set_max_parallelism(32768).set_parallelism(32768);
        numbers(env).print();
    });
    assert!(text.contains("32768 slots"), "{text}");
}

#[test]
fn forwarding_to_another_parallelism_is_refused() {
    let line = line!() + 1;
    let error = refused(|env| drop(same(numbers(env).forward(), "a").parallelism(3).print()));
    let file = file!();
    assert_eq!(
        error.to_string(),
        format!(
            "the edge from `numbers` ({file}:{line}) (parallelism 1) to `a` ({file}:{line}) (parallelism 3) is \
             `forward`, which needs equal parallelism: use `.rebalance()` or `.rescale()`, or make them equal"
        )
    );
}

#[test]
fn a_setting_of_what_is_no_operator_is_refused() {
    let line = line!() + 1;
    let error = refused(|env| drop(numbers(env).union([numbers(env)]).name("both").print()));
    assert_eq!(
        error.to_string(),
        format!(
            "operator `numbers` ({}:{line}): `.name(..)` was called on a union or a side output of it: call it on an \
             operator",
            file!()
        )
    );
    let error = refused(|env| drop(numbers(env).process("split", Split).side_output(ODD).parallelism(2).print()));
    assert!(error.to_string().contains("`.parallelism(..)` was called on a union or a side output"), "{error}");
}

#[test]
fn blocking_calls_need_room_for_one() {
    let error = refused(|env| drop(numbers(env).process_blocking("wait", Split, 0, OnError::Fail).print()));
    assert!(error.to_string().ends_with("0 records in flight: allow at least 1"), "{error}");
}

#[test]
fn a_side_output_read_as_another_type_is_refused() {
    let error = refused(|env| {
        let split = numbers(env).process("split", Split);
        split.side_output(ODD).print();
        split.side_output(OutputTag::<String>::new("odd")).print();
    });
    let text = error.to_string();
    assert!(text.contains("operator `split`") && text.contains("`odd`"), "{text}");
    assert!(text.contains("u64") && text.contains("String"), "{text}");
}
