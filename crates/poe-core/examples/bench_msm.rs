//! Nanoseconds a point of the fixed-base multiplications, both paths and table sizes, beside arkworks'.
//!
//! `cargo run --release --example bench_msm -- --log2 16 [--runs 5] [--threads N]`

use std::time::Instant;

use ark_bn254::{Fr, g1, g2};
use ark_ec::short_weierstrass::{Affine, Projective};
use ark_ec::{CurveGroup, VariableBaseMSM};
use ark_ff::UniformRand;
use ark_std::rand::{Rng, SeedableRng, rngs::StdRng};
use poe_core::kernels::curve::Curve;
use poe_core::kernels::field::Path;
use poe_core::kernels::msm::{Digits, Options, Table, build, multiply};
use poe_core::kernels::stop::Stop;

fn main() {
    let option = |name: &str, default: usize| {
        let mut arguments = std::env::args().skip_while(|argument| argument != name).skip(1);
        arguments.next().map_or(default, |value| value.parse().expect("a number"))
    };
    let (log2, runs) = (option("--log2", 16), option("--runs", 5));
    let threads = option("--threads", rayon::current_num_threads());
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a thread pool");
    println!("2^{log2} points, {threads} threads, minimum and median of {runs} runs");
    pool.install(|| {
        group::<g1::Config>("G1", log2, runs);
        group::<g2::Config>("G2", log2, runs);
    });
}

/// Random points cheaply: sums along a walk of random steps.
fn points<G: Curve>(count: usize, rng: &mut StdRng) -> Vec<Affine<G>> {
    let steps: Vec<_> = (0..64).map(|_| Projective::<G>::rand(rng)).collect();
    let walk = (0..count).scan(Projective::<G>::rand(rng), |point, _| {
        *point += steps[rng.gen_range(0..steps.len())];
        Some(*point)
    });
    Projective::normalize_batch(&walk.collect::<Vec<_>>())
}

fn group<G: Curve>(name: &str, log2: usize, runs: usize) {
    let mut rng = StdRng::seed_from_u64(16);
    let count = 1 << log2;
    let bases = points::<G>(count, &mut rng);
    let random: Vec<_> = (0..count).map(|_| Fr::rand(&mut rng)).collect();
    // Three in four values of a circuit's witness are bits.
    let witness: Vec<_> = random
        .iter()
        .map(|s| if rng.gen_range(0..4) > 0 { Fr::from(rng.r#gen::<bool>()) } else { *s })
        .collect();
    for (kind, scalars) in [("random", &random), ("witness", &witness)] {
        let want = Projective::<G>::msm_unchecked(&bases, scalars);
        let arkworks = time(runs.min(3), || {
            let _ = std::hint::black_box(Projective::<G>::msm_unchecked(&bases, scalars));
        });
        report(&format!("{name} {kind} arkworks"), count, arkworks, arkworks);
        for (size, options) in [("full", Options::full(count)), ("small", Options::small(count))] {
            let started = Instant::now();
            let bytes = build(&bases, options, &Stop::new()).expect("not stopped");
            let table = Table::<G>::from_bytes(&bytes).expect("a table");
            let built = started.elapsed().as_secs_f64();
            for path in Path::all() {
                let mut got = None;
                let times = time(runs, || {
                    let stop = Stop::new();
                    let digits = Digits::new(scalars, table.window_bits(), &stop).ok();
                    got = digits.and_then(|digits| multiply(&table, &digits, path, &stop).ok());
                });
                assert_eq!(got, Some(want));
                report(&format!("{name} {kind} {} {size}", path.name()), count, times, arkworks);
            }
            let (megabytes, bits) = (bytes.len() as f64 / 1e6, options.window_bits);
            println!("    table {megabytes:.0} MB, {bits} bits a digit, built in {built:.1} s");
        }
    }
}

/// Seconds: the least and the median.
fn time(runs: usize, mut work: impl FnMut()) -> (f64, f64) {
    let mut times: Vec<_> = (0..runs.max(1))
        .map(|_| {
            let started = Instant::now();
            work();
            started.elapsed().as_secs_f64()
        })
        .collect();
    times.sort_by(f64::total_cmp);
    (times[0], times[times.len() / 2])
}

fn report(name: &str, count: usize, (least, median): (f64, f64), arkworks: (f64, f64)) {
    let nanoseconds = |seconds: f64| seconds * 1e9 / count as f64;
    let (low, middle, ratio) = (nanoseconds(least), nanoseconds(median), arkworks.0 / least);
    println!(
        "{name:30} {:8.1} ms {low:7.0} ns a point (median {middle:7.0}), {ratio:5.1} x arkworks",
        least * 1e3
    );
}
