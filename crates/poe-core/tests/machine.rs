//! The fast prover against the plain one, on both arithmetics, and stopped at any moment.
#![allow(clippy::unwrap_used)]

mod circuits;
mod world;

use circuits::Setup;
use poe_core::{
    circuit::batch::witness_until,
    field::Fr,
    groth16::{
        engine::{Path, Stop, Stopped, with_threads},
        machine::Machine,
        prover::Blinding,
        tables::TableSize,
        verifier::{VerifyError, verify},
    },
};
use world::{Random, execute, funded, signed, transfer};

const SIZES: [TableSize; 2] = [TableSize::Full, TableSize::Small];

fn machines(setup: &Setup) -> Vec<Machine> {
    let of_path = |path| SIZES.map(|size| setup.machine(size, path));
    Path::all().into_iter().flat_map(of_path).collect()
}

#[test]
fn fast_proofs_are_the_plain_ones_at_every_size() {
    // Around powers of two, where the domain's size changes; four rows are the public wires'.
    for constraints in [1, 3, 4, 5, 11, 12, 13, 29, 60, 61, 100, 300] {
        let setup = Setup::new(constraints as u64, constraints);
        let witness = setup.witness(setup.inputs(&mut Random(7)));
        let plain = setup.plain(&witness, Blinding::default());
        for machine in machines(&setup) {
            let proof = machine.prove(&witness, &Stop::new());
            assert_eq!(proof, Ok(plain), "{constraints} constraints, {}", machine.path().name());
        }
        verify(&setup.queries.verifying_key, &witness[1..4], &plain).unwrap();
    }
}

#[test]
fn blinded_fast_proofs_are_the_plain_ones() {
    let setup = Setup::new(41, 50);
    let witness = setup.witness([5u64, 6, 7].map(Fr::from));
    let blinding = || Blinding::from_entropy([9; 32]);
    let plain = setup.plain(&witness, blinding());
    for machine in machines(&setup) {
        let proof = machine.prove_blinded(&setup.queries, &witness, blinding(), &Stop::new());
        assert_eq!(proof, Ok(plain));
    }
}

#[test]
fn threads_do_not_change_a_proof() {
    let setup = Setup::new(42, 500);
    let witness = setup.witness([5u64, 6, 7].map(Fr::from));
    let machine = setup.machine(TableSize::Full, Path::detect());
    let prove = || machine.prove(&witness, &Stop::new());
    let proofs = [1, 2, 5].map(|threads| with_threads(threads, prove).unwrap());
    assert!(proofs.iter().all(|proof| proof.is_ok() && *proof == proofs[0]));
}

#[test]
fn an_unsatisfying_witness_gives_a_proof_that_fails() {
    let setup = Setup::new(43, 40);
    let mut witness = setup.witness([5u64, 6, 7].map(Fr::from));
    *witness.last_mut().unwrap() += Fr::from(1u64);
    for machine in machines(&setup) {
        let proof = machine.prove(&witness, &Stop::new()).unwrap();
        let verdict = verify(&setup.queries.verifying_key, &witness[1..4], &proof);
        assert_eq!(verdict, Err(VerifyError::Equation));
    }
}

/// `circuits` circuits of 2^6 to 2^10 constraints, `proofs` witnesses each, on every arithmetic.
fn random_proofs(circuits: u64, proofs: usize) {
    let mut random = Random(2026);
    for seed in 0..circuits {
        let constraints = (1 << (6 + seed % 5)) - random.below(6) as usize;
        let setup = Setup::new(seed, constraints);
        let size = SIZES[seed as usize % 2];
        let machines: Vec<Machine> = Path::all().into_iter().map(|path| setup.machine(size, path)).collect();
        for _ in 0..proofs {
            let witness = setup.witness(setup.inputs(&mut random));
            let made = machines.iter().map(|machine| machine.prove(&witness, &Stop::new()).unwrap());
            let made: Vec<_> = made.collect();
            assert!(made.iter().all(|proof| *proof == made[0]), "circuit {seed}");
            verify(&setup.queries.verifying_key, &witness[1..4], &made[0]).unwrap();
        }
    }
}

#[test]
fn a_hundred_random_proofs_hold() {
    random_proofs(5, 20);
}

#[test]
#[ignore = "long"]
fn ten_thousand_random_proofs_hold() {
    random_proofs(50, 200);
}

#[test]
fn a_set_flag_stops_a_proof_before_it_begins() {
    let setup = Setup::new(44, 100);
    let witness = setup.witness([5u64, 6, 7].map(Fr::from));
    let stop = Stop::new();
    stop.set();
    for machine in machines(&setup) {
        let proof = machine.prove(&witness, &stop);
        assert_eq!(proof, Err(Stopped));
    }
}

#[test]
fn a_witness_can_be_stopped_and_is_the_same_where_it_is_not() {
    let mut state = funded(2, &[1_000, 1_000]);
    let executed = execute(&mut state, 0, 1, &[signed(&transfer(0, 1, 10, 1, 0))]);
    let stop = Stop::new();
    let make = || witness_until(&stop, &executed.trace, executed.ctx(), &executed.public);
    assert!(make() == Ok(executed.witness()));
    stop.set();
    assert_eq!(make(), Err(Stopped));
}

#[test]
fn a_proof_stopped_at_any_moment_leaves_a_machine_that_proves() {
    let setup = Setup::new(45, 2000);
    let witness = setup.witness([5u64, 6, 7].map(Fr::from));
    let plain = setup.plain(&witness, Blinding::default());
    for path in Path::all() {
        let machine = setup.machine(TableSize::Full, path);
        let prove = |stop: &Stop| machine.prove(&witness, stop);
        let mut stopped = 0;
        for attempt in 0..24 {
            let stop = Stop::new();
            let spins = Random(attempt).below(4_000_000);
            let proof = std::thread::scope(|scope| {
                scope.spawn(|| {
                    (0..spins).for_each(|_| std::hint::spin_loop());
                    stop.set();
                });
                prove(&stop)
            });
            assert!(proof == Ok(plain) || proof == Err(Stopped));
            stopped += usize::from(proof.is_err());
        }
        assert!(stopped > 0, "no attempt was stopped");
        assert_eq!(prove(&Stop::new()), Ok(plain));
    }
}
