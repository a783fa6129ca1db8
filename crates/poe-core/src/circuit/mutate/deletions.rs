//! Each constraint of each gadget that defines no product is deleted, alone: some second witness must then be found.

use ark_ff::PrimeField;

use super::{tape::Rows, *};
use crate::{
    account::{Account, leaf},
    babyjubjub::{Projective, multiply_base, subgroup_order},
    circuit::{
        account::AccountNum,
        bits::{is_zero, to_bits, to_bits_strict},
        builder::{ConstraintSystem, LinearCombination, Num, Place},
        edwards, fixed_base,
        hint::Rule,
        merkle::{Roots, replace_leaf},
        montgomery, scalar,
        testing::{affine, element, generator, torsion_points},
        top::{Access, Top},
        variable_base,
    },
    merkle::Tree,
};

type Lc = Num<LinearCombination>;

fn suite(inputs: &[Vec<Fr>], gadget: impl Fn(&mut Recorder, &[Lc])) -> Suite {
    let witness = |inputs: &Vec<Fr>| {
        let (mut recorder, wires) = Recorder::new(inputs);
        gadget(&mut recorder, &wires);
        let witness = Witness::new("gadget", recorder.finish());
        assert_eq!(witness.tape.r1cs.is_satisfied(&witness.values), Ok(()));
        witness
    };
    Suite { witnesses: inputs.iter().map(witness).collect(), seed: 5 }
}

/// Whether some quotient is by zero, and so anything that the prover likes.
fn divides_by_zero(witness: &Witness) -> bool {
    let denominators = |(event, rows): (&Event, &Rows)| match event {
        Event::Hint { rule: Rule::Quotient, .. } => vec![rows[1]],
        Event::Hint { rule: Rule::Quotients, .. } => vec![rows[2], rows[3]],
        _ => vec![],
    };
    witness
        .tape
        .events
        .iter()
        .zip(&witness.rows)
        .flat_map(denominators)
        .any(|denominator| denominator == Fr::ZERO)
}

/// Of gadgets on points, of incomplete formulas above all: whatever the batch, no exceptional case occurs.
#[test]
fn no_batch_makes_the_circuit_divide_by_zero() {
    for suite in [Suite::new(4, 2, 5).expect("a shape"), Suite::of_single_slots(5).expect("a depth")] {
        let of_a_witness = |witness: &Witness| {
            let is_quotient = |event: &&Event| matches!(event, Event::Hint { rule: Rule::Quotient, .. });
            witness.tape.events.iter().filter(is_quotient).count()
        };
        assert!(of_a_witness(&suite.witnesses[0]) > 500);
        assert!(!suite.witnesses.iter().any(divides_by_zero));
    }
    let zero = suite(&[vec![Fr::ZERO]], |cs, x| drop(cs.divide(&x[0], &x[0])));
    assert!(divides_by_zero(&zero.witnesses[0]));
}

/// Demands that nothing survives the whole gadget, and that every check of it is missed when it alone is gone.
fn all_needed(inputs: &[Vec<Fr>], gadget: impl Fn(&mut Recorder, &[Lc])) {
    let suite = suite(inputs, gadget);
    assert!(!suite.witnesses.iter().any(divides_by_zero));
    assert_eq!(suite.run(Some(40)).survivors, [""; 0]);
    assert!(!suite.checks().is_empty());
    assert_eq!(suite.unnoticed_checks(&suite.checks()), [0; 0]);
}

fn order() -> Fr {
    Fr::from_bigint(subgroup_order()).expect("l < r")
}

/// `limit − 2^(32·i)`, i from 0 to 7.
fn just_below(limit: Fr) -> impl Iterator<Item = Fr> {
    (0..8).map(move |chunk| limit - Fr::from(2u64).pow([32 * chunk]))
}

