//! Lanes against arkworks, value by value, at the edges of every documented range.

#![allow(clippy::unwrap_used)]

use ark_bn254::{FqConfig, FrConfig};
use ark_ff::{AdditiveGroup, Field, Fp, MontBackend, MontConfig, UniformRand};
use ark_std::rand::{SeedableRng, rngs::StdRng};

use super::{Ifma, LANES, Lanes, Path, Rows, inverse};

type Element<C> = Fp<MontBackend<C, 4>, 4>;

fn edges<C: MontConfig<4>>() -> Vec<Element<C>> {
    let one = Element::<C>::from(1u64);
    let mut values = vec![Element::ZERO, one, -one, one.double(), -one.double()];
    values.extend((0..254).step_by(13).map(|bits| one.double().pow([bits])));
    let mut rng = StdRng::seed_from_u64(52);
    values.extend((0..64).map(|_| Element::rand(&mut rng)));
    values.resize(values.len().next_multiple_of(LANES), Element::ZERO);
    values
}

fn lanes<C: MontConfig<4>>(token: Ifma, elements: &[Element<C>]) -> Lanes<C> {
    Lanes::load_elements(token, elements.try_into().unwrap())
}

fn elements<C: MontConfig<4>>(token: Ifma, lanes: Lanes<C>) -> [Element<C>; LANES] {
    let mut out = [Element::ZERO; LANES];
    lanes.reduced().canonical().store_elements(token, &mut out);
    out
}

/// Calls `check` with every vector of edge values against every rotation of another.
fn for_pairs<C: MontConfig<4>>(check: impl Fn(Ifma, &[Element<C>], &[Element<C>])) {
    let Some(token) = Ifma::detect() else { return };
    let values = edges::<C>();
    for a in values.chunks(LANES) {
        for shift in 0..values.len() {
            let b: Vec<_> = (0..LANES).map(|k| values[(k + shift) % values.len()]).collect();
            check(token, a, &b);
        }
    }
}

fn ring_operations_match<C: MontConfig<4>>() {
    for_pairs::<C>(|token, a, b| {
        let (x, y) = (lanes(token, a), lanes(token, b));
        let expect = |name: &str, got: Lanes<C>, want: fn(Element<C>, Element<C>) -> Element<C>| {
            let got = elements(token, got);
            for k in 0..LANES {
                assert_eq!(got[k], want(a[k], b[k]), "{name} of {} and {}", a[k], b[k]);
            }
        };
        expect("sum", x.add(y), |a, b| a + b);
        expect("difference", x.sub::<1>(y), |a, b| a - b);
        expect("difference past the bound", x.sub::<64>(y), |a, b| a - b);
        expect("negative", y.neg::<1>(), |_, b| -b);
        expect("x - y - y", x.sub_two::<2>(y, y), |a, b| a - b - b);
        expect("4(x - y)", x.four_times_difference::<1>(y), |a, b| (a - b).double().double());
        expect("product", x.widen(token).mul(y), |a, b| a * b);
        expect("product of forms", x.mul(y), |a, b| a * b / Element::from(16u64));
        expect("square", x.widen(token).square().narrow(token), |a, _| a * a);
        expect("round trip", x.widen(token).narrow(token), |a, _| a);
    });
}

#[test]
fn ring_operations_match_arkworks_in_fq() {
    ring_operations_match::<FqConfig>();
}

#[test]
fn ring_operations_match_arkworks_in_fr() {
    ring_operations_match::<FrConfig>();
}

