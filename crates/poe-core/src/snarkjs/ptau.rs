//! `.ptau`, version 1, prepared for phase 2: the powers of a known τ, so that snarkjs can check our development keys.

use ark_ff::{AdditiveGroup, Field};

use super::{
    binary::{container, push_u32},
    points::{push_g1, push_g2, push_modulus},
};
use crate::{
    field::Fr,
    groth16::{
        engine::{Domain, Fq, generator_multiples_g1, generator_multiples_g2},
        generator::Trapdoor,
    },
};

const VERSION: u32 = 1;

/// Powers for circuits whose domain has up to `2^power` points; `None` where the field has no such roots of unity.
///
/// Sections: 1 header; 2 `[τ^i]₁`, 3 `[τ^i]₂`, 4 `[α·τ^i]₁`, 5 `[β·τ^i]₁`, 6 `[β]₂`; 7 contributions, none; 12 to 15
/// the Lagrange polynomials in place of the powers of 2 to 5, over domains of 1, 2, 4, … points one after the other.
pub fn to_bytes(trapdoor: &Trapdoor, power: u32) -> Option<Vec<u8>> {
    let &Trapdoor { tau, alpha, beta, .. } = trapdoor;
    let powers: Vec<Fr> =
        std::iter::successors(Some(Fr::ONE), |last| Some(*last * tau)).take((2 << power) - 1).collect();
    let half = &powers[..1 << power];
    let wide = lagrange(tau, power + 1)?;
    let narrow = &wide[..(2 << power) - 1];
    let sections = [
        (1, header(power)),
        (2, g1(&powers, Fr::ONE)),
        (3, g2(half, Fr::ONE)),
        (4, g1(half, alpha)),
        (5, g1(half, beta)),
        (6, g2(&[Fr::ONE], beta)),
        (7, 0u32.to_le_bytes().to_vec()),
        (12, g1(&wide, Fr::ONE)),
        (13, g2(narrow, Fr::ONE)),
        (14, g1(narrow, alpha)),
        (15, g1(narrow, beta)),
    ];
    Some(container(b"ptau", VERSION, &sections))
}

fn header(power: u32) -> Vec<u8> {
    let mut out = Vec::new();
    push_modulus::<Fq>(&mut out);
    let ceremony_power = power;
    [power, ceremony_power].iter().for_each(|number| push_u32(&mut out, *number as usize));
    out
}

/// `L_i(τ)` over the domains of 2^0 to 2^power points.
fn lagrange(tau: Fr, power: u32) -> Option<Vec<Fr>> {
    let mut all = Vec::with_capacity(2 << power);
    for size in (0..=power).map(|exponent| 1 << exponent) {
        all.extend(Domain::new(size)?.lagrange_at(tau));
    }
    Some(all)
}

fn scaled(values: &[Fr], factor: Fr) -> Vec<Fr> {
    debug_assert!(factor != Fr::ZERO);
    values.iter().map(|value| *value * factor).collect()
}

fn g1(values: &[Fr], factor: Fr) -> Vec<u8> {
    let mut out = Vec::new();
    push_g1(&mut out, &generator_multiples_g1(&scaled(values, factor)));
    out
}

fn g2(values: &[Fr], factor: Fr) -> Vec<u8> {
    let mut out = Vec::new();
    push_g2(&mut out, &generator_multiples_g2(&scaled(values, factor)));
    out
}
