//! Scalars as signed digits.

use ark_bn254::Fr;
use ark_ff::PrimeField;
use rayon::prelude::*;

use crate::kernels::stop::{Stop, Stopped};

/// Scalars that a thread recodes between two looks at the stop flag, a tenth of a millisecond.
const TASK_SCALARS: usize = 1 << 10;

/// The digits of many scalars: s = Σ digit[w]·2^(c·w) with -2^(c-1) ≤ digit < 2^(c-1).
pub struct Digits {
    window_bits: usize,
    windows: usize,
    digits: Vec<i16>,
    /// Windows of each scalar up to its last digit that is not zero: most witness values are bits.
    lengths: Vec<u8>,
}

/// Windows of c bits that the largest scalar needs; the sign takes a bit.
pub(super) fn windows(window_bits: usize) -> usize {
    (Fr::MODULUS_BIT_SIZE as usize + 1).div_ceil(window_bits)
}

impl Digits {
    /// Recodes scalars into windows of `window_bits`, 2 to 16, on the current rayon pool.
    pub fn new(scalars: &[Fr], window_bits: usize, stop: &Stop) -> Result<Self, Stopped> {
        assert!((2..=16).contains(&window_bits), "digits are 16 bits wide");
        let windows = windows(window_bits);
        let mut digits = vec![0; scalars.len() * windows];
        let mut lengths = vec![0; scalars.len()];
        let tasks = digits.par_chunks_mut(TASK_SCALARS * windows).zip(lengths.par_chunks_mut(TASK_SCALARS));
        tasks.zip(scalars.par_chunks(TASK_SCALARS)).try_for_each(|((digits, lengths), scalars)| {
            stop.check()?;
            for ((digits, length), scalar) in digits.chunks_mut(windows).zip(lengths).zip(scalars) {
                *length = recode(scalar, window_bits, digits);
            }
            Ok(())
        })?;
        Ok(Self { window_bits, windows, digits, lengths })
    }

    /// Bits in a digit.
    pub fn window_bits(&self) -> usize {
        self.window_bits
    }

    /// How many scalars.
    pub fn columns(&self) -> usize {
        self.lengths.len()
    }

    /// The digits of one scalar, lowest first, without zeros at the end.
    #[inline]
    pub(super) fn of(&self, column: usize) -> &[i16] {
        let first = column * self.windows;
        &self.digits[first..first + usize::from(self.lengths[column])]
    }
}

/// Writes the digits of one scalar over zeros; returns how many it took.
fn recode(scalar: &Fr, window_bits: usize, digits: &mut [i16]) -> u8 {
    let mut rest = scalar.into_bigint().0;
    let (mask, half) = ((1u64 << window_bits) - 1, 1u64 << (window_bits - 1));
    let (mut carry, mut length) = (0, 0);
    while rest != [0; 4] || carry != 0 {
        let value = (rest[0] & mask) + carry;
        carry = u64::from(value >= half);
        digits[length] = (value as i64 - (carry << window_bits) as i64) as i16;
        length += 1;
        for i in 0..4 {
            let above = if i < 3 { rest[i + 1] << (64 - window_bits) } else { 0 };
            rest[i] = rest[i] >> window_bits | above;
        }
    }
    length as u8
}
