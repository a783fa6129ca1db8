//! Groth16 against arkworks's, and hostile proofs, on small circuits.
#![allow(clippy::unwrap_used)]

mod world;

use ark_bn254::{Bn254, Fq, Fq2, G1Affine, G2Affine};
use ark_ec::AffineRepr;
use ark_ff::{AdditiveGroup, BigInteger, Field, PrimeField};
use ark_groth16::{Groth16, PreparedVerifyingKey};
use poe_core::{
    circuit::{
        builder::{Compiler, ConstraintSystem},
        r1cs::R1cs,
    },
    field::Fr,
    groth16::{
        data_structures::{Proof, Queries, VerifyingKey},
        encoding::EncodingError,
        engine::with_threads,
        generator::generate,
        prover::{Blinding, prove},
        r1cs_to_qap::domain,
        verifier::{Verifier, VerifyError, verify, verify_proof},
    },
};
use world::Random;

struct Setup {
    r1cs: R1cs,
    witness: Vec<Fr>,
    queries: Queries,
}

/// Random products of random combinations of earlier wires; three public inputs.
fn setup(seed: u64, constraints: usize) -> Setup {
    let mut random = Random(seed);
    let inputs = [random.element(), random.element(), random.element()];
    let (mut cs, mut nums) = Compiler::new(&inputs);
    for _ in 0..constraints {
        let mut combination = || {
            let mut sum = nums[random.below(nums.len() as u64) as usize].scale(random.element());
            sum.add_scaled(&nums[random.below(nums.len() as u64) as usize], random.element());
            sum
        };
        let (a, b) = (combination(), combination());
        nums.push(cs.mul(&a, &b));
    }
    let (r1cs, witness) = cs.finish();
    r1cs.is_satisfied(&witness).unwrap();
    let queries = generate(&r1cs, &r1cs.hash(), b"a test's seed").unwrap();
    Setup { r1cs, witness, queries }
}

impl Setup {
    fn public(&self) -> &[Fr] {
        &self.witness[1..4]
    }

    fn prove(&self, blinding: Blinding) -> Proof {
        prove(&self.queries, &self.r1cs, &domain(&self.r1cs).unwrap(), &self.witness, blinding)
    }

    fn key(&self) -> &VerifyingKey {
        &self.queries.verifying_key
    }

    fn key_bytes(&self) -> Vec<u8> {
        self.key().to_words().concat()
    }

    fn check(&self, proof: &[u8]) -> Result<(), VerifyError> {
        verify_proof(&self.key_bytes(), self.public(), proof)
    }
}

fn arkworks_accepts(key: &VerifyingKey, public: &[Fr], proof: &Proof) -> bool {
    let key = ark_groth16::VerifyingKey::<Bn254> {
        alpha_g1: key.alpha_g1,
        beta_g2: key.beta_g2,
        gamma_g2: key.gamma_g2,
        delta_g2: key.delta_g2,
        gamma_abc_g1: key.ic.clone(),
    };
    let proof = ark_groth16::Proof { a: proof.a, b: proof.b, c: proof.c };
    Groth16::<Bn254>::verify_proof(&PreparedVerifyingKey::from(key), &proof, public).unwrap()
}

#[test]
fn arkworks_accepts_our_proofs_and_we_do_of_every_size() {
    // Around powers of two, where the domain's size changes; four rows are the public wires'.
    for constraints in [1, 3, 4, 5, 11, 12, 13, 29, 100] {
        let setup = setup(constraints as u64, constraints);
        let proof = setup.prove(Blinding::default());
        verify(setup.key(), setup.public(), &proof).unwrap();
        setup.check(&proof.to_bytes()).unwrap();
        assert!(arkworks_accepts(setup.key(), setup.public(), &proof));
    }
}

/// arkworks's prover and set-up on a circuit of its own, our verifier.
#[test]
fn we_accept_arkworks_proofs() {
    use ark_groth16::r1cs_to_qap::LibsnarkReduction;
    use ark_relations::gr1cs::{ConstraintSynthesizer, ConstraintSystemRef, SynthesisError, lc};

    struct Square(Fr);
    impl ConstraintSynthesizer<Fr> for Square {
        fn generate_constraints(self, cs: ConstraintSystemRef<Fr>) -> Result<(), SynthesisError> {
            let x = cs.new_witness_variable(|| Ok(self.0))?;
            let y = cs.new_input_variable(|| Ok(self.0.square()))?;
            cs.enforce_r1cs_constraint(|| lc!() + x, || lc!() + x, || lc!() + y)
        }
    }
    let mut rng = ark_std::test_rng();
    let x = Fr::from(11u64);
    let key =
        Groth16::<Bn254, LibsnarkReduction>::generate_random_parameters_with_reduction(Square(x), &mut rng)
            .unwrap();
    let theirs =
        Groth16::<Bn254, LibsnarkReduction>::create_random_proof_with_reduction(Square(x), &key, &mut rng)
            .unwrap();
    let key = VerifyingKey {
        alpha_g1: key.vk.alpha_g1,
        beta_g2: key.vk.beta_g2,
        gamma_g2: key.vk.gamma_g2,
        delta_g2: key.vk.delta_g2,
        ic: key.vk.gamma_abc_g1,
    };
    let proof = Proof { a: theirs.a, b: theirs.b, c: theirs.c };
    let key = key.to_words().concat();
    verify_proof(&key, &[x.square()], &proof.to_bytes()).unwrap();
    assert_eq!(verify_proof(&key, &[x], &proof.to_bytes()), Err(VerifyError::Equation));
}

