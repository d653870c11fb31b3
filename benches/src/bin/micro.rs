//! Small workloads: Millstream with one and two slots beside a plain single-threaded loop.

use millstream_benches::workload::Workload;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> anyhow::Result<()> {
    millstream_benches::comparison::run::<Workload>()
}
