//! Proves one batch of a shape and says what each part costs: `cargo run --release --example prove_batch -- 4x5`.

#[path = "../tests/world/mod.rs"]
mod world;

use std::{error::Error, time::Instant};

use poe_core::{
    circuit::batch::compile,
    groth16::{
        batch::prove_batch,
        keys::{ProvingKey, setup_dev_key},
    },
};
use world::{Slot, execute, funded, signed, transfer};

fn main() -> Result<(), Box<dyn Error>> {
    let shape = std::env::args().nth(1).unwrap_or_else(|| "4x5".to_owned());
    let (slots, depth) = shape.split_once('x').ok_or("a shape is written NxD, e.g. 4x5")?;
    let (slots, depth) = (slots.parse()?, depth.parse()?);

    let r1cs = timed("compile", || compile(slots, depth))?;
    println!("{:>9} constraints, {} wires", r1cs.constraints(), r1cs.wires());
    for (group, count) in r1cs.counts() {
        println!("{count:>9} {group}");
    }
    let path = std::env::temp_dir().join(format!("poe-example-{}-{shape}.key", std::process::id()));
    timed("set up", || setup_dev_key(slots, depth, &path))?;
    let key = timed("load", || ProvingKey::load(&path))?;
    println!("{:>9} bytes of key", std::fs::metadata(&path)?.len());
    std::fs::remove_file(&path)?;

    let mut state = funded(depth, &[1_000_000, 1_000_000]);
    let transfers: Vec<Slot> = (0..slots).map(|nonce| signed(&transfer(0, 1, 10, 1, nonce as u32))).collect();
    let executed = execute(&mut state, 0, 1, &transfers);
    for threads in [1, 2] {
        let proof = prove_batch(&key, &executed.trace, &executed.statement, threads)?;
        println!(
            "{threads} threads: witness {:.3} s, prove {:.3} s, verify {:.3} s",
            proof.witness_seconds, proof.prove_seconds, proof.verify_seconds
        );
    }
    Ok(())
}

fn timed<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = work();
    println!("{:9.3} s to {what}", start.elapsed().as_secs_f64());
    result
}
