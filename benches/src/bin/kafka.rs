//! Kafka to Kafka: Millstream with one and two slots beside librdkafka's own consumer and producer in a plain loop.

use millstream_benches::kafka::Kafka;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> anyhow::Result<()> {
    millstream_benches::comparison::run::<Kafka>()
}
