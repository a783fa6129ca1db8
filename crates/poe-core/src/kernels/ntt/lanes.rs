//! The quotient on eight elements at once.

use ark_ff::AdditiveGroup;
use rayon::join;

use super::{
    TASK_ELEMENTS, Transform,
    ifma::{Group, merge_group, read_group, split_group, transposed},
    layers::move_to_odd_points,
};
use crate::{
    field::Fr,
    kernels::{
        field::{FrLanes, Ifma, LANES},
        stop::{Stop, Stopped},
    },
};

/// Vectors of A, B, C.
type Three<'a> = [&'a mut [FrLanes]; 3];
/// The eight parts of the result that a range of groups writes to.
type Eighths<'a> = [&'a mut [Fr]; LANES];

/// As [`Transform::quotient`]. With values in arkworks' form, x·2^256, the form of `A·B` and, as C is made by the same
/// product, of C is x·2^252; `leave` brings both back.
pub fn quotient(
    token: Ifma,
    transform: &Transform,
    a: &[Fr],
    b: &[Fr],
    stop: &Stop,
) -> Result<Vec<Fr>, Stopped> {
    let vectors = transform.size() / LANES;
    let zeros = || stop.check().map(|()| vec![FrLanes::zero(token); vectors]);
    let mut moved = [zeros()?, zeros()?, zeros()?];
    let task = Task { token, transform, stop };
    task.enter((a, b), moved.each_mut().map(Vec::as_mut_slice), 0);
    stop.check()?;
    let [a, b, c] = moved.each_mut();
    let go = |values: &mut [FrLanes]| move_to_odd_points(token, values, &transform.roots, stop);
    join(|| go(a), || join(|| go(b), || go(c)));
    stop.check()?;
    let mut out = vec![Fr::ZERO; transform.size()];
    let mut rest = out.as_mut_slice();
    let eighths = [(); LANES].map(|()| rest.split_off_mut(..vectors).unwrap_or_default());
    task.leave(moved.each_ref().map(Vec::as_slice), eighths, 0);
    stop.check()?;
    Ok(out)
}

/// What both outer passes go by. They halve their range down to tasks, and leave off once the flag is set.
#[derive(Clone, Copy)]
struct Task<'a> {
    token: Ifma,
    transform: &'a Transform,
    stop: &'a Stop,
}

impl Task<'_> {
    /// The outermost layers down; C is the product on the way. `from` is the position of the first vector.
    fn enter(self, values: (&[Fr], &[Fr]), [a, b, c]: Three, from: usize) {
        if self.stop.is_set() {
            return;
        }
        if a.len() * LANES <= TASK_ELEMENTS {
            // SAFETY: the token proves that the instructions exist.
            #[allow(unsafe_code)]
            return unsafe { enter_task(self.token, values, &self.transform.roots.down, [a, b, c], from) };
        }
        let middle = a.len() / 2;
        let [(a, d), (b, e), (c, f)] = [a, b, c].map(|vectors| vectors.split_at_mut(middle));
        join(|| self.enter(values, [a, b, c], from), || self.enter(values, [d, e, f], from + middle));
    }

    /// The outermost layers up and `A·B − C`; `from` is where the eighths start in the whole ones.
    fn leave(self, moved: [&[FrLanes]; 3], out: Eighths, from: usize) {
        if self.stop.is_set() {
            return;
        }
        let length = out[0].len();
        if length * LANES <= TASK_ELEMENTS {
            // SAFETY: the token proves that the instructions exist.
            #[allow(unsafe_code)]
            return unsafe { leave_task(self.token, self.transform, moved, out, from) };
        }
        let mut later = Vec::with_capacity(LANES);
        let sooner = out.map(|eighth| {
            let (sooner, rest) = eighth.split_at_mut(length / 2);
            later.push(rest);
            sooner
        });
        let mut later = later.into_iter();
        let later = [(); LANES].map(|()| later.next().unwrap_or_default());
        join(|| self.leave(moved, sooner, from), || self.leave(moved, later, from + length / 2));
    }
}

#[target_feature(enable = "avx512f,avx512ifma,avx512vbmi2")]
fn enter_task(token: Ifma, (left, right): (&[Fr], &[Fr]), roots: &[Fr], [a, b, c]: Three, from: usize) {
    for at in (0..a.len()).step_by(LANES) {
        let [left, right] = [left, right].map(|values| read_group(token, values, from + at));
        let product: Group = std::array::from_fn(|l| left[l].mul(right[l]));
        for (values, out) in [left, right, product].into_iter().zip([&mut *a, b, c]) {
            let group = split_group(token, values, roots, from + at);
            out[at..at + LANES].copy_from_slice(&transposed(token, group));
        }
    }
}

#[target_feature(enable = "avx512f,avx512ifma,avx512vbmi2")]
fn leave_task(token: Ifma, transform: &Transform, moved: [&[FrLanes]; 3], out: Eighths, from: usize) {
    // Each factor undoes the transforms' size. In wide form its product keeps a form; four bits more bring it to 2^256.
    let scale = transform.inverse_size;
    let form = Fr::from(16u64);
    let [product_factor, factor] =
        [scale * scale, scale].map(|scale| FrLanes::splat_wide(token, scale * form));
    for at in (0..out[0].len()).step_by(LANES) {
        let [a, b, c] = moved.map(|vectors| {
            let group: Group = std::array::from_fn(|k| vectors[from + at + k].reduced());
            merge_group(token, transposed(token, group), &transform.roots.up, from + at)
        });
        for l in 0..LANES {
            let product = a[l].mul(b[l]).mul(product_factor);
            let value = product.sub::<2>(c[l].mul(factor)).reduced().canonical();
            if let Some(eight) = out[l][at..].first_chunk_mut::<LANES>() {
                value.store_elements(token, eight);
            }
        }
    }
}
