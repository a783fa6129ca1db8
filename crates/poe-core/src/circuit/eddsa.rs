//! EdDSA-Poseidon as a bit: the circuit's reading of docs/protocol.md, rule 10.

use super::{
    bits::{is_equal, is_zero},
    builder::{ConstraintSystem, Num},
    edwards::{self, Point},
    fixed_base::multiply_base,
    poseidon::poseidon,
    scalar, variable_base,
};
use crate::field::Fr;

/// `R8` and `S` of a slot's words: any field elements.
#[derive(Debug, Clone)]
pub struct Signature<L> {
    pub r8: Point<L>,
    pub s: Num<L>,
}

/// The bit "the signature of `message` holds under `key`". Total: defined for any field elements. 2,802 constraints.
///
/// S is reduced modulo l, which changes nothing if S < l, and otherwise the bit is cleared. The challenge hashes the
/// words as given, replaced or not.
pub fn is_valid<C: ConstraintSystem>(
    cs: &mut C,
    key: &Point<C::L>,
    signature: &Signature<C::L>,
    message: &Num<C::L>,
) -> Num<C::L> {
    let r8 = &signature.r8;
    let inputs = [&r8.x, &r8.y, &key.x, &key.y, message].map(Clone::clone);
    let challenge = cs.scoped("challenge", |cs| poseidon(cs, &inputs));
    let scalar = cs.scoped("scalar", |cs| scalar::reduce(cs, &signature.s, &Num::one()));
    let is_below_order = cs.scoped("scalar_order", |cs| scalar.is_reduced(cs));
    let key = cs.scoped("key", |cs| edwards::sanitise(cs, key));
    let r8 = cs.scoped("r8", |cs| edwards::sanitise(cs, r8));

    let left = cs.scoped("fixed_base", |cs| multiply_base(cs, &scalar.bits));
    let product = cs.scoped("variable_base", |cs| variable_base::multiply(cs, &challenge, &key.point));
    let right = cs.scoped("sum", |cs| edwards::add(cs, &product, &r8.point));
    cs.scoped("verdict", |cs| {
        let is_x_equal = is_equal(cs, &left.x, &right.x);
        let is_y_equal = is_equal(cs, &left.y, &right.y);
        let held = [&is_below_order, &key.is_valid, &r8.is_valid, &is_x_equal, &is_y_equal];
        let missing = Num::constant(Fr::from(held.len() as u64));
        is_zero(cs, &(&missing - &Num::sum(held)))
    })
}

#[cfg(test)]
mod tests {
    use ark_ff::{AdditiveGroup, BigInteger, Field, PrimeField};

    use super::*;
    use crate::{
        babyjubjub::{BASE, Scalar, multiply_base, subgroup_order},
        circuit::testing::{Gadget, affine, element, run_gadget, torsion_points},
        eddsa::{self, derive_public_key, sign},
    };

    type Case = ((Fr, Fr), eddsa::Signature, Fr);

    fn run((key, signature, message): Case) -> Gadget {
        let inputs = [key.0, key.1, signature.r8.0, signature.r8.1, signature.s, message];
        run_gadget!(inputs, |cs, wires| {
            let [ax, ay, rx, ry, s, message] = std::array::from_fn(|i| wires[i].clone());
            let signature = Signature { r8: Point { x: rx, y: ry }, s };
            [is_valid(cs, &Point { x: ax, y: ay }, &signature, &message)]
        })
    }

    /// The circuit's verdict must be the native one.
    fn verdict(case: Case) -> bool {
        let expected = eddsa::verify(case.0, &case.1, case.2).is_ok();
        assert_eq!(run(case).output(), Fr::from(expected), "{case:?}");
        expected
    }

    fn signed(seed: u8) -> Case {
        let (secret, message) = ([seed; 32], element(seed.into()));
        (derive_public_key(&secret), sign(&secret, message), message)
    }

    #[test]
    fn right_signatures_hold_and_no_wire_is_free() {
        for seed in 0..4 {
            assert!(verdict(signed(seed)));
        }
        let gadget = run(signed(9));
        assert_eq!(gadget.constraints(), 2_802);
        gadget.assert_tight();
    }

    /// The signature that a holder of the scalars makes under a key and an R8 of his choice, if these are their points
    /// up to small order: `S·B8 = r·B8 + h·8·a·B8`.
    fn signed_with(key: (Fr, Fr), a: u64, r8: (Fr, Fr), r: u64, message: Fr) -> Case {
        let h = crate::poseidon::hash5([r8.0, r8.1, key.0, key.1, message]);
        let h = Scalar::from_le_bytes_mod_order(&h.into_bigint().to_bytes_le());
        let s = Scalar::from(r) + h * Scalar::from(8 * a);
        let s = Fr::from_bigint(s.into_bigint()).expect("l < r");
        (key, eddsa::Signature { r8, s }, message)
    }