#[test]
fn every_check_of_a_decomposition_is_needed() {
    let edges: Vec<_> = just_below(Fr::ZERO).chain([Fr::ZERO, Fr::ONE]).map(|x| vec![x]).collect();
    all_needed(&edges, |cs, x| drop(to_bits_strict(cs, &x[0])));
    all_needed(&[vec![Fr::from(9u64)]], |cs, x| drop(to_bits(cs, &x[0], 97)));
    all_needed(&[vec![Fr::ZERO], vec![element(1)]], |cs, x| drop(is_zero(cs, &x[0])));
}

/// Modulo l: words just below l, just below r, and with every quotient.
#[test]
fn every_check_of_a_residue_is_needed() {
    let below_order = just_below(order()).enumerate().map(|(i, s)| order() * Fr::from(i as u64 % 7) + s);
    let elements: Vec<_> = below_order.chain(just_below(Fr::ZERO)).chain([Fr::ZERO, Fr::ONE]).collect();
    let constant: Vec<_> = elements.iter().map(|&x| vec![x]).collect();
    all_needed(&constant, |cs, x| drop(scalar::reduce(cs, &x[0], &Num::one())));
    let scaled: Vec<_> = elements.iter().map(|&x| vec![x, element(9)]).collect();
    all_needed(&scaled, |cs, x| drop(scalar::reduce(cs, &x[0], &x[1])));
}

fn coordinates(point: &Projective) -> [Fr; 2] {
    point.to_affine().coordinates().into()
}

fn point(wires: &[Lc]) -> edwards::Point<LinearCombination> {
    edwards::Point { x: wires[0].clone(), y: wires[1].clone() }
}

#[test]
fn every_check_of_point_arithmetic_is_needed() {
    let multiple = |i: u64| coordinates(&multiply_base(&i.into()));
    let two = [[multiple(2), multiple(5)].concat()];
    all_needed(&two, |cs, x| drop(edwards::add(cs, &point(x), &point(&x[2..]))));
    all_needed(&[multiple(2).to_vec()], |cs, x| drop(edwards::double(cs, &point(x))));
    let judged = [multiple(2), torsion_points()[1].into(), [Fr::ONE, Fr::ONE]].map(|point| point.to_vec());
    all_needed(&judged, |cs, x| drop(edwards::sanitise(cs, &point(x))));
    all_needed(&two, |cs, x| {
        let [p, q] = [&x[..2], &x[2..]].map(|wires| montgomery::from_edwards(cs, &point(wires)));
        let sum = montgomery::add(cs, &p, &q);
        let sum = montgomery::double_add(cs, &sum, &p);
        let sum = montgomery::double(cs, &sum);
        montgomery::to_edwards(cs, &sum);
    });
}

#[test]
fn every_check_of_scalar_multiplication_is_needed() {
    let scalars: Vec<_> = just_below(order()).map(|s| vec![s]).collect();
    all_needed(&scalars, |cs, x| {
        let bits = scalar::reduce(cs, &x[0], &Num::one()).bits;
        drop(fixed_base::multiply_base(cs, &bits));
    });
    let key = generator();
    let cases: Vec<_> =
        just_below(order()).chain(just_below(Fr::ZERO)).map(|h| vec![h, key.0, key.1]).collect();
    all_needed(&cases, |cs, x| drop(variable_base::multiply(cs, &x[0], &point(&x[1..]))));
    assert_eq!(coordinates(&affine(key)), <[Fr; 2]>::from(key));
}

/// What a path and the top are made of, and the bits of its index.
struct Opening {
    leaf: Fr,
    path: Vec<[Fr; 4]>,
    nodes: Vec<Fr>,
    root: Fr,
}

const INDEX: u64 = 27;

fn opening(seed: u64) -> Opening {
    let mut tree = Tree::new(3);
    (0..40).for_each(|index| tree.set(index, element(seed + index)));
    let (path, nodes, root) = (tree.path(INDEX), tree.nodes_below(1), tree.root());
    Opening { leaf: element(seed + INDEX), path, nodes, root }
}