#[test]
fn proofs_are_deterministic_on_any_number_of_threads() {
    let setup = setup(40, 60);
    let proof = setup.prove(Blinding::default());
    for threads in [0, 1, 2, 3] {
        assert_eq!(with_threads(threads, || setup.prove(Blinding::default())).unwrap(), proof);
    }
}

#[test]
fn blinded_proofs_hold_and_differ() {
    let setup = setup(41, 20);
    let plain = setup.prove(Blinding::default());
    let [one, other] = [1, 2].map(|seed| setup.prove(Blinding::from_entropy([seed; 32])));
    for proof in [&one, &other] {
        verify(setup.key(), setup.public(), proof).unwrap();
        assert!(arkworks_accepts(setup.key(), setup.public(), proof));
    }
    for (p, q) in [(&plain, &one), (&one, &other)] {
        assert!(p.a != q.a && p.b != q.b && p.c != q.c);
    }
}

#[test]
fn an_unsatisfying_witness_gives_a_proof_that_fails() {
    let mut setup = setup(42, 20);
    let last = setup.witness.len() - 1;
    setup.witness[last] += Fr::ONE;
    let proof = setup.prove(Blinding::default());
    assert_eq!(setup.check(&proof.to_bytes()), Err(VerifyError::Equation));
}

#[test]
fn every_public_input_counts() {
    let setup = setup(43, 20);
    let proof = setup.prove(Blinding::default());
    for i in 0..3 {
        for change in [Fr::ONE, -Fr::ONE] {
            let mut public = setup.public().to_vec();
            public[i] += change;
            assert_eq!(verify(setup.key(), &public, &proof), Err(VerifyError::Equation));
        }
    }
    let (got, wanted) = (2, 3);
    assert_eq!(
        verify(setup.key(), &setup.public()[..2], &proof),
        Err(VerifyError::InputCount { got, wanted })
    );
}

#[test]
fn one_prepared_key_judges_many_proofs() {
    let setup = setup(46, 20);
    let verifier = Verifier::from_bytes(&setup.key_bytes(), 3).unwrap();
    for seed in 0..4 {
        let Proof { a, b, c } = setup.prove(Blinding::from_entropy([seed; 32]));
        let verdict = |a, b, c| verifier.verify_bytes(setup.public(), &Proof { a, b, c }.to_bytes());
        assert_eq!(verdict(a, b, c), Ok(()));
        assert_eq!(verdict(-a, -b, c), Ok(()));
        for (a, b, c) in [(-a, b, c), (a, -b, c), (a, b, -c), (c, b, a)] {
            assert_eq!(verdict(a, b, c), Err(VerifyError::Equation));
        }
    }
    let wrong = Verifier::from_bytes(&setup.key_bytes(), 2).map(|_| ());
    assert!(matches!(wrong, Err(EncodingError::Length { .. })));
}

#[test]
fn keys_are_sound_to_look_at() {
    let setup = setup(44, 20);
    let key = setup.key();
    assert_eq!(key.gamma_g2, G2Affine::generator());
    assert_ne!(key.delta_g2, key.gamma_g2);
    assert!(key.ic.iter().all(|point| !point.is_zero()));
    assert!((1..4).all(|i| !key.ic[..i].contains(&key.ic[i])));
    assert_eq!(setup.queries, generate(&setup.r1cs, &setup.r1cs.hash(), b"a test's seed").unwrap());
    assert_ne!(setup.queries, generate(&setup.r1cs, &setup.r1cs.hash(), b"another seed").unwrap());
    assert_ne!(setup.queries, generate(&setup.r1cs, &[0; 32], b"a test's seed").unwrap());
    assert_eq!(VerifyingKey::from_bytes(&setup.key_bytes(), 3).unwrap(), *key);
}

