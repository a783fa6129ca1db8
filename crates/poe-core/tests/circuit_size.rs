//! What the circuits cost, against the committed snapshot. `POE_UPDATE_SNAPSHOTS=1` rewrites it.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use poe_core::circuit::{batch::compile, r1cs::R1cs};
use serde_json::{Value, json};

const SNAPSHOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/snapshots/circuits.json");
const SHAPES: [(usize, usize); 6] = [(1, 2), (2, 2), (4, 5), (4, 6), (8, 6), (16, 10)];

fn measure(slots: usize, depth: usize) -> Value {
    let r1cs = compile(slots, depth).unwrap();
    let hash: String = r1cs.hash().iter().map(|byte| format!("{byte:02x}")).collect();
    json!({
        "constraints": r1cs.constraints(),
        "wires": r1cs.wires(),
        "b_wires": wires_on_b_sides(&r1cs),
        "entries": r1cs.matrices.each_ref().map(|matrix| matrix.entries()),
        "hash": hash,
        "groups": r1cs.counts(),
    })
}

/// Wires that some B side reads: for each of them proving takes a point of G2.
fn wires_on_b_sides(r1cs: &R1cs) -> usize {
    let wires: BTreeSet<u32> = r1cs.matrices[1].wires.iter().copied().collect();
    wires.len()
}

#[test]
fn constraints_are_those_of_the_snapshot() {
    let circuits: serde_json::Map<String, Value> = SHAPES
        .into_iter()
        .map(|(slots, depth)| (format!("{slots}x{depth}"), measure(slots, depth)))
        .collect();
    let circuits = Value::Object(circuits);
    if std::env::var_os("POE_UPDATE_SNAPSHOTS").is_some() {
        std::fs::write(SNAPSHOT, serde_json::to_string_pretty(&circuits).unwrap() + "\n").unwrap();
    }
    let snapshot: Value = serde_json::from_slice(&std::fs::read(SNAPSHOT).unwrap()).unwrap();
    for (shape, circuit) in circuits.as_object().unwrap() {
        assert_eq!(*circuit, snapshot[shape], "circuit {shape} changed");
    }
}

/// With the rows that Groth16 adds for the one and the public inputs.
#[test]
fn sixteen_slots_of_a_million_accounts_fit_two_to_the_eighteen() {
    let r1cs = compile(16, 10).unwrap();
    assert!(r1cs.constraints() + 1 + r1cs.public_inputs() <= 1 << 18);
}

#[test]
fn shapes_outside_the_protocol_have_no_circuit() {
    for (slots, depth) in [(0, 2), (256, 2), (1, 0), (1, 25)] {
        assert_eq!(
            compile(slots, depth).unwrap_err().to_string(),
            format!("shape {slots}x{depth} is outside 1..255 slots, depth 1..24")
        );
    }
}