#[test]
fn products_at_the_documented_bounds_stay_below_twice_the_modulus() {
    let Some(token) = Ifma::detect() else { return };
    let p = Lanes::<FqConfig>::splat(token, FqConfig::MODULUS.0);
    let minus_one = p.sub::<0>(Lanes::splat(token, [1, 0, 0, 0]));
    // The largest integer below 12p times the largest below 7p: 84p² in all.
    let times = |count: usize| (1..count).fold(minus_one, |sum, _| sum.add(p));
    let product = times(12).mul(times(7));
    let mut words = [[0; 4]; LANES];
    let [a, b, c, d, e, f, g, h] = &mut words;
    product.store(token, [a, b, c, d, e, f, g, h]);
    let modulus = FqConfig::MODULUS.0.map(u128::from);
    let top = (modulus[3] << 65) + (modulus[2] << 1);
    for word in words {
        assert!((u128::from(word[3]) << 64) + u128::from(word[2]) <= top, "{word:x?} is not below 2p");
    }
}

#[test]
fn reduction_takes_every_allowed_multiple_of_the_modulus() {
    let Some(token) = Ifma::detect() else { return };
    let values = edges::<FrConfig>();
    let p = Lanes::<FrConfig>::splat(token, FrConfig::MODULUS.0);
    for chunk in values.chunks(LANES) {
        let mut value = lanes(token, chunk);
        for multiple in 0..83 {
            assert_eq!(elements(token, value).as_slice(), chunk, "plus {multiple}p");
            value = value.add(p);
        }
    }
}

#[test]
fn zero_mask_names_both_forms_of_zero_and_nothing_else() {
    let Some(token) = Ifma::detect() else { return };
    let one = Element::<FqConfig>::from(1u64);
    let zero = Element::ZERO;
    let value = lanes(token, &[zero, one, -one, zero, one, one, -one, zero]);
    let p = Lanes::<FqConfig>::splat(token, FqConfig::MODULUS.0);
    assert_eq!(value.zero_mask(), 0b1000_1001);
    assert_eq!(value.add(p).zero_mask(), 0b1000_1001);
    assert_eq!(value.selected(0b0000_0110, Lanes::zero(token)).zero_mask(), 0b1111_1001);
}

#[test]
fn inverse_matches_arkworks_and_leaves_zero() {
    let Some(token) = Ifma::detect() else { return };
    for chunk in edges::<FqConfig>().chunks(LANES) {
        // SAFETY: the token proves the instructions.
        #[allow(unsafe_code)]
        let inverse = unsafe { lanes(token, chunk).widen(token).inverted(token) };
        let got = elements(token, inverse.narrow(token));
        for k in 0..LANES {
            assert_eq!(got[k], chunk[k].inverse().unwrap_or_default());
        }
    }
}

fn inverse_of_one_matches<C: MontConfig<4>>() {
    for element in edges::<C>() {
        assert_eq!(inverse(element), element.inverse().unwrap_or_default(), "1/{element}");
    }
    // Walk far from the edges; every step of the chain depends on the last.
    let mut x = Element::<C>::from(3u64);
    for _ in 0..2_000 {
        assert_eq!(x * inverse(x), Element::from(1u64), "1/{x}");
        x = inverse(x) + x.square();
    }
}

#[test]
fn inverse_of_one_element_matches_arkworks() {
    inverse_of_one_matches::<FqConfig>();
    inverse_of_one_matches::<FrConfig>();
}

#[test]
fn rows_come_back_as_they_went_in() {
    let Some(token) = Ifma::detect() else { return };
    let records: [[u64; 8]; 8] = std::array::from_fn(|k| std::array::from_fn(|i| (8 * k + i) as u64));
    let mut back = [[0; 8]; 8];
    let rows = Rows::load(token, std::array::from_fn(|k| &records[k]));
    rows.store(&mut back);
    assert_eq!(back, records);
    let (first, second) = Lanes::<FqConfig>::pair_from_rows(rows);
    Lanes::pair_into_rows(first, second).store(&mut back);
    assert_eq!(back, records);
}

#[test]
fn a_path_is_found_by_its_own_name_only() {
    for path in Path::all() {
        assert_eq!(Path::named(path.name()).map(Path::name), Some(path.name()));
    }
    assert!(Path::named("avx").is_none());
    assert_eq!(Path::detect().name(), Path::all()[0].name());
}
