//! Sums of many multiples (Pippenger's buckets) and multiples of the base point from a table.

use std::sync::LazyLock;

use ark_ff::BigInteger256;

use super::{Affine, BASE, Extended, Prepared};

/// Bits of a table window: 32 windows cover 256 bits.
const TABLE_BITS: usize = 8;
const TABLE_WINDOWS: usize = 256 / TABLE_BITS;
const TABLE_DIGITS: usize = (1 << TABLE_BITS) - 1;

/// `TABLE[w][d-1] = d · 2^(8w) · BASE` for the digits 1..=255.
static TABLE: LazyLock<Vec<Vec<Prepared>>> = LazyLock::new(|| {
    let mut power = Extended::from(&BASE);
    let windows = (0..TABLE_WINDOWS).map(|_| {
        let mut multiples = vec![power];
        for i in 1..TABLE_DIGITS {
            multiples.push(multiples[i - 1].add(&power));
        }
        power = multiples[TABLE_DIGITS - 1].add(&power);
        Extended::prepare_many(&multiples)
    });
    windows.collect()
});

/// `scalar · BASE` for any integer below 2^256: at most 32 additions, no doubling.
pub fn multiply_base(scalar: &BigInteger256) -> Extended {
    TABLE.iter().enumerate().fold(Extended::IDENTITY, |sum, (window, multiples)| {
        match scalar.0[window / 8] >> (TABLE_BITS * (window % 8)) & 0xff {
            0 => sum,
            digit => sum.add_prepared(&multiples[digit as usize - 1]),
        }
    })
}

/// Bits of a digit when one point is multiplied alone.
const SINGLE_BITS: usize = 5;

/// `scalar · point` for an integer below 2^255.
pub fn multiply(scalar: &BigInteger256, point: &Affine) -> Extended {
    let prepared = Prepared::from(point);
    let mut multiples = vec![Extended::from(point)];
    for i in 1..1 << (SINGLE_BITS - 1) {
        multiples.push(multiples[i - 1].add_prepared(&prepared));
    }
    let multiples = Extended::prepare_many(&multiples);
    let digits = signed_digits(scalar, SINGLE_BITS, 256usize.div_ceil(SINGLE_BITS));
    digits.iter().rev().fold(Extended::IDENTITY, |sum, &digit| {
        let shifted = (0..SINGLE_BITS).fold(sum, |sum, _| sum.double());
        add_signed(shifted, &multiples, digit)
    })
}

/// A point and the integer it is multiplied by.
pub type Term = (BigInteger256, Prepared);

/// `Σ scalar·point`, every scalar below `2^bits`, `bits` at most 255. Lists apart so that short scalars stay cheap.
pub fn multiply_sum(terms: &[Term], bits: usize) -> Extended {
    let width = digit_bits(terms.len());
    let windows = bits / width + 1; // the carry of the highest digit has room
    let digits: Vec<Vec<i32>> =
        terms.iter().map(|(scalar, _)| signed_digits(scalar, width, windows)).collect();
    (0..windows).rev().fold(Extended::IDENTITY, |sum, window| {
        let shifted = (0..width).fold(sum, |sum, _| sum.double());
        let in_window = digits.iter().map(|digits| digits[window]);
        shifted.add(&window_sum(terms, in_window, width))
    })
}

/// The width at which additions into buckets and those of the buckets together cost least.
fn digit_bits(terms: usize) -> usize {
    match terms {
        0..16 => 3,
        16..64 => 5,
        64..256 => 6,
        256..1024 => 8,
        _ => 9,
    }
}

/// `Σ digit·point` of one window: points into buckets by their digit, then a running sum over the buckets.
fn window_sum(terms: &[Term], digits: impl Iterator<Item = i32>, width: usize) -> Extended {
    let mut buckets = vec![Extended::IDENTITY; 1 << (width - 1)];
    for ((_, point), digit) in terms.iter().zip(digits) {
        match digit {
            0 => {}
            1.. => place(&mut buckets[digit as usize - 1], point),
            _ => place(&mut buckets[(-digit) as usize - 1], &point.negated()),
        }
    }
    let start = (Extended::IDENTITY, Extended::IDENTITY);
    let (_, sum) = buckets.iter().rev().fold(start, |(running, sum), bucket| {
        let running = running.add(bucket);
        (running, sum.add(&running))
    });
    sum
}

fn place(bucket: &mut Extended, point: &Prepared) {
    *bucket = bucket.add_prepared(point);
}

fn add_signed(sum: Extended, multiples: &[Prepared], digit: i32) -> Extended {
    match digit {
        0 => sum,
        1.. => sum.add_prepared(&multiples[digit as usize - 1]),
        _ => sum.add_prepared(&multiples[(-digit) as usize - 1].negated()),
    }
}

