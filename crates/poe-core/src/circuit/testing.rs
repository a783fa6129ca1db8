//! Runs a gadget both ways and shakes its wires.

use ark_ff::{AdditiveGroup, BigInteger256, Field};

use super::{builder::Num, r1cs::R1cs};
use crate::{
    babyjubjub::{Affine, BASE, Projective, multiply_base, subgroup_order},
    field::Fr,
};

/// A gadget's constraints, its wires' values, and the values of what it returned.
pub struct Gadget {
    pub r1cs: R1cs,
    pub values: Vec<Fr>,
    pub outputs: Vec<Fr>,
}

/// Runs `body` on inputs, which become public wires, as constraints and as witness; both must agree and hold.
macro_rules! run_gadget {
    ($inputs:expr, |$cs:ident, $wires:ident| $body:expr) => {{
        use $crate::circuit::{
            builder::{Assigner, Compiler},
            testing::{Gadget, values_of},
        };
        let inputs: Vec<$crate::field::Fr> = $inputs.to_vec();
        let (mut compiler, wires) = Compiler::new(&inputs);
        let outputs = {
            let ($cs, $wires) = (&mut compiler, &wires);
            values_of(&$body)
        };
        let (mut assigner, wires) = Assigner::new(&inputs);
        let native = {
            let ($cs, $wires) = (&mut assigner, &wires);
            values_of(&$body)
        };
        let (r1cs, values) = compiler.finish();
        assert_eq!((&outputs, &values), (&native, &assigner.finish()));
        Gadget { r1cs, values, outputs }
    }};
}
pub(crate) use run_gadget;

pub fn values_of<L>(nums: &[Num<L>]) -> Vec<Fr> {
    nums.iter().map(|num| num.value).collect()
}

impl Gadget {
    pub fn constraints(&self) -> usize {
        self.r1cs.constraints()
    }

    /// The one value returned, of a gadget whose constraints hold.
    pub fn output(&self) -> Fr {
        assert_eq!(self.r1cs.is_satisfied(&self.values), Ok(()));
        self.outputs[0]
    }

    /// Demands that the constraints hold, and that no wire but the inputs can take another value by itself.
    pub fn assert_tight(&self) {
        assert_eq!(self.r1cs.is_satisfied(&self.values), Ok(()));
        let readers = self.r1cs.constraints_of_wires();
        let mut values = self.values.clone();
        for wire in 1 + self.r1cs.public_inputs()..values.len() {
            let right = values[wire];
            let wrong =
                [Fr::ZERO, Fr::ONE, -Fr::ONE, right + Fr::ONE, right.double(), -right, Fr::from(1u64 << 32)];
            for value in wrong.into_iter().filter(|value| *value != right) {
                values[wire] = value;
                let is_caught = readers[wire].iter().any(|&c| !self.r1cs.holds(c as usize, &values));
                assert!(is_caught, "wire {wire} may be {value} instead of {right}");
            }
            values[wire] = right;
        }
    }
}

/// Field elements at the edges: 0, 1, 2, r − 1, (r − 1)/2 and around powers of two.
pub fn edge_elements() -> Vec<Fr> {
    let two = Fr::from(2u64);
    let powers = [32u64, 64, 96, 97, 128, 251, 252, 253].map(|exponent| two.pow([exponent]));
    let around = powers.into_iter().flat_map(|power| [power - Fr::ONE, power, power + Fr::ONE]);
    let small = [Fr::ZERO, Fr::ONE, two, -Fr::ONE, -two, -two.inverse().unwrap_or_default()];
    small.into_iter().chain(around).collect()
}

/// Different elements for different seeds.
pub fn element(seed: u64) -> Fr {
    crate::poseidon::hash2([Fr::from(seed), Fr::ZERO])
}

/// A point of the curve.
pub fn affine((x, y): (Fr, Fr)) -> Projective {
    Affine::new(x, y).expect("on the curve").into()
}

/// A generator of the whole group, of order 8·l.
pub fn generator() -> (Fr, Fr) {
    let parse = |text: &str| -> Fr { text.parse().expect("decimal") };
    (
        parse("995203441582195749578291179787384436505546430278305826713579947235728471134"),
        parse("5472060717959818805561601436314318772137091100104008585924551046643952123905"),
    )
}

/// The points of order dividing 8: multiples of `l·generator`, the identity first.
pub fn torsion_points() -> Vec<(Fr, Fr)> {
    let point = affine(generator()).multiply(&subgroup_order());
    let multiple = |i: u64| point.multiply(&BigInteger256::from(i)).to_affine().coordinates();
    (0..8).map(multiple).collect()
}

/// The points of small order, then others, with and without a part of small order.
pub fn curve_points() -> Vec<(Fr, Fr)> {
    let base = multiply_base(&BigInteger256::from(12_345u64)).to_affine().coordinates();
    let mixed = torsion_points().into_iter().map(|p| affine(p).add(&affine(base)).to_affine().coordinates());
    let mut points = torsion_points();
    points.extend(mixed);
    points.extend([(-base.0, base.1), generator(), BASE.coordinates()]);
    points
}