#[test]
fn every_flipped_bit_of_a_proof_is_refused() {
    let setup = setup(45, 5);
    let good = setup.prove(Blinding::default()).to_bytes();
    assert_eq!(Proof::from_bytes(&good).unwrap().to_bytes(), good);
    for byte in (0..good.len()).step_by(3) {
        let mut bad = good;
        bad[byte] ^= 1 << (byte % 8);
        setup.check(&bad).unwrap_err();
    }
}

/// A word plus q as an integer, if it fits 32 bytes: the same coordinate, written wrongly.
fn add_q(word: &[u8]) -> Option<Vec<u8>> {
    let mut carry = 0u16;
    let mut sum: Vec<u8> = word
        .iter()
        .zip(Fq::MODULUS.to_bytes_be())
        .rev()
        .map(|(a, b)| {
            let total = u16::from(*a) + u16::from(b) + carry;
            carry = total >> 8;
            total as u8
        })
        .collect();
    sum.reverse();
    (carry == 0).then_some(sum)
}

#[test]
fn coordinates_beyond_the_order_are_refused() {
    let setup = setup(46, 5);
    let good = setup.prove(Blinding::default()).to_bytes();
    let mut tried = 0;
    for word in 0..8 {
        let range = 32 * word..32 * (word + 1);
        if let Some(alias) = add_q(&good[range.clone()]) {
            let mut bad = good;
            bad[range].copy_from_slice(&alias);
            let refusal = setup.check(&bad);
            assert!(matches!(refusal, Err(VerifyError::Encoding(EncodingError::Coordinate { .. }))));
            tried += 1;
        }
    }
    assert!(tried > 4);
}

#[test]
fn points_at_infinity_are_refused() {
    let setup = setup(47, 5);
    let good = setup.prove(Blinding::default()).to_bytes();
    for (range, what) in [(0..64, "A"), (64..192, "B"), (192..256, "C"), (0..256, "A")] {
        let mut bad = good;
        bad[range].fill(0);
        let refusal = VerifyError::Encoding(EncodingError::Infinity { what });
        assert_eq!(setup.check(&bad), Err(refusal));
    }
}

#[test]
fn points_off_the_curve_or_the_subgroup_are_refused() {
    let setup = setup(48, 5);
    let good = setup.prove(Blinding::default());
    let off_curve = Proof { a: G1Affine::new_unchecked(Fq::ONE, Fq::ONE), ..good };
    let refusal = VerifyError::Encoding(EncodingError::OffCurve { what: "A" });
    assert_eq!(setup.check(&off_curve.to_bytes()), Err(refusal));

    // On the twist, outside the subgroup: nearly every point of it is.
    let outside = (1u64..)
        .filter_map(|x| G2Affine::get_point_from_x_unchecked(Fq2::new(x.into(), Fq::ZERO), false))
        .find(|point| !point.is_in_correct_subgroup_assuming_on_curve());
    let bad = Proof { b: outside.unwrap(), ..good };
    let refusal = VerifyError::Encoding(EncodingError::OutsideSubgroup { what: "B" });
    assert_eq!(setup.check(&bad.to_bytes()), Err(refusal));
}

#[test]
fn swapped_limbs_and_negated_points_are_refused() {
    let setup = setup(49, 5);
    let good = setup.prove(Blinding::default());
    let mut swapped = good.to_bytes();
    swapped[64..128].rotate_left(32);
    setup.check(&swapped).unwrap_err();
    for bad in [Proof { a: -good.a, ..good }, Proof { b: -good.b, ..good }, Proof { c: -good.c, ..good }] {
        assert_eq!(setup.check(&bad.to_bytes()), Err(VerifyError::Equation));
    }
    // Groth16 is malleable: this is another proof of the same statement, and known to be.
    let both = Proof { a: -good.a, b: -good.b, ..good };
    setup.check(&both.to_bytes()).unwrap();
}

#[test]
fn wrong_lengths_are_refused() {
    let setup = setup(50, 5);
    let good = setup.prove(Blinding::default()).to_bytes();
    let long = [good.as_slice(), &[0]].concat();
    for bad in [&good[..255], &long, &[]] {
        let (got, wanted) = (bad.len(), 256);
        let refusal = EncodingError::Length { what: "a proof", got, wanted };
        assert_eq!(setup.check(bad), Err(VerifyError::Encoding(refusal)));
    }
    let key = setup.key_bytes();
    let refusal = verify_proof(&key[..key.len() - 1], setup.public(), &good).unwrap_err();
    assert!(matches!(refusal, VerifyError::Encoding(EncodingError::Length { .. })));
    verify_proof(&key, &setup.public()[..2], &good).unwrap_err();
    verify_proof(&[], &[], &good).unwrap_err();
}
