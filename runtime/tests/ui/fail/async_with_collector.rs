use millstream::prelude::*;

#[operator]
async fn lookup(user: u64, out: &mut Collector<u64>) {
    out.emit(user);
}

fn main() {}
