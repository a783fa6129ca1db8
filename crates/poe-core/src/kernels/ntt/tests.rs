//! Both paths against arkworks's domain, at every size that the field of a prover meets.

#![allow(clippy::unwrap_used)]

use ark_ff::{AdditiveGroup, FftField, Field, UniformRand};
use ark_poly::{EvaluationDomain, Radix2EvaluationDomain};
use ark_std::rand::{SeedableRng, rngs::StdRng};

use super::Transform;
use crate::{
    field::Fr,
    kernels::{
        field::Path,
        stop::{Stop, Stopped},
    },
};

fn random(size: usize, seed: u64) -> Vec<Fr> {
    let mut rng = StdRng::seed_from_u64(seed);
    (0..size).map(|_| Fr::rand(&mut rng)).collect()
}

/// `A·B − C` at the odd points by arkworks.
fn expected(a: &[Fr], b: &[Fr]) -> Vec<Fr> {
    let even = Radix2EvaluationDomain::<Fr>::new(a.len()).unwrap();
    let odd = even.get_coset(Fr::get_root_of_unity(2 * a.len() as u64).unwrap()).unwrap();
    let c: Vec<Fr> = a.iter().zip(b).map(|(a, b)| *a * b).collect();
    let [a, b, c] = [a, b, &c].map(|values| odd.fft(&even.ifft(values)));
    (0..a.len()).map(|i| a[i] * b[i] - c[i]).collect()
}

fn check(a: &[Fr], b: &[Fr]) {
    let wanted = expected(a, b);
    for path in Path::all() {
        let transform = Transform::new(a.len(), path).unwrap();
        assert_eq!(transform.size(), a.len());
        let got = transform.quotient(a.to_vec(), b.to_vec(), &Stop::new()).unwrap();
        assert!(got == wanted, "{} points on the {} path", a.len(), path.name());
    }
}

#[test]
fn quotients_are_arkworks_at_every_size() {
    for log_size in 0..=15 {
        check(&random(1 << log_size, log_size), &random(1 << log_size, 100 + log_size));
    }
}

#[test]
#[ignore = "long"]
fn quotients_are_arkworks_at_large_sizes() {
    for log_size in 16..=19 {
        check(&random(1 << log_size, log_size), &random(1 << log_size, 100 + log_size));
    }
}

#[test]
fn quotients_of_extreme_values_are_arkworks() {
    let size = 1 << 10;
    let largest = -Fr::ONE;
    let mut single = vec![Fr::ZERO; size];
    single[777] = largest;
    let alternating: Vec<Fr> = (0..size).map(|i| if i % 2 == 0 { largest } else { Fr::ONE }).collect();
    let near_zero: Vec<Fr> = (0..size as u64).map(|i| -Fr::from(i)).collect();
    let extremes =
        [vec![Fr::ZERO; size], vec![Fr::ONE; size], vec![largest; size], single, alternating, near_zero];
    for (i, a) in extremes.iter().enumerate() {
        for b in &extremes[..=i] {
            check(a, b);
        }
    }
}

#[test]
fn threads_do_not_change_a_quotient() {
    let (a, b) = (random(1 << 14, 1), random(1 << 14, 2));
    for path in Path::all() {
        let transform = Transform::new(a.len(), path).unwrap();
        let on = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| transform.quotient(a.clone(), b.clone(), &Stop::new()).unwrap())
        };
        assert!(on(1) == on(5), "{}", path.name());
    }
}

#[test]
fn a_set_flag_stops_a_quotient() {
    let stop = Stop::new();
    stop.set();
    for path in Path::all() {
        let transform = Transform::new(1 << 12, path).unwrap();
        let stopped = transform.quotient(random(1 << 12, 1), random(1 << 12, 2), &stop);
        assert_eq!(stopped, Err(Stopped));
    }
}

#[test]
fn sizes_beyond_the_roots_and_between_powers_of_two_do_not_exist() {
    assert!(Transform::new(0, Path::Scalar).is_none());
    assert!(Transform::new(12, Path::Scalar).is_none());
    assert!(Transform::new(1 << 28, Path::Scalar).is_none());
}
