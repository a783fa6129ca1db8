//! The searches find what is planted, and nothing in what is sound.

use super::*;
use crate::circuit::{
    bits::{enforce_boolean, is_zero, to_bits, to_bits_strict},
    builder::{ConstraintSystem, LinearCombination, Num, Place},
    hint::Rule,
    testing::element,
};

type Lc = Num<LinearCombination>;

fn suite(inputs: &[Fr], gadget: impl Fn(&mut Recorder, &[Lc])) -> Suite {
    let (mut recorder, wires) = Recorder::new(inputs);
    gadget(&mut recorder, &wires);
    let witness = Witness::new("gadget", recorder.finish());
    assert_eq!(witness.tape.r1cs.is_satisfied(&witness.values), Ok(()));
    Suite { witnesses: vec![witness], seed: 5 }
}

fn survivors(inputs: &[Fr], gadget: impl Fn(&mut Recorder, &[Lc])) -> Vec<String> {
    suite(inputs, gadget).run(None).survivors
}

fn small(value: u64) -> [Fr; 1] {
    [Fr::from(value)]
}

#[test]
fn sound_gadgets_have_no_survivors() {
    for value in [0, 1, 5] {
        let strict = |cs: &mut Recorder, x: &[Lc]| drop(to_bits_strict(cs, &x[0]));
        assert_eq!(survivors(&small(value), strict), [""; 0]);
        assert_eq!(survivors(&small(value), |cs, x| drop(to_bits(cs, &x[0], 5))), [""; 0]);
        assert_eq!(survivors(&small(value), |cs, x| drop(is_zero(cs, &x[0]))), [""; 0]);
    }
}

#[test]
fn a_wire_in_no_constraint_survives() {
    let found = survivors(&[], |cs, _| drop(cs.alloc(element(1))));
    // Six values, as a wire by itself and as a hint.
    assert_eq!(found.len(), 12);
    assert!(found[0].starts_with("gadget: wire 1 of group \"\" goes unnoticed as "), "{}", found[0]);
}

#[test]
fn bits_that_are_not_summed_up_survive() {
    let found = survivors(&small(5), |cs, x| {
        let bits = cs.hint(Rule::Bits { width: 3 }, &[&x[0]]);
        bits.iter().for_each(|bit| enforce_boolean(cs, bit));
    });
    assert!(!found.is_empty());
}

#[test]
fn digits_that_are_no_bits_survive_as_splits() {
    let suite = suite(&small(5), |cs, x| {
        let digits = cs.hint(Rule::Bits { width: 2 }, &[&x[0].add_constant(-Fr::from(4u64))]);
        enforce_boolean(cs, &digits[0]);
        cs.enforce_equal(&Num::from_bits(&digits), &x[0].add_constant(-Fr::from(4u64)));
    });
    let found = suite.run(None).survivors;
    assert!(found.iter().all(|survivor| survivor.ends_with("with 1 wires after it")), "{found:?}");
    assert!(!found.is_empty());
}

#[test]
fn the_alias_of_a_decomposition_survives_where_the_order_is_not_compared() {
    let found = survivors(&small(7), |cs, x| {
        let bits = cs.hint(Rule::Bits { width: 254 }, &[&x[0]]);
        bits.iter().for_each(|bit| enforce_boolean(cs, bit));
        cs.enforce_equal(&Num::from_bits(&bits), &x[0]);
    });
    assert_eq!(found.len(), 1);
    assert!(found[0].contains(", with "), "{}", found[0]);
}

#[test]
fn an_inverse_that_is_not_pinned_survives_at_zero() {
    let gadget = |cs: &mut Recorder, x: &[Lc]| {
        let wires = cs.hint(Rule::IsZero, &[&x[0]]);
        cs.enforce(&x[0], &wires[0], &wires[1].not());
        cs.enforce(&x[0], &wires[1], &Num::zero());
    };
    assert_eq!(survivors(&small(3), gadget), [""; 0]);
    assert!(!survivors(&small(0), gadget).is_empty());
}

