//! Poseidon over the circuit's field: three constraints an S-box, the linear layers free.
//!
//! Wires of one S-box: x², x⁴, x⁵. The first state element starts as a constant, so its first S-box is folded:
//! `3·(8·(K + 1) + partial rounds − 1)` constraints for K inputs, less three for each constant input.

use super::builder::{ConstraintSystem, Num};
use crate::{
    field::Fr,
    poseidon::{Parameters, parameters},
};

/// `PoseidonK(inputs)`, 1 to 16 inputs.
pub fn poseidon<C: ConstraintSystem>(cs: &mut C, inputs: &[Num<C::L>]) -> Num<C::L> {
    let absorbed: Vec<_> = inputs
        .iter()
        .enumerate()
        .map(|(position, input)| absorb(cs, inputs.len(), position, input))
        .collect();
    compress(cs, &absorbed)
}

/// The constant that is added to the input at a position, from 0, of a hash of `count` inputs.
pub fn input_constant(count: usize, position: usize) -> Fr {
    width(count).round_constants(0)[position + 1]
}

/// The first round's S-box of the input at a position, of a hash of `count` inputs. Three constraints.
///
/// x → (x + constant)⁵ permutes the field, 5 being coprime to r − 1: equal inputs and equal absorbed inputs are one
/// and the same, and two hashes can share what they absorb at the same position.
pub fn absorb<C: ConstraintSystem>(
    cs: &mut C,
    count: usize,
    position: usize,
    input: &Num<C::L>,
) -> Num<C::L> {
    fifth_power(cs, &input.add_constant(input_constant(count, position)))
}

/// The hash of absorbed inputs, in order.
pub fn compress<C: ConstraintSystem>(cs: &mut C, absorbed: &[Num<C::L>]) -> Num<C::L> {
    let parameters = width(absorbed.len());
    let first = Num::constant(parameters.round_constants(0)[0]);
    let mut state = vec![fifth_power(cs, &first)];
    state.extend_from_slice(absorbed);
    state = cs.mix(parameters, state.len(), &state);
    for round in 1..parameters.rounds() {
        for (element, &constant) in state.iter_mut().zip(parameters.round_constants(round)) {
            *element = element.add_constant(constant);
        }
        let boxes = if parameters.is_full(round) { state.len() } else { 1 };
        for element in &mut state[..boxes] {
            *element = fifth_power(cs, element);
        }
        // Only the first element of the last state is the hash.
        let rows = if round + 1 == parameters.rounds() { 1 } else { state.len() };
        state = cs.mix(parameters, rows, &state);
    }
    state.swap_remove(0)
}

/// # Panics
/// If there are more inputs than the widest permutation takes: a mistake in the circuit's code.
fn width(inputs: usize) -> &'static Parameters {
    parameters(inputs + 1).expect("1 to 16 inputs")
}

/// x⁵. The square puts all of x on a B side, so the last product may do so too: x⁴ then stands on no B side, and
/// proving pays for the wires that do.
pub fn fifth_power<C: ConstraintSystem>(cs: &mut C, x: &Num<C::L>) -> Num<C::L> {
    if x.is_constant() {
        let square = x.value * x.value;
        return Num::constant(square * square * x.value);
    }
    let square = cs.mul(x, x);
    let fourth = cs.mul(&square, &square);
    cs.mul(&fourth, x)
}

#[cfg(test)]
mod tests {
    use ark_ff::{BigInteger256, Field};

    use super::*;
    use crate::{
        circuit::testing::{element, run_gadget},
        poseidon::{MAX_INPUTS, hash},
    };

    #[test]
    fn every_width_hashes_as_the_native_function_and_costs_three_a_box() {
        for count in 1..=MAX_INPUTS {
            let inputs: Vec<Fr> = (0..count as u64).map(element).collect();
            let gadget = run_gadget!(inputs, |cs, wires| [poseidon(cs, wires)]);
            assert_eq!(Ok(gadget.output()), hash(&inputs));
            let partial = parameters(count + 1).expect("a width").partial_rounds();
            assert_eq!(gadget.constraints(), 3 * (8 * (count + 1) + partial - 1));
            gadget.assert_tight();
        }
    }

    #[test]
    fn the_widths_in_use_cost_what_the_documents_say() {
        for (count, constraints) in [(2, 240), (4, 297), (5, 321), (16, 609)] {
            let gadget = run_gadget!(vec![Fr::from(1u64); count], |cs, wires| [poseidon(cs, wires)]);
            assert_eq!(gadget.constraints(), constraints);
        }
    }

    /// So a sibling that comes absorbed is the image of one sibling, and of no other.
    #[test]
    fn absorption_permutes_the_field() {
        // 5·exponent = 1 + 4·(r − 1).
        let exponent = BigInteger256::new([
            14_981_214_993_055_009_997,
            6_006_880_321_387_387_405,
            10_624_953_561_019_755_799,
            2_789_598_613_442_376_532,
        ]);
        for seed in 0..20 {
            let x = element(seed);
            let gadget = run_gadget!([x], |cs, wires| [absorb(cs, 4, 2, &wires[0])]);
            assert_eq!(gadget.output().pow(exponent) - input_constant(4, 2), x);
        }
    }

    #[test]
    fn constant_inputs_cost_nothing_in_the_first_round() {
        let gadget =
            run_gadget!([Fr::from(7u64)], |cs, wires| { [poseidon(cs, &[wires[0].clone(), Num::zero()])] });
        assert_eq!(Ok(gadget.output()), hash(&[Fr::from(7u64), Fr::from(0u64)]));
        assert_eq!(gadget.constraints(), 237);
    }
}