/// A leaf replaced in its subtree, and the subtree in a top of one level.
fn replace(cs: &mut Recorder, x: &[Lc], opening: &Opening) {
    let leaves = Roots { old: x[0].clone(), new: x[1].clone() };
    let roots = replace_leaf(cs, &x[2..8], 2, &opening.path, leaves);
    let mut top = Top::open(cs, &opening.nodes, &x[8]);
    top.apply(cs, &Access { index: x[6..8].to_vec(), roots });
    drop(top.close(cs));
}

fn inputs(opening: &Opening) -> Vec<Fr> {
    let bits = (0..6).map(|bit| Fr::from(INDEX >> bit & 1));
    [opening.leaf, element(99)].into_iter().chain(bits).chain([opening.root]).collect()
}

/// The links between one level and the next: no change of one wire gets past the next link, but a path that is of one
/// tree up to a link and of another from there on breaks that link alone.
#[test]
fn the_links_of_the_tree_are_all_that_its_checks_are_and_each_is_needed() {
    let suite = suite(&[inputs(&opening(0))], |cs, x| replace(cs, x, &opening(0)));
    let links = suite.checks();
    let groups: Vec<_> = links.iter().map(|&check| suite.r1cs().group(check)).collect();
    assert_eq!(groups, ["position", "position", "old_root", "read"]);
    let forge = |swap: &dyn Fn(&mut Opening, Opening)| {
        let mut forgery = opening(0);
        swap(&mut forgery, opening(1000));
        let (mut recorder, wires) = Recorder::new(&inputs(&forgery));
        replace(&mut recorder, &wires, &forgery);
        let (tape, values) = recorder.finish();
        (0..tape.r1cs.constraints()).filter(|&i| !tape.r1cs.holds(i, &values)).collect::<Vec<_>>()
    };
    assert_eq!(forge(&|opening, other| opening.leaf = other.leaf), [links[0]]);
    assert_eq!(
        forge(&|opening, other| (opening.leaf, opening.path[0]) = (other.leaf, other.path[0])),
        [links[1]]
    );
    assert_eq!(forge(&|opening, other| (opening.leaf, opening.path) = (other.leaf, other.path)), [links[3]]);
    assert_eq!(forge(&|opening, other| opening.root = other.root), [links[2]]);
}

/// Alone, all but the first: existence that is no bit takes any leaf for one of an account without fields.
#[test]
fn every_check_of_an_account_is_needed() {
    let account =
        Account { public_key: (element(1), element(2)), balance: 7, nonce: 9, exit_address: element(3) };
    let load = |cs: &mut Recorder, x: &[Lc], account: Option<&Account>| {
        let loaded = AccountNum::load(cs, Place { level: 0, index: 0 }, account);
        let leaves = AccountNum::leaves(cs, [&loaded, &loaded], [false; 5]);
        cs.enforce_equal(&leaves.old, &x[0]);
    };
    let absent = suite(&[vec![leaf(None)]], |cs, x| load(cs, x, None));
    assert_eq!(absent.run(None).survivors, [""; 0]);
    // The seventh is the leaf's link.
    let checks = &absent.checks()[..6];
    assert_eq!(absent.unnoticed_checks(checks), checks[..1]);

    let suite = suite(&[vec![leaf(Some(&account))]], |cs, x| load(cs, x, Some(&account)));
    let witness = &suite.witnesses[0];
    let empty = crate::poseidon::hash5([Fr::ZERO; 5]);
    let exists = leaf(Some(&account)) / empty;
    let forgery: Vec<_> = (2..8).map(|wire| (wire, if wire == 2 { exists } else { Fr::ZERO })).collect();
    let mut cone = Cone::new(witness, &vec![false; witness.tape.events.len()]);
    assert_eq!(cone.judge(&forgery, Statement::Fixed), Verdict::Broken);
    let boolean = witness.tape.events_of(&suite.checks()[..1]);
    let verdict = cone.without(&boolean, |cone| cone.judge(&forgery, Statement::Fixed));
    assert_eq!(verdict, Verdict::Holds { is_same_statement: true });
}