    /// 8·A is what signs: a part of small order in the key changes nothing but the hash, one in R8 voids the signature.
    #[test]
    fn torsion_in_the_key_signs_and_torsion_in_r8_does_not() {
        let with = |scalar: u64, torsion| {
            affine(torsion).add(&multiply_base(&scalar.into())).to_affine().coordinates()
        };
        let identity = torsion_points()[0];
        for (seed, torsion) in (1..).zip(torsion_points()) {
            let message = element(seed);
            assert!(verdict(signed_with(
                with(77 + seed, torsion),
                77 + seed,
                with(seed, identity),
                seed,
                message
            )));
            let with_r8 =
                signed_with(with(77 + seed, identity), 77 + seed, with(seed, torsion), seed, message);
            assert_eq!(verdict(with_r8), torsion == identity);
        }
    }

    /// Right signatures, and each with one input replaced by another signature's.
    #[test]
    fn verdicts_on_many_signatures_are_the_native_ones() {
        for seed in 0..20 {
            let (case, other) = (signed(seed), signed(seed + 100));
            assert!(verdict(case));
            assert!(!verdict((other.0, case.1, case.2)));
            assert!(!verdict((case.0, other.1, case.2)));
            assert!(!verdict((case.0, case.1, other.2)));
            assert!(!verdict((case.0, eddsa::Signature { s: other.1.s, ..case.1 }, case.2)));
        }
    }

    #[test]
    fn a_change_of_any_input_is_noticed() {
        for field in 0..6 {
            for change in [Fr::ONE, element(5)] {
                let (mut key, mut signature, mut message) = signed(1);
                let fields = [
                    &mut key.0,
                    &mut key.1,
                    &mut signature.r8.0,
                    &mut signature.r8.1,
                    &mut signature.s,
                    &mut message,
                ];
                *fields.into_iter().nth(field).expect("six fields") += change;
                assert!(!verdict((key, signature, message)));
            }
        }
    }

    #[test]
    fn scalars_beyond_the_order_do_not_hold() {
        let (key, signature, message) = signed(2);
        let order = Fr::from_bigint(subgroup_order()).expect("l < r");
        let mut s = signature.s;
        for _ in 0..7 {
            s += order;
            assert!(!verdict((key, eddsa::Signature { s, ..signature }, message)));
        }
        for s in [-Fr::ONE, order, order - Fr::ONE, Fr::ZERO] {
            assert!(!verdict((key, eddsa::Signature { s, ..signature }, message)));
        }
    }

    #[test]
    fn small_orders_and_points_off_the_curve_do_not_hold() {
        let (key, signature, message) = signed(3);
        let bad = [
            (Fr::ZERO, Fr::ONE),
            (Fr::ZERO, -Fr::ONE),
            (Fr::ZERO, Fr::ZERO),
            (Fr::ONE, Fr::ONE),
            (element(1), element(2)),
        ];
        for point in bad {
            assert!(!verdict((point, signature, message)));
            assert!(!verdict((key, eddsa::Signature { r8: point, ..signature }, message)));
        }
    }

    /// With A the identity, `S·B8 = R8` alone would be a signature of everything.
    #[test]
    fn a_key_of_small_order_signs_nothing() {
        let signature = eddsa::Signature { r8: BASE.coordinates(), s: Fr::ONE };
        assert!(!verdict(((Fr::ZERO, Fr::ONE), signature, element(1))));
        assert!(!verdict(((Fr::ZERO, -Fr::ONE), signature, element(1))));
    }

    /// The replacement of a bad key by the base point must not make anything hold: the bit is cleared before.
    #[test]
    fn a_signature_under_the_replaced_key_does_not_hold() {
        let key = (Fr::ONE, Fr::ONE);
        let r8 = BASE.coordinates();
        let message = element(4);
        let h = crate::poseidon::hash5([r8.0, r8.1, key.0, key.1, message]).into_bigint();
        let h = crate::babyjubjub::Scalar::from_le_bytes_mod_order(&h.to_bytes_le());
        let s = (h * crate::babyjubjub::Scalar::from(8u64) + crate::babyjubjub::Scalar::ONE).into_bigint();
        let s = Fr::from_bigint(s).expect("l < r");
        let gadget = run((key, eddsa::Signature { r8, s }, message));
        assert_eq!(gadget.output(), Fr::ZERO);
        assert!(!verdict((key, eddsa::Signature { r8, s }, message)));
    }
}