#[test]
fn what_follows_from_a_hint_is_computed_again() {
    // Nothing but the product's recomputation lets the change through.
    let gadget = |cs: &mut Recorder, x: &[Lc]| {
        let free = cs.alloc(element(2));
        let square = cs.mul(&free, &free);
        let product = cs.mul(&square, &x[0]);
        let bit = is_zero(cs, &product);
        cs.enforce_equal(&bit, &Num::zero());
    };
    let suite = suite(&small(3), gadget);
    let report = suite.run(None);
    assert_eq!((report.wires, report.hints), (6, 3));
    assert!(report.survivors.iter().all(|survivor| survivor.contains("wire 2 ")));
    assert!(report.survivors.len() >= 4);
}

#[test]
fn a_declared_word_follows_and_the_survivor_is_a_forgery() {
    let gadget = |cs: &mut Recorder, x: &[Lc]| {
        let free = cs.alloc(element(2));
        let sum = &free + &x[0];
        cs.declare(&sum, &x[1]);
    };
    let inputs = [element(1), element(1) + element(2)];
    let found = survivors(&inputs, gadget);
    assert!(!found.is_empty() && found.iter().all(|survivor| survivor.contains("proves another statement")));
    // A word of the statement may not follow.
    let bound = |cs: &mut Recorder, x: &[Lc]| {
        let word = cs.input(element(2));
        cs.declare(&(&word + &x[0]), &x[1]);
    };
    assert_eq!(survivors(&inputs, bound), [""; 0]);
}

#[test]
fn what_was_stored_is_loaded_again_with_its_change() {
    let place = Place { level: 0, index: 3 };
    let gadget = |cs: &mut Recorder, x: &[Lc]| {
        let [free] = cs.load(place, [element(2)]);
        let after = &free + &x[0];
        cs.store(place, std::slice::from_ref(&after));
        let [again] = cs.load(place, [element(2) + Fr::from(3u64)]);
        cs.enforce_equal(&again, &after);
    };
    let witness = suite(&small(3), gadget).witnesses.remove(0);
    assert!(matches!(witness.tape.origins[2..], [Origin::Free, Origin::Hint { .. }]));
    let kept = vec![false; witness.tape.events.len()];
    let verdict = Cone::new(&witness, &kept).judge(&[(2, element(9))], Statement::Following);
    assert_eq!(verdict, Verdict::Holds { is_same_statement: true });
    // By itself, the loaded wire is bound.
    let verdict = Cone::new(&witness, &kept).judge(&[(3, element(9))], Statement::Following);
    assert_eq!(verdict, Verdict::Broken);
}

#[test]
fn a_cone_leaves_no_trace_behind() {
    let gadget = |cs: &mut Recorder, x: &[Lc]| drop(to_bits_strict(cs, &x[0]));
    let witness = suite(&small(77), gadget).witnesses.remove(0);
    let kept = vec![false; witness.tape.events.len()];
    let mut cone = Cone::new(&witness, &kept);
    for wire in 2..100 {
        let value = Fr::ONE - witness.values[wire as usize];
        assert_eq!(cone.judge(&[(wire, value)], Statement::Fixed), Verdict::Broken);
        let same = witness.values[wire as usize];
        let verdict = cone.judge(&[(wire, same)], Statement::Fixed);
        assert_eq!(verdict, Verdict::Holds { is_same_statement: true });
    }
}

#[test]
fn deleting_a_group_frees_its_products() {
    let suite = suite(&small(3), |cs, x| {
        let square = cs.scoped("square", |cs| cs.mul(&x[0], &x[0]));
        cs.scoped("bit", |cs| drop(is_zero(cs, &square)));
    });
    assert_eq!(suite.run(None).survivors, [""; 0]);
    assert_eq!(suite.survivor_without("square").map(|survivor| survivor.wire), Some(2));
    assert!(suite.survivor_without("bit").is_some() && suite.survivor_without("another").is_none());
    assert_eq!(suite.checks(), [1, 2, 3]);
    // At x = 9 the inverse is pinned by the product alone: the third check matters at 0.
    assert_eq!(suite.unnoticed_checks(&suite.checks()), [3]);
}
