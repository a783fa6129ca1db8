//! Times the witness of one batch of transfers: `cargo run --release --example witness -- 16x10`.

#[path = "../tests/world/mod.rs"]
mod world;

use std::{error::Error, time::Instant};

use world::{Slot, execute, funded, signed, transfer};

const RUNS: usize = 20;

fn main() -> Result<(), Box<dyn Error>> {
    let shape = std::env::args().nth(1).unwrap_or_else(|| "16x10".to_owned());
    let (slots, depth) = shape.split_once('x').ok_or("a shape is written NxD, e.g. 16x10")?;
    let (slots, depth): (usize, usize) = (slots.parse()?, depth.parse()?);
    let mut state = funded(depth, &[1_000_000, 1_000_000]);
    let transfers: Vec<Slot> = (0..slots).map(|nonce| signed(&transfer(0, 1, 10, 1, nonce as u32))).collect();
    let executed = execute(&mut state, 0, 1, &transfers);
    for threads in [1, 2] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
        let mut seconds: Vec<f64> = (0..RUNS)
            .map(|_| {
                let start = Instant::now();
                let values = pool.install(|| executed.witness());
                assert!(!values.is_empty());
                start.elapsed().as_secs_f64()
            })
            .collect();
        seconds.sort_by(f64::total_cmp);
        println!(
            "{shape}, {threads} threads: witness {:.1} ms at best, {:.1} ms median of {RUNS}",
            seconds[0] * 1e3,
            seconds[RUNS / 2] * 1e3
        );
    }
    Ok(())
}
