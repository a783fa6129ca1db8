//! Times the check of one proof, by a prepared key and by four pairings: `cargo run --release --example verify`.

#[path = "../tests/circuits/mod.rs"]
mod circuits;
#[path = "../tests/world/mod.rs"]
mod world;

use std::{hint::black_box, ops::Neg, time::Instant};

use ark_ec::CurveGroup;
use circuits::Setup;
use poe_core::{
    field::Fr,
    groth16::{
        data_structures::{Proof, VerifyingKey},
        engine::{is_pairing_product_one, msm_g1},
        prover::Blinding,
        verifier::Verifier,
    },
};

const RUNS: usize = 200;

fn main() {
    let setup = Setup::new(1, 100);
    let witness = setup.witness([5u64, 6, 7].map(Fr::from));
    let proof = setup.plain(&witness, Blinding::default()).to_bytes();
    let (key, public) = (&setup.queries.verifying_key, &witness[1..4]);
    let words = key.to_words().concat();
    let verifier = Verifier::new(key);
    report("prepare", || Verifier::from_bytes(&words, 3).is_ok());
    report("prepared", || verifier.verify_bytes(public, &proof).is_ok());
    report("read the proof", || Proof::from_bytes(&proof).is_ok());
    report("four pairings", || by_four_pairings(key, public, &proof));
    report("read the key, four pairings", || {
        VerifyingKey::from_bytes(&words, 3).is_ok_and(|key| by_four_pairings(&key, public, &proof))
    });
}

/// `e(−A, B)·e(α, β)·e(Σ inputs·IC, γ)·e(C, δ) = 1`.
fn by_four_pairings(key: &VerifyingKey, public: &[Fr], proof: &[u8]) -> bool {
    let inputs = (msm_g1(&key.ic[1..], public) + key.ic[0]).into_affine();
    Proof::from_bytes(proof).is_ok_and(|Proof { a, b, c }| {
        is_pairing_product_one(
            &[a.neg(), key.alpha_g1, inputs, c],
            &[b, key.beta_g2, key.gamma_g2, key.delta_g2],
        )
    })
}

fn report(what: &str, check: impl Fn() -> bool) {
    let mut seconds: Vec<f64> = (0..RUNS)
        .map(|_| {
            let start = Instant::now();
            assert!(black_box(check()));
            start.elapsed().as_secs_f64()
        })
        .collect();
    seconds.sort_by(f64::total_cmp);
    println!(
        "{what}: {:.2} ms at best, {:.2} ms median of {RUNS}",
        seconds[0] * 1e3,
        seconds[RUNS / 2] * 1e3
    );
}
