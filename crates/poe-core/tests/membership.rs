//! The membership circuit as a whole: no second witness is found, each constraint is needed, its size is committed.
#![allow(clippy::unwrap_used)]

use std::sync::LazyLock;

use poe_core::circuit::{
    membership::compile,
    mutate::{Suite, membership::mutate_membership},
};
use serde_json::{Value, json};

const SEED: u64 = 20;
const DEPTH: usize = 2;

static SUITE: LazyLock<Suite> = LazyLock::new(|| Suite::of_membership(DEPTH, SEED).unwrap());

#[test]
fn no_mutation_survives() {
    for depth in [1, DEPTH, 5] {
        let report = mutate_membership(depth, SEED).unwrap();
        println!(
            "depth {depth}: {} wires, {} hints, {} wire, {} hint and {} split mutations",
            report.wires, report.hints, report.wire_mutations, report.hint_mutations, report.split_mutations
        );
        assert_eq!(report.survivors, [""; 0]);
        assert_eq!(report.contents, ["first", "maximal", "last", "alone", "alike"]);
        assert!(report.wire_mutations > 5 * 5 * (report.wires - 200));
    }
}

/// As deep as trees are meant to be, and as deep as they can be. `cargo test --release --test membership -- --ignored`.
#[test]
#[ignore = "seconds"]
fn no_mutation_of_deep_trees_survives() {
    for depth in [10, 24] {
        assert_eq!(mutate_membership(depth, SEED).unwrap().survivors, [""; 0]);
    }
}

#[test]
fn depths_outside_the_protocol_have_no_suite() {
    assert!(mutate_membership(0, SEED).is_err() && mutate_membership(25, SEED).is_err());
}

/// What no single mutation forges is forged by hand in the circuit's own tests: the link to the root.
const BY_HAND: &str = "root";

#[test]
fn every_group_is_missed_when_it_is_gone() {
    let groups: Vec<&str> = SUITE.r1cs().counts().into_keys().collect();
    assert_eq!(groups, ["leaf", "path/hash", "path/position", BY_HAND, "split"]);
    for group in groups.into_iter().filter(|group| *group != BY_HAND) {
        let survivor = SUITE.survivor_without(group).unwrap_or_else(|| panic!("nothing needs {group}"));
        println!("{group}: {survivor}");
    }
}

/// Deletes constraints that define no product, each alone. One mutation notices all but the links that it takes another
/// tree to pass, along the path and to the root; the circuit's own tests forge by these.
#[test]
fn every_check_but_the_links_is_missed_when_gone() {
    let unnoticed = SUITE.unnoticed_checks(&SUITE.checks());
    let groups: Vec<&str> = unnoticed.iter().map(|&check| SUITE.r1cs().group(check)).collect();
    assert_eq!(groups, ["path/position", "path/position", BY_HAND]);
}

fn measure(depth: usize) -> Value {
    let r1cs = compile(depth).unwrap();
    let hash: String = r1cs.hash().iter().map(|byte| format!("{byte:02x}")).collect();
    json!({
        "constraints": r1cs.constraints(),
        "wires": r1cs.wires(),
        "entries": r1cs.matrices.each_ref().map(|matrix| matrix.entries()),
        "hash": hash,
        "groups": r1cs.counts(),
    })
}

/// `POE_UPDATE_SNAPSHOTS=1` rewrites the snapshot.
#[test]
fn constraints_are_those_of_the_snapshot() {
    const SNAPSHOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/snapshots/membership.json");
    let circuits = [1, 2, 5, 6, 10].map(|depth| (depth.to_string(), measure(depth)));
    let circuits = Value::Object(circuits.into_iter().collect());
    if std::env::var_os("POE_UPDATE_SNAPSHOTS").is_some() {
        std::fs::write(SNAPSHOT, serde_json::to_string_pretty(&circuits).unwrap() + "\n").unwrap();
    }
    let snapshot: Value = serde_json::from_slice(&std::fs::read(SNAPSHOT).unwrap()).unwrap();
    assert_eq!(circuits, snapshot, "the membership circuit changed");
}
