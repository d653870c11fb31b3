//! Cards that are tried with a small charge, and charged with a large one within a minute.
//!
//! ```text
//! cargo run --release --example fraud_detection -- \
//!     --charges examples/data/charges.csv --rules examples/data/charge-rules.csv --output alerts
//! ```
//!
//! What is small and what is large is said by rules, which come as a stream of their own and hold from their time on. Every subtask
//! is told all of them; a charge waits until the watermark, the lower of both files', says that no earlier rule can come any
//! more. So the alerts are the same however fast either file is read. Charges that come too late for that are written
//! to `OUTPUT/late/`.

use std::path::PathBuf;

use millstream::prelude::*;
use millstream::time::rfc3339;
use millstream_connectors::file::{FileSink, FileSource};
use serde::{Deserialize, Serialize};

/// A charge as it stands in the input.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Charge {
    #[serde(with = "rfc3339")]
    at: Timestamp,
    card: u64,
    cents: u64,
}

/// What counts as small and as large, as it stands in the input.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Rule {
    /// The rule holds until the next one.
    #[serde(with = "rfc3339")]
    from: Timestamp,
    /// Charges up to this are small.
    small_cents: u64,
    /// Charges from this on are large.
    large_cents: u64,
}

/// A charge by the rule that holds at its time.
#[derive(Debug, Clone, Serialize, Deserialize)]
enum Rated {
    Small(Charge),
    Large(Charge),
    /// Neither, or there is no rule yet.
    Ordinary(Charge),
}

impl Rated {
    fn charge(&self) -> &Charge {
        match self {
            Self::Small(charge) | Self::Large(charge) | Self::Ordinary(charge) => charge,
        }
    }
}

/// Rates each charge once all rules up to its time are known.
#[derive(KeyedOperator)]
#[operator(broadcast, uid = "ratings")]
struct Rate {
    /// Charges that wait for the watermark.
    #[state]
    waiting: List<Charge>,
}

impl KeyedBroadcastProcess for Rate {
    type Key = u64;
    type In = Charge;
    type Broadcast = Rule;
    /// By the time from which they hold.
    type Shared = BroadcastState<Timestamp, Rule>;
    type Out = Rated;

    fn process(
        &mut self,
        charge: Charge,
        _rules: &Self::Shared,
        ctx: &mut KeyedContext<'_, u64>,
        _out: &mut Collector<Rated>,
    ) -> Result<()> {
        ctx.set_event_timer(charge.at);
        self.waiting.push(charge);
        Ok(())
    }

    fn process_broadcast(
        &mut self,
        rule: Rule,
        rules: &mut Self::Shared,
        _ctx: &mut BroadcastContext<'_>,
        _out: &mut Collector<Rated>,
    ) -> Result<()> {
        rules.insert(rule.from, rule);
        Ok(())
    }

    fn on_timer(
        &mut self,
        at: Timestamp,
        rules: &Self::Shared,
        _ctx: &mut KeyedContext<'_, u64>,
        out: &mut Collector<Rated>,
    ) -> Result<()> {
        let rule = rules.range(..=at).next_back().map(|(_, rule)| rule);
        let (due, later) = self.waiting.take().into_iter().partition(|charge| charge.at == at);
        self.waiting.set(later);
        let due: Vec<Charge> = due;
        out.extend(due.into_iter().map(|charge| match rule {
            Some(rule) if charge.cents <= rule.small_cents => Rated::Small(charge),
            Some(rule) if charge.cents >= rule.large_cents => Rated::Large(charge),
            _ => Rated::Ordinary(charge),
        }));
        Ok(())
    }
}

/// A card is tried, and then used. One alert is enough for charges that overlap.
#[derive(Pattern)]
#[pattern(event = Rated, within = "1 min", after_match = skip_past_last)]
struct SmallThenLarge {
    #[begin(variant = Rated::Small)]
    small: Charge,
    #[followed_by(variant = Rated::Large)]
    large: Charge,
}

/// A card that somebody should look at.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Alert {
    #[serde(with = "rfc3339")]
    at: Timestamp,
    card: u64,
    small_cents: u64,
    large_cents: u64,
}

/// Charges that come after the watermark.
const LATE: OutputTag<Rated> = OutputTag::new("late");

/// Alerts for cards that are tried, and then used.
#[operator(cep, key = rated.charge().card, late = LATE, uid = "alerts")]
fn alert(found: SmallThenLarge) -> Alert {
    let SmallThenLarge { small, large } = found;
    Alert { at: large.at, card: large.card, small_cents: small.cents, large_cents: large.cents }
}

#[derive(clap::Args)]
struct Args {
    /// A CSV file of charges.
    #[arg(long)]
    charges: PathBuf,
    /// A CSV file of rules, in order of their times.
    #[arg(long)]
    rules: PathBuf,
    /// The directory to write to.
    #[arg(long)]
    output: PathBuf,
    /// How far behind the latest charge another may come and still be on time.
    #[arg(long, value_parser = millstream::cli::duration, default_value = "1min")]
    out_of_orderness: Duration,
}

/// Cards that are tried with a small charge, and charged with a large one within a minute.
#[millstream::main]
fn fraud_detection(env: &Environment, args: Args) -> Result<()> {
    let rules = env
        .source(FileSource::csv::<Rule>(args.rules))
        .uid("rules")
        .watermarks(WatermarkStrategy::monotonous().timestamps(|rule: &Rule| rule.from))
        .uid("from");
    let alerts = env
        .source(FileSource::csv::<Charge>(args.charges))
        .uid("charges")
        .watermarks(
            WatermarkStrategy::bounded_out_of_orderness(args.out_of_orderness).timestamps(|charge: &Charge| charge.at),
        )
        .uid("charged")
        .key_by(|charge| &charge.card)
        .connect_broadcast(rules)
        .apply(Rate::operator())
        .apply(alert());
    let late = alerts.side_output(LATE).map(|rated| rated.charge().clone());
    late.sink(FileSink::json(args.output.join("late"))).name("late charges").uid("late charges");
    alerts.sink(FileSink::json(args.output)).name("written").uid("written");
    Ok(())
}