/// `scalar = Σ digit[i]·2^(width·i)` with digits in `(-2^(width-1), 2^(width-1)]`, lowest first.
fn signed_digits(scalar: &BigInteger256, width: usize, windows: usize) -> Vec<i32> {
    let half = 1i32 << (width - 1);
    let mut carry = 0;
    let digits = (0..windows).map(|window| {
        let digit = unsigned_digit(scalar, window * width, width) + carry;
        carry = i32::from(digit > half);
        digit - (carry << width)
    });
    digits.collect()
}

fn unsigned_digit(scalar: &BigInteger256, low: usize, width: usize) -> i32 {
    let (word, shift) = (low / 64, low % 64);
    let Some(&limb) = scalar.0.get(word) else { return 0 };
    let mut value = limb >> shift;
    if shift + width > 64 && word + 1 < scalar.0.len() {
        value |= scalar.0[word + 1] << (64 - shift);
    }
    (value & ((1 << width) - 1)) as i32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::babyjubjub::{Projective, subgroup_order, torsion_point};
    use ark_ff::{BigInteger, PrimeField};

    use crate::babyjubjub::Scalar;

    fn scalars(count: usize) -> impl Iterator<Item = BigInteger256> {
        let seed = Scalar::from(0x1234_5678_9abc_def1u64);
        std::iter::successors(Some(seed), move |s| Some(*s * s + seed)).map(|s| s.into_bigint()).take(count)
    }

    fn edges() -> [BigInteger256; 6] {
        let mut below = subgroup_order();
        below.sub_with_borrow(&BigInteger256::from(1u64));
        let all = BigInteger256::new([u64::MAX, u64::MAX, u64::MAX, u64::MAX >> 1]);
        [0u64, 1, 255, 256].map(BigInteger256::from).into_iter().chain([below, all]).collect::<Vec<_>>()[..]
            .try_into()
            .expect("six")
    }

    #[test]
    fn multiples_of_the_base_and_of_any_point_are_those_by_double_and_add() {
        let mixed = Projective::from(BASE).add(&torsion_point().into()).to_affine();
        for scalar in edges().into_iter().chain(scalars(20)) {
            let expected = Projective::from(BASE).multiply(&scalar).to_affine();
            assert_eq!(multiply_base(&scalar).to_affine(), expected);
            let expected = Projective::from(mixed).multiply(&scalar).to_affine();
            assert_eq!(multiply(&scalar, &mixed).to_affine(), expected);
        }
        let all = BigInteger256::new([u64::MAX; 4]);
        assert_eq!(multiply_base(&all).to_affine(), Projective::from(BASE).multiply(&all).to_affine());
    }

    #[test]
    fn sums_of_every_size_are_those_of_their_terms() {
        for count in [0, 1, 2, 15, 16, 63, 64, 255, 256, 1023, 1024, 1100] {
            let points = scalars(count).map(|s| multiply_base(&s)).collect::<Vec<_>>();
            let terms: Vec<Term> = scalars(count + 1).skip(1).zip(Extended::prepare_many(&points)).collect();
            let expected = terms
                .iter()
                .zip(scalars(count))
                .fold(Scalar::from(0u64), |sum, ((a, _), b)| sum + Scalar::from(*a) * Scalar::from(b));
            let sum = multiply_sum(&terms, 251);
            assert_eq!(sum.to_affine(), multiply_base(&expected.into_bigint()).to_affine(), "{count} terms");
        }
    }

    #[test]
    fn equal_opposite_and_neutral_points_add_up() {
        let point = Prepared::from(&BASE);
        let five = BigInteger256::from(5u64);
        let neutral = Extended::prepare_many(&[Extended::IDENTITY])[0];
        let sum = multiply_sum(&[(five, point), (five, point), (five, neutral)], 128);
        assert_eq!(sum.to_affine(), multiply_base(&BigInteger256::from(10u64)).to_affine());
        assert!(multiply_sum(&[(five, point), (five, point.negated())], 128).is_identity());
    }

    #[test]
    fn the_widest_scalar_of_a_bit_length_keeps_its_carry() {
        for bits in [3, 5, 8, 128, 251, 255] {
            let mut widest = BigInteger256::from(1u64) << bits as u32;
            widest.sub_with_borrow(&BigInteger256::from(1u64));
            let sum = multiply_sum(&[(widest, Prepared::from(&BASE))], bits);
            assert_eq!(sum.to_affine(), multiply_base(&widest).to_affine(), "{bits} bits");
        }
    }
}
