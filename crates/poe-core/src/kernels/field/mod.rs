//! BN254 field arithmetic, eight elements at once where the machine can, one at a time elsewhere.
//!
//! Memory always holds arkworks' own form: four 64-bit words of x·2^256 mod p. [`Lanes`] computes in radix 2^52, whose
//! Montgomery product is x·y·2^-260, so a product changes the form by 2^-4 unless one factor is in *wide form*
//! (x·2^260). That costs nothing in practice: an NTT keeps its data in arkworks' form and its twiddles in wide form, a
//! point addition folds the power of two into its inversion. [`Lanes::widen`] and [`Lanes::narrow`] convert.
//!
//! The scalar path is [`ark_ff::Fp`] itself, over the same memory.

mod gcd;
mod invert;
#[cfg(target_arch = "x86_64")]
mod lanes;
mod path;
#[cfg(all(test, target_arch = "x86_64"))]
mod tests;
#[cfg(target_arch = "x86_64")]
mod transpose;

pub use invert::inverse;
#[cfg(target_arch = "x86_64")]
pub use lanes::{FqLanes, FrLanes, LANES, Lanes};
pub use path::{Ifma, Path};
#[cfg(target_arch = "x86_64")]
pub use transpose::Rows;

/// The four 64-bit words of one field element in arkworks' Montgomery form, least significant first.
pub type Words = [u64; 4];
