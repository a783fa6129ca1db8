//! Inversion of one element, and of eight lanes by one inversion of their product.

use ark_ff::{AdditiveGroup, BigInt, Field, Fp, MontBackend, MontConfig};

use super::gcd;
#[cfg(target_arch = "x86_64")]
use super::{Ifma, LANES, Lanes};

/// 1/x; zero for zero. How long it takes depends on x.
pub fn inverse<C: MontConfig<4>>(x: Fp<MontBackend<C, 4>, 4>) -> Fp<MontBackend<C, 4>, 4> {
    // The words are x·2^256, their inverse is 2^-256/x; `new` multiplies by 2^256, and it takes two of them.
    let inverted = Fp::<MontBackend<C, 4>, 4>::new(BigInt(gcd::inverse(x.0.0, C::MODULUS.0, C::INV)));
    Fp::new(inverted.0)
}

#[cfg(target_arch = "x86_64")]
impl<C: MontConfig<4>> Lanes<C> {
    /// The inverse of eight values < 84p, wide form to wide form; bound p. Zero stays zero.
    ///
    /// Of x in arkworks' form it is the wide form of 16/x.
    ///
    /// # Safety
    /// The machine must have the instructions, which the token proves.
    #[target_feature(enable = "avx512f,avx512ifma,avx512vbmi2")]
    pub fn inverted(self, token: Ifma) -> Self {
        let mut elements = [Fp::ZERO; LANES];
        self.reduced().canonical().store_elements(token, &mut elements);
        // Wide x is 16x to arkworks, and wide 1/x is 16/x = 256/(16x).
        invert_times(&mut elements, Fp::from(256u64));
        Self::load_elements(token, &elements)
    }
}

/// Replaces every x by factor/x, zeros by zero: one inversion in all (Montgomery's trick).
#[cfg(target_arch = "x86_64")]
fn invert_times<C: MontConfig<4>>(
    elements: &mut [Fp<MontBackend<C, 4>, 4>; LANES],
    factor: Fp<MontBackend<C, 4>, 4>,
) {
    let mut product = Fp::ONE;
    let prefixes = elements.map(|element| {
        let prefix = product;
        if element != Fp::ZERO {
            product *= element;
        }
        prefix
    });
    let mut rest = inverse(product) * factor;
    for (element, prefix) in elements.iter_mut().zip(prefixes).rev() {
        if *element != Fp::ZERO {
            let inverted = rest * prefix;
            rest *= *element;
            *element = inverted;
        }
    }
}
