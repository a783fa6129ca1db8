//! Poseidon over the circuit's field: three constraints an S-box, the linear layers free.
//!
//! Wires of one S-box: x², x⁴, x⁵. The first state element starts as a constant, so its first S-box is folded:
//! `3·(8·(K + 1) + partial rounds − 1)` constraints for K inputs, less three for each constant input.

use crate::poseidon::{Parameters, parameters};

use super::builder::{ConstraintSystem, Linear, Num};

/// `PoseidonK(inputs)`, 1 to 16 inputs.
///
/// # Panics
/// If there are more inputs than the widest permutation takes: a mistake in the circuit's code.
pub fn poseidon<C: ConstraintSystem>(cs: &mut C, inputs: &[Num<C::L>]) -> Num<C::L> {
    let parameters = parameters(inputs.len() + 1).expect("1 to 16 inputs");
    let mut state = vec![Num::zero()];
    state.extend_from_slice(inputs);
    for round in 0..parameters.rounds() {
        for (element, &constant) in state.iter_mut().zip(parameters.round_constants(round)) {
            *element = element.add_constant(constant);
        }
        let boxes = if parameters.is_full(round) { state.len() } else { 1 };
        for element in &mut state[..boxes] {
            *element = fifth_power(cs, element);
        }
        // Only the first element of the last state is the hash.
        let rows = if round + 1 == parameters.rounds() { 1 } else { state.len() };
        state = (0..rows).map(|row| mix(parameters, row, &state)).collect();
    }
    state.swap_remove(0)
}

fn mix<L: Linear>(parameters: &Parameters, row: usize, state: &[Num<L>]) -> Num<L> {
    let mut sum = Num::zero();
    for (element, &factor) in state.iter().zip(parameters.mds_row(row)) {
        sum.add_scaled(element, factor);
    }
    sum
}

/// x⁵. The dense combination x stands on the A side where it can, B sides being the dearer ones to prove.
fn fifth_power<C: ConstraintSystem>(cs: &mut C, x: &Num<C::L>) -> Num<C::L> {
    if x.is_constant() {
        let square = x.value * x.value;
        return Num::constant(square * square * x.value);
    }
    let square = cs.mul(x, x);
    let fourth = cs.mul(&square, &square);
    cs.mul(x, &fourth)
}
