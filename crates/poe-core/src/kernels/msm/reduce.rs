//! From bucket sums to the result: Σ over windows kept apart of 2^(c·s) · Σ over buckets of d·B(d).

use ark_ec::short_weierstrass::Projective;
use ark_ff::{AdditiveGroup, Zero};
use rayon::prelude::*;

use crate::kernels::curve::{Curve, add_each};
use crate::kernels::field::Path;
use crate::kernels::stop::{Stop, Stopped};

/// Rows that a batch is made for, and points from which batches pay.
const BLOCK: usize = 1 << 10;
const FEW: usize = 64;
/// Buckets in a segment, which are added one after another.
const SEGMENT: usize = 16;

/// The result of a multiplication from its workers' buckets, as many windows' as fit (none from an idle worker).
pub(super) fn total<G: Curve>(
    path: Path,
    workers: Vec<Vec<G::Row>>,
    window_bits: usize,
    stop: &Stop,
) -> Result<Projective<G>, Stopped> {
    let buckets = merge::<G>(path, workers, stop)?;
    let windows = buckets.chunks(1 << (window_bits - 1));
    let sums = windows.map(|window| weighted_sum::<G>(path, window, stop)).collect::<Result<Vec<_>, _>>()?;
    Ok(sums
        .into_iter()
        .rev()
        .fold(Projective::zero(), |total, sum| (0..window_bits).fold(total, |point, _| point.double()) + sum))
}

/// Adds the buckets of all workers to the first one's.
fn merge<G: Curve>(path: Path, workers: Vec<Vec<G::Row>>, stop: &Stop) -> Result<Vec<G::Row>, Stopped> {
    let mut busy = workers.into_iter().filter(|sums| !sums.is_empty());
    let Some(mut total) = busy.next() else { return Ok(Vec::new()) };
    for sums in busy {
        total.par_chunks_mut(BLOCK).zip(sums.par_chunks(BLOCK)).try_for_each(|(total, sums)| {
            stop.check()?;
            add_each::<G>(path, total, sums);
            Ok(())
        })?;
    }
    Ok(total)
}

/// Σ (k + 1)·points[k].
fn weighted_sum<G: Curve>(path: Path, points: &[G::Row], stop: &Stop) -> Result<Projective<G>, Stopped> {
    let used = points.iter().rposition(|row| *row != G::INFINITY).map_or(0, |last| last + 1);
    let points = &points[..used];
    if points.len() <= FEW {
        return Ok(weighted_sum_of_few::<G>(points));
    }
    // Segment s holds points s·L …, so its point j weighs s·L + j + 1: L·s times its plain sum, plus its own weighted one.
    let segments: Vec<_> = points.chunks(BLOCK / 2 * SEGMENT).collect();
    let sums = segments
        .into_par_iter()
        .map(|points| segment_sums::<G>(path, points, stop))
        .collect::<Result<Vec<_>, Stopped>>()?;
    let (plain, weighted): (Vec<_>, Vec<_>) = sums.into_iter().unzip();
    let plain = plain.concat();
    let above = weighted_sum::<G>(path, &plain[1..], stop)?;
    let own = weighted.into_iter().map(|sums| sum::<G>(path, sums)).sum::<Projective<G>>();
    Ok((0..SEGMENT.ilog2()).fold(above, |point, _| point.double()) + own)
}

/// Plain and weighted sums of segments.
type SegmentSums<R> = (Vec<R>, Vec<R>);

/// For each segment its plain and its weighted sum, all segments in step.
fn segment_sums<G: Curve>(
    path: Path,
    points: &[G::Row],
    stop: &Stop,
) -> Result<SegmentSums<G::Row>, Stopped> {
    let count = points.len().div_ceil(SEGMENT);
    // The running sums, then the sums of running sums, which lag a step behind: one batch does both.
    let mut sums = vec![G::INFINITY; 2 * count];
    let mut addends = vec![G::INFINITY; 2 * count];
    for j in (0..SEGMENT).rev() {
        stop.check()?;
        let (terms, running) = addends.split_at_mut(count);
        for (s, term) in terms.iter_mut().enumerate() {
            *term = *points.get(s * SEGMENT + j).unwrap_or(&G::INFINITY);
        }
        running.copy_from_slice(&sums[..count]);
        add_each::<G>(path, &mut sums, &addends);
    }
    let mut weighted = sums.split_off(count);
    add_each::<G>(path, &mut weighted, &sums);
    Ok((sums, weighted))
}

/// Σ points[k].
fn sum<G: Curve>(path: Path, mut points: Vec<G::Row>) -> Projective<G> {
    while points.len() > FEW {
        let tail = points.split_off(points.len().div_ceil(2));
        add_each::<G>(path, &mut points, &tail);
    }
    points.iter().fold(Projective::zero(), |sum, row| sum + G::point_of(row))
}

fn weighted_sum_of_few<G: Curve>(points: &[G::Row]) -> Projective<G> {
    let (mut running, mut total) = (Projective::<G>::zero(), Projective::zero());
    for row in points.iter().rev() {
        running += G::point_of(row);
        total += running;
    }
    total
}
