//! Reading files: Millstream with one and two slots beside the library of the format in a plain single-threaded loop.

use millstream_benches::files::Files;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> anyhow::Result<()> {
    millstream_benches::comparison::run::<Files>()
}
