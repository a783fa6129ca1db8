//! Batches of additions against arkworks, exceptional cases in every lane.

use ark_bn254::{Fr, g1, g2};
use ark_ec::short_weierstrass::{Affine, Projective};
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::UniformRand;
use ark_std::rand::{Rng, SeedableRng, rngs::StdRng};

use super::{Additions, Curve, add_all, add_each, double_each};
use crate::kernels::field::Path;

struct List<G: Curve> {
    left: Vec<G::Row>,
    right: Vec<G::Row>,
    negate: Vec<bool>,
    sums: Vec<Option<G::Row>>,
}

impl<G: Curve> Additions<G::Row> for List<G> {
    fn count(&self) -> usize {
        self.left.len()
    }
    fn operands(&self, k: usize) -> (&G::Row, &G::Row, bool) {
        (&self.left[k], &self.right[k], self.negate[k])
    }
    fn set(&mut self, k: usize, sum: &G::Row) {
        assert!(self.sums[k].replace(*sum).is_none(), "addition {k} was done twice");
    }
}

/// Few enough points that infinity, equal and opposite pairs are frequent.
fn points<G: Curve>(rng: &mut StdRng) -> Vec<Affine<G>> {
    let some: Vec<_> = (0..4).map(|_| Affine::from(G::GENERATOR * Fr::rand(rng))).collect();
    let opposite = some.iter().map(|point| -*point);
    some.iter().copied().chain(opposite).chain([Affine::zero()]).collect()
}

fn sums_match<G: Curve>() {
    let mut rng = StdRng::seed_from_u64(7);
    let points = points::<G>(&mut rng);
    for path in Path::all() {
        for count in (0..40).chain([255, 256, 1000]) {
            let mut pick = || (0..count).map(|_| points[rng.gen_range(0..points.len())]).collect::<Vec<_>>();
            let (a, b) = (pick(), pick());
            let negate: Vec<_> = (0..count).map(|k| k % 3 == 1).collect();
            let rows = |points: &[Affine<G>]| points.iter().map(G::row_of).collect();
            let mut list = List::<G> { left: rows(&a), right: rows(&b), negate, sums: vec![None; count] };
            add_all::<G>(path, &mut list);
            for k in 0..count {
                let b = if list.negate[k] { -b[k] } else { b[k] };
                let want = (a[k] + b).into_affine();
                assert_eq!(list.sums[k].map(|row| G::point_of(&row)), Some(want), "{} {k}", path.name());
            }
        }
    }
}

#[test]
fn sums_match_arkworks_in_g1() {
    sums_match::<g1::Config>();
}

#[test]
fn sums_match_arkworks_in_g2() {
    sums_match::<g2::Config>();
}

fn random_sums_match<G: Curve>() {
    let mut rng = StdRng::seed_from_u64(8);
    let mut random = || (0..600).map(|_| Projective::<G>::rand(&mut rng).into_affine()).collect::<Vec<_>>();
    let (a, b) = (random(), random());
    for path in Path::all() {
        let mut sums: Vec<_> = a.iter().map(G::row_of).collect();
        let addends: Vec<_> = b.iter().map(G::row_of).collect();
        add_each::<G>(path, &mut sums, &addends);
        for k in 0..sums.len() {
            assert_eq!(G::point_of(&sums[k]), (a[k] + b[k]).into_affine(), "{} {k}", path.name());
        }
    }
}

#[test]
fn random_sums_match_arkworks() {
    random_sums_match::<g1::Config>();
    random_sums_match::<g2::Config>();
}

fn doubles_match<G: Curve>() {
    let mut rng = StdRng::seed_from_u64(10);
    let mut points = points::<G>(&mut rng);
    points.extend((0..50).map(|_| Projective::<G>::rand(&mut rng).into_affine()));
    for path in Path::all() {
        for count in [0, 1, 7, 8, 9, points.len()] {
            let mut rows: Vec<_> = points[points.len() - count..].iter().map(G::row_of).collect();
            double_each::<G>(path, &mut rows);
            for (row, point) in rows.iter().zip(&points[points.len() - count..]) {
                assert_eq!(G::point_of(row), (*point + *point).into_affine(), "{}", path.name());
            }
        }
    }
}

#[test]
fn doubles_match_arkworks() {
    doubles_match::<g1::Config>();
    doubles_match::<g2::Config>();
}

#[test]
fn rows_keep_points_and_infinity() {
    let mut rng = StdRng::seed_from_u64(9);
    for point in points::<g2::Config>(&mut rng) {
        assert_eq!(g2::Config::point_of(&g2::Config::row_of(&point)), point);
    }
    for point in points::<g1::Config>(&mut rng) {
        assert_eq!(g1::Config::point_of(&g1::Config::row_of(&point)), point);
    }
}

#[test]
fn rows_that_are_no_points_cost_nothing_but_a_wrong_sum() {
    for path in Path::all() {
        let flat = super::Row([5, 0, 0, 0, 0, 0, 0, 0]);
        let large = super::Row([u64::MAX; 8]);
        let mut sums = [flat, large, flat, large];
        add_each::<g1::Config>(path, &mut sums, &[flat, flat, large, large]);
        double_each::<g1::Config>(path, &mut [flat, large]);
    }
}
