//! Inversion of eight elements at once by Fermat's little theorem: no branches, one chain of products.

use ark_ff::{Fp, MontBackend, MontConfig};

use super::{Ifma, Lanes};

const WINDOW_BITS: usize = 4;
const WINDOWS: usize = 256 / WINDOW_BITS;

impl<C: MontConfig<4>> Lanes<C> {
    /// p - 2 in windows of four bits, the lowest first.
    const EXPONENT: [u8; WINDOWS] = {
        let mut words = C::MODULUS.0;
        words[0] -= 2; // both moduli end in a digit above 2
        let mut digits = [0; WINDOWS];
        let mut i = 0;
        while i < WINDOWS {
            digits[i] = ((words[i * WINDOW_BITS / 64] >> (i * WINDOW_BITS % 64)) & 15) as u8;
            i += 1;
        }
        digits
    };

    /// The inverse of eight values < 9p, wide form to wide form; bound 2p. Zero stays zero.
    ///
    /// Of x in arkworks' form it is the wide form of 16/x.
    #[target_feature(enable = "avx512f,avx512ifma,avx512vbmi2")]
    pub fn inverted(self, token: Ifma) -> Self {
        let one = Self::splat_wide(token, Fp::<MontBackend<C, 4>, 4>::from(1u64));
        let mut powers = [one; 1 << WINDOW_BITS];
        for i in 1..powers.len() {
            powers[i] = powers[i - 1].mul(self);
        }
        let mut result = powers[Self::EXPONENT[WINDOWS - 1] as usize];
        for &digit in Self::EXPONENT[..WINDOWS - 1].iter().rev() {
            result = result.square().square().square().square();
            if digit != 0 {
                result = result.mul(powers[digit as usize]);
            }
        }
        result
    }
}
