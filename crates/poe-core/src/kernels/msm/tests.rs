//! Multiplications against arkworks: sizes around powers of two, hostile scalars and points, every path and table.

#![allow(clippy::unwrap_used)]

use ark_bn254::{Fr, g1, g2};
use ark_ec::short_weierstrass::{Affine, Projective};
use ark_ec::{AffineRepr, CurveGroup, VariableBaseMSM};
use ark_ff::{AdditiveGroup, Field, One, UniformRand, Zero};
use ark_std::rand::{Rng, SeedableRng, rngs::StdRng};

use super::{Digits, Options, Table, TableBytes, TableError, build, build_on, multiply};
use crate::kernels::curve::Curve;
use crate::kernels::field::Path;
use crate::kernels::stop::{Stop, Stopped};

fn rng() -> StdRng {
    StdRng::seed_from_u64(2026)
}

fn random_points<G: Curve>(count: usize) -> Vec<Affine<G>> {
    let mut rng = rng();
    let points: Vec<_> = (0..count).map(|_| G::GENERATOR * Fr::from(rng.r#gen::<u128>())).collect();
    Projective::normalize_batch(&points)
}

fn random_scalars(count: usize) -> Vec<Fr> {
    let mut rng = rng();
    (0..count).map(|_| Fr::rand(&mut rng)).collect()
}

fn table_bytes<G: Curve>(bases: &[Affine<G>], options: Options) -> TableBytes {
    build::<G>(bases, options, &Stop::new()).unwrap()
}

fn recoded(scalars: &[Fr], window_bits: usize) -> Digits {
    Digits::new(scalars, window_bits, &Stop::new()).unwrap()
}

fn in_pool<R: Send>(threads: usize, work: impl FnOnce() -> R + Send) -> R {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(work)
}

/// Every path, table size and number of threads gives what arkworks gives.
fn check<G: Curve>(bases: &[Affine<G>], scalars: &[Fr], options: &[Options], what: &str) {
    let want = Projective::<G>::msm(bases, scalars).unwrap();
    for options in options {
        let bytes = table_bytes(bases, *options);
        let table = Table::<G>::from_bytes(&bytes).unwrap();
        let digits = recoded(scalars, table.window_bits());
        for path in Path::all() {
            for threads in [1, 2] {
                let got = in_pool(threads, || multiply(&table, &digits, path, &Stop::new()));
                let name = path.name();
                assert_eq!(
                    got,
                    Ok(want),
                    "{what}: {} bases, {name}, {options:?}, {threads} threads",
                    bases.len()
                );
            }
        }
    }
}

fn sizes(count: usize) -> [Options; 2] {
    [Options::full(count), Options::small(count)]
}

fn sizes_around<G: Curve>(logs: std::ops::RangeInclusive<u32>) {
    let most = (1 << logs.end()) + 1;
    let (bases, scalars) = (random_points::<G>(most), random_scalars(most));
    for log in logs {
        for count in [(1 << log) - 1, 1 << log, (1 << log) + 1] {
            check(&bases[..count], &scalars[..count], &sizes(count), "random");
        }
    }
}

#[test]
fn small_sizes_match_arkworks() {
    sizes_around::<g1::Config>(0..=7);
    sizes_around::<g2::Config>(0..=5);
}

#[test]
fn more_bases_than_a_worker_takes_at_once_match_arkworks() {
    let count = 3 * super::CHUNK + 1;
    check::<g1::Config>(&random_points(count), &random_scalars(count), &sizes(count), "random");
}

#[test]
#[ignore = "long"]
fn large_sizes_match_arkworks() {
    sizes_around::<g1::Config>(8..=16);
    sizes_around::<g2::Config>(6..=14);
}

/// Scalar vectors that put everything in one bucket, in few, at the digits' edges.
fn hostile_scalars(count: usize) -> Vec<(&'static str, Vec<Fr>)> {
    let mut rng = rng();
    let minus_one = -Fr::one();
    let two = Fr::from(2u64);
    let mut one_hot = vec![Fr::zero(); count];
    one_hot[count / 2] = Fr::rand(&mut rng);
    let equal = Fr::rand(&mut rng);
    vec![
        ("zeros", vec![Fr::zero(); count]),
        ("ones", vec![Fr::one(); count]),
        ("r - 1", vec![minus_one; count]),
        ("all equal", vec![equal; count]),
        ("one hot", one_hot),
        ("powers of two", (0..count as u64).map(|i| two.pow([i % 254])).collect()),
        ("minus powers of two", (0..count as u64).map(|i| -two.pow([i % 254])).collect()),
        ("bits", (0..count).map(|_| Fr::from(rng.r#gen::<bool>())).collect()),
        (
            "one and minus one",
            (0..count).map(|i| if i.is_multiple_of(2) { Fr::one() } else { minus_one }).collect(),
        ),
        ("short", (0..count).map(|_| Fr::from(rng.gen_range(0..1u64 << 20))).collect()),
        ("half of the lowest window", vec![Fr::from(1u64 << 15); count]),
        ("all digits low", vec![(Fr::from(u64::MAX).double() + Fr::one()).square(); count]),
    ]
}

/// Base vectors with infinity, the same point again and again, and opposites.
fn hostile_bases<G: Curve>(count: usize) -> Vec<(&'static str, Vec<Affine<G>>)> {
    let points = random_points::<G>(count);
    let opposite = |i: usize| if i.is_multiple_of(2) { points[i / 2] } else { -points[i / 2] };
    let sparse = |i: usize| if i.is_multiple_of(3) { points[i] } else { Affine::zero() };
    vec![
        ("infinity everywhere", vec![Affine::zero(); count]),
        ("one point", vec![points[0]; count]),
        ("two points", (0..count).map(|i| points[i % 2]).collect()),
        ("opposites", (0..count).map(opposite).collect()),
        ("mostly infinity", (0..count).map(sparse).collect()),
        ("multiples of two", doublings(points[0], count)),
        ("distinct", points),
    ]
}

fn doublings<G: Curve>(point: Affine<G>, count: usize) -> Vec<Affine<G>> {
    let next = |point: &Projective<G>| Some(point.double());
    let points: Vec<_> = std::iter::successors(Some(Projective::from(point)), next).take(count).collect();
    Projective::normalize_batch(&points)
}

fn hostile_matches<G: Curve>(count: usize, window_bits: usize) {
    let options = [1, 2].map(|stride| Options { window_bits, stride });
    for (of_bases, bases) in hostile_bases::<G>(count) {
        for (of_scalars, scalars) in hostile_scalars(count) {
            check(&bases, &scalars, &options, &format!("{of_scalars} on {of_bases}"));
        }
    }
}

#[test]
fn hostile_scalars_and_bases_match_arkworks_in_g1() {
    hostile_matches::<g1::Config>(150, 5);
}

#[test]
fn hostile_scalars_and_bases_match_arkworks_in_g2() {
    hostile_matches::<g2::Config>(67, 4);
}

#[test]
#[ignore = "long"]
fn hostile_scalars_and_bases_match_arkworks_in_full_batches() {
    hostile_matches::<g1::Config>(1 << 13, 13);
    hostile_matches::<g2::Config>(1 << 11, 11);
}

#[test]
fn every_window_width_matches_arkworks() {
    let (bases, scalars) = (random_points::<g1::Config>(9), random_scalars(9));
    for window_bits in 2..=16 {
        let options = [1, 2, 3, 16].map(|stride| Options { window_bits, stride });
        check(&bases, &scalars, &options, "window");
    }
}

#[test]
fn digits_are_signed_and_add_up_to_their_scalar() {
    let mut scalars: Vec<_> = hostile_scalars(40).into_iter().flat_map(|(_, scalars)| scalars).collect();
    scalars.extend(random_scalars(40));
    for window_bits in 2..=16 {
        let digits = recoded(&scalars, window_bits);
        let base = Fr::from(1u64 << window_bits);
        for (column, scalar) in scalars.iter().enumerate() {
            let half = 1i64 << (window_bits - 1);
            assert!(digits.of(column).iter().all(|digit| (-half..half).contains(&i64::from(*digit))));
            let sum =
                digits.of(column).iter().rev().fold(Fr::zero(), |sum, digit| sum * base + Fr::from(*digit));
            assert_eq!(sum, *scalar);
        }
    }
}

#[test]
fn a_set_flag_stops_building_recoding_and_multiplying() {
    let bases = random_points::<g1::Config>(50);
    let bytes = table_bytes(&bases, Options::full(50));
    let table = Table::<g1::Config>::from_bytes(&bytes).unwrap();
    let digits = recoded(&random_scalars(50), table.window_bits());
    let stop = Stop::new();
    stop.set();
    for path in Path::all() {
        assert_eq!(multiply(&table, &digits, path, &stop), Err(Stopped));
    }
    assert!(build(&bases, Options::full(50), &stop).is_err());
    assert!(Digits::new(&random_scalars(50), 5, &stop).is_err());
}

#[test]
fn a_stopped_multiplication_leaves_table_and_digits_usable() {
    let (bases, scalars) = (random_points::<g1::Config>(50), random_scalars(50));
    let bytes = table_bytes(&bases, Options::full(50));
    let table = Table::from_bytes(&bytes).unwrap();
    let digits = recoded(&scalars, table.window_bits());
    let stop = Stop::new();
    stop.set();
    assert_eq!(multiply(&table, &digits, Path::detect(), &stop), Err(Stopped));
    let want = Projective::<g1::Config>::msm(&bases, &scalars).unwrap();
    assert_eq!(multiply(&table, &digits, Path::detect(), &Stop::new()), Ok(want));
}

#[test]
fn a_table_takes_the_memory_its_options_say_and_small_takes_half() {
    let bases = hostile_bases::<g1::Config>(200).remove(4).1;
    let finite = bases.iter().filter(|base| !base.is_zero()).count();
    let [full, small] = [1, 2].map(|stride| Options { window_bits: 8, stride });
    let bytes = table_bytes(&bases, full);
    assert_eq!(bytes.len(), full.size_bytes::<g1::Config>(200, finite));
    let half = small.size_bytes::<g1::Config>(200, finite);
    assert!(half < bytes.len() * 53 / 100, "{half} of {}", bytes.len());
    let table = Table::<g1::Config>::from_bytes(&bytes).unwrap();
    assert_eq!((table.column_count(), table.base_count()), (200, finite));
}

#[test]
fn tables_of_a_quarter_of_a_million_constraints_fit_their_memory() {
    let bases = 1 << 18;
    let bytes = |options: Options| {
        3 * options.size_bytes::<g1::Config>(bases, bases) + options.size_bytes::<g2::Config>(bases, bases)
    };
    assert!(bytes(Options::full(bases)) <= 2_200_000_000);
    assert!(bytes(Options::small(bases)) <= 800_000_000);
}

#[test]
fn a_table_has_the_same_bytes_on_every_path() {
    let bases = hostile_bases::<g2::Config>(20).remove(4).1;
    for options in sizes(20) {
        let tables =
            Path::all().into_iter().map(|path| build_on(path, &bases, options, &Stop::new()).unwrap());
        let tables: Vec<_> = tables.collect();
        assert!(tables.iter().all(|bytes| bytes[..] == tables[0][..]));
    }
}

/// The error of a table with one 32-bit word changed.
fn error_with(word: usize, value: u32) -> Option<TableError> {
    let mut bases = random_points::<g1::Config>(3);
    bases.insert(1, Affine::zero());
    let mut bytes = table_bytes(&bases, Options { window_bits: 8, stride: 1 });
    bytes.bytes_mut()[4 * word..4 * word + 4].copy_from_slice(&value.to_le_bytes());
    Table::<g1::Config>::from_bytes(&bytes).err()
}

#[test]
fn bytes_that_are_no_table_are_refused() {
    assert_eq!(error_with(4, 8), None);
    for (word, value) in
        [(0, 1), (2, 2), (4, 1), (4, 17), (5, 1), (6, 0), (6, 17), (8, 2), (9, 1), (12, 1), (15, 1)]
    {
        assert_eq!(error_with(word, value), Some(TableError::Header), "word {word} = {value}");
    }
    for (word, value) in [(4, 9), (6, 2), (10, 2)] {
        assert!(matches!(error_with(word, value), Some(TableError::Length { .. })), "word {word} = {value}");
    }
    assert_eq!(error_with(16, 4), Some(TableError::Column(0)));
    assert_eq!(error_with(17, 0), Some(TableError::Column(1)));
    assert_eq!(error_with(18, 2), Some(TableError::Column(2)));
    assert_eq!(error_with(10, u32::MAX), Some(TableError::Header));
}

#[test]
fn a_table_must_be_whole_aligned_and_of_its_group() {
    let bytes = table_bytes(&random_points::<g1::Config>(3), Options::full(3));
    assert_eq!(Table::<g1::Config>::from_bytes(&bytes[1..]).err(), Some(TableError::Unaligned));
    assert_eq!(Table::<g2::Config>::from_bytes(&bytes).err(), Some(TableError::Header));
    assert_eq!(Table::<g1::Config>::from_bytes(&bytes[..40]).err(), Some(TableError::Header));
    let (want, got) = (bytes.len(), bytes.len() - 64);
    assert_eq!(Table::<g1::Config>::from_bytes(&bytes[..got]).err(), Some(TableError::Length { want, got }));
}

#[test]
#[should_panic(expected = "another table")]
fn digits_of_another_width_are_a_bug() {
    let bytes = table_bytes(&random_points::<g1::Config>(3), Options { window_bits: 4, stride: 1 });
    let table = Table::<g1::Config>::from_bytes(&bytes).unwrap();
    let _ = multiply(&table, &recoded(&random_scalars(3), 5), Path::Scalar, &Stop::new());
}
