//! Eight field elements in five vectors of 52-bit limbs: AVX-512 IFMA Montgomery arithmetic, R = 2^260.
//!
//! Every value is a non-negative integer congruent to its element, kept below a small multiple of p that the caller
//! tracks: "< 3p" below is such a bound. Limbs are always normalised (52 bits, the top one holds what is left).
//! Since 2^260 > 84p for both BN254 moduli, a product of values below αp and βp is < 2p whenever αβ ≤ 84
//! (αβp²/2^260 + p). Nothing here branches on values, and nothing is reduced unless asked.
//!
//! A `Lanes` can be made only with an [`Ifma`] token, so its methods are safe to call. They are all `inline(always)`:
//! call them from a function with `#[target_feature(enable = "avx512f,avx512ifma,avx512vbmi2")]`, else they are slow.

#![allow(unsafe_code)] // intrinsics; sound because every value proves the instructions exist

use std::arch::x86_64::*;
use std::marker::PhantomData;

use ark_bn254::{FqConfig, FrConfig};
use ark_ff::{BigInt, Fp, MontBackend, MontConfig};

use super::transpose::{Rows, load_words, store_words};
use super::{Ifma, Words};

/// Elements in a [`Lanes`].
pub const LANES: usize = 8;
const LIMB_BITS: usize = 52;
const LIMB_MASK: u64 = (1 << LIMB_BITS) - 1;
/// floor(2^260 / p) for both BN254 moduli, checked below.
const R_OVER_P: u64 = 84;

/// Eight elements of the BN254 base field.
pub type FqLanes = Lanes<FqConfig>;
/// Eight elements of the BN254 scalar field.
pub type FrLanes = Lanes<FrConfig>;

/// Eight elements modulo `C::MODULUS`, limb `i` of all of them in `limbs[i]`.
pub struct Lanes<C> {
    pub(super) limbs: [__m512i; 5],
    modulus: PhantomData<C>,
}

impl<C> Clone for Lanes<C> {
    #[inline(always)]
    fn clone(&self) -> Self {
        *self
    }
}

impl<C> Copy for Lanes<C> {}

#[inline(always)]
const fn split(words: Words) -> [u64; 5] {
    let [a, b, c, d] = words;
    [
        a & LIMB_MASK,
        ((a >> 52) | (b << 12)) & LIMB_MASK,
        ((b >> 40) | (c << 24)) & LIMB_MASK,
        ((c >> 28) | (d << 36)) & LIMB_MASK,
        d >> 16,
    ]
}

/// The limbs of k·p, unnormalised.
const fn times(limbs: [u64; 5], k: u64) -> [u64; 5] {
    let [a, b, c, d, e] = limbs;
    [k * a, k * b, k * c, k * d, k * e]
}

/// The limbs of 2^260 - p.
const fn complement(limbs: [u64; 5]) -> [u64; 5] {
    let [a, b, c, d, e] = limbs;
    // p is odd, so the lowest limb of the complement never carries.
    [LIMB_MASK + 1 - a, LIMB_MASK - b, LIMB_MASK - c, LIMB_MASK - d, LIMB_MASK - e]
}

#[allow(clippy::should_implement_trait)] // operators would hide the bounds, and `sub` takes one
impl<C: MontConfig<4>> Lanes<C> {
    const P: [u64; 5] = split(C::MODULUS.0);
    const MINUS_P: [u64; 5] = complement(Self::P);
    /// -1/p mod 2^52; arkworks has it mod 2^64.
    const NEGATED_INVERSE: u64 = C::INV & LIMB_MASK;
    /// The bounds rest on 84p < 2^260 < 85p; the top limbs decide.
    const CHECKED: () = {
        assert!((Self::P[4] + 1) * R_OVER_P < 1 << LIMB_BITS);
        assert!(Self::P[4] * (R_OVER_P + 1) > 1 << LIMB_BITS);
    };

    /// Eight times the integer `words`, in whatever form it is.
    #[inline(always)]
    pub fn splat(_: Ifma, words: Words) -> Self {
        // SAFETY: the token proves AVX-512.
        Self::from_limbs(split(words).map(|limb| unsafe { _mm512_set1_epi64(limb as i64) }))
    }

    /// The element in every lane, in arkworks' form.
    #[inline(always)]
    pub fn splat_element(token: Ifma, element: Fp<MontBackend<C, 4>, 4>) -> Self {
        Self::splat(token, element.0.0)
    }

    /// The element in every lane, in wide form (x·2^260): for factors that must not change the other's form.
    #[inline(always)]
    pub fn splat_wide(token: Ifma, element: Fp<MontBackend<C, 4>, 4>) -> Self {
        Self::splat_element(token, element * Fp::from(16u64))
    }

    /// One in arkworks' form in every lane.
    #[inline(always)]
    pub fn one(token: Ifma) -> Self {
        Self::splat(token, C::R.0)
    }

    /// One in wide form (2^260 mod p) in every lane.
    #[inline(always)]
    pub fn one_wide(token: Ifma) -> Self {
        Self::splat(token, const { Fp::<MontBackend<C, 4>, 4>::new(BigInt([16, 0, 0, 0])).0.0 })
    }

    /// Zero in every lane.
    #[inline(always)]
    pub fn zero(token: Ifma) -> Self {
        Self::splat(token, [0; 4])
    }

    /// Loads eight elements, form unchanged: the value of each lane is the integer of its words.
    #[inline(always)]
    pub fn load(token: Ifma, elements: [&Words; 8]) -> Self {
        Self::unpack(load_words(token, elements))
    }

    /// Stores eight values, form unchanged. Values must be below 2^256 (5p).
    #[inline(always)]
    pub fn store(self, token: Ifma, elements: [&mut Words; 8]) {
        store_words(token, self.pack(), elements);
    }

    /// Loads eight arkworks elements.
    #[inline(always)]
    pub fn load_elements(token: Ifma, elements: &[Fp<MontBackend<C, 4>, 4>; 8]) -> Self {
        let [a, b, c, d, e, f, g, h] = elements;
        Self::load(token, [&a.0.0, &b.0.0, &c.0.0, &d.0.0, &e.0.0, &f.0.0, &g.0.0, &h.0.0])
    }

    /// Stores eight arkworks elements. Values must be canonical (< p): see [`Lanes::canonical`].
    #[inline(always)]
    pub fn store_elements(self, token: Ifma, elements: &mut [Fp<MontBackend<C, 4>, 4>; 8]) {
        let [a, b, c, d, e, f, g, h] = elements;
        let words =
            [&mut a.0.0, &mut b.0.0, &mut c.0.0, &mut d.0.0, &mut e.0.0, &mut f.0.0, &mut g.0.0, &mut h.0.0];
        self.store(token, words);
    }

    /// Two values a record: words 0 to 3 and words 4 to 7 of the transposed rows.
    #[inline(always)]
    pub fn pair_from_rows(rows: Rows) -> (Self, Self) {
        let [a, b, c, d, e, f, g, h] = rows.0;
        (Self::unpack([a, b, c, d]), Self::unpack([e, f, g, h]))
    }

    /// The inverse of [`Lanes::pair_from_rows`]; both values must be below 2^256 (5p).
    #[inline(always)]
    pub fn pair_into_rows(first: Self, second: Self) -> Rows {
        let [a, b, c, d] = first.pack();
        let [e, f, g, h] = second.pack();
        Rows([a, b, c, d, e, f, g, h])
    }

    /// Montgomery product x·y·2^-260, < 2p if the product of the bounds is at most 84.
    #[inline(always)]
    pub fn mul(self, other: Self) -> Self {
        const { Self::CHECKED };
        let (a, b) = (self.limbs, other.limbs);
        // SAFETY: a `Lanes` exists only with the token, which proves AVX-512 IFMA.
        unsafe {
            let zero = _mm512_setzero_si512();
            let inverse = _mm512_set1_epi64(Self::NEGATED_INVERSE as i64);
            let p = Self::vectors(Self::P);
            let mut t = [zero; 6];
            for &digit in &b {
                t[0] = _mm512_madd52lo_epu64(t[0], a[0], digit);
                let quotient = _mm512_madd52lo_epu64(zero, t[0], inverse);
                for j in 1..5 {
                    t[j] = _mm512_madd52lo_epu64(t[j], a[j], digit);
                }
                for j in 0..5 {
                    t[j + 1] = _mm512_madd52hi_epu64(t[j + 1], a[j], digit);
                }
                for j in 0..5 {
                    t[j] = _mm512_madd52lo_epu64(t[j], quotient, p[j]);
                }
                for j in 0..5 {
                    t[j + 1] = _mm512_madd52hi_epu64(t[j + 1], quotient, p[j]);
                }
                // The low 52 bits of t[0] are zero now: shift by a limb.
                let carry = _mm512_srli_epi64::<52>(t[0]);
                t = [_mm512_add_epi64(t[1], carry), t[2], t[3], t[4], t[5], zero];
            }
            Self::from_limbs([t[0], t[1], t[2], t[3], t[4]]).normalised()
        }
    }

    /// a·b + c·d times 2^-260 with one reduction, < 2p if the products of the bounds add up to at most 84.
    #[inline(always)]
    pub fn sum_of_products(a: Self, b: Self, c: Self, d: Self) -> Self {
        let (a, b, c, d) = (a.limbs, b.limbs, c.limbs, d.limbs);
        // SAFETY: as in `mul`.
        unsafe {
            let zero = _mm512_setzero_si512();
            let inverse = _mm512_set1_epi64(Self::NEGATED_INVERSE as i64);
            let p = Self::vectors(Self::P);
            let mut t = [zero; 6];
            for i in 0..5 {
                for j in 0..5 {
                    t[j] = _mm512_madd52lo_epu64(t[j], a[j], b[i]);
                    t[j] = _mm512_madd52lo_epu64(t[j], c[j], d[i]);
                }
                let quotient = _mm512_madd52lo_epu64(zero, t[0], inverse);
                for j in 0..5 {
                    t[j + 1] = _mm512_madd52hi_epu64(t[j + 1], a[j], b[i]);
                    t[j + 1] = _mm512_madd52hi_epu64(t[j + 1], c[j], d[i]);
                }
                for j in 0..5 {
                    t[j] = _mm512_madd52lo_epu64(t[j], quotient, p[j]);
                }
                for j in 0..5 {
                    t[j + 1] = _mm512_madd52hi_epu64(t[j + 1], quotient, p[j]);
                }
                let carry = _mm512_srli_epi64::<52>(t[0]);
                t = [_mm512_add_epi64(t[1], carry), t[2], t[3], t[4], t[5], zero];
            }
            Self::from_limbs([t[0], t[1], t[2], t[3], t[4]]).normalised()
        }
    }

    /// Montgomery square x²·2^-260, < 2p if the value is < 9p.
    #[inline(always)]
    pub fn square(self) -> Self {
        self.mul(self)
    }

    /// Sum; the bounds add up.
    #[inline(always)]
    pub fn add(self, other: Self) -> Self {
        self.limbwise(other, |a, b| {
            // SAFETY: as in `mul`.
            unsafe { _mm512_add_epi64(a, b) }
        })
        .normalised()
    }

    /// 2x; the bound doubles.
    #[inline(always)]
    pub fn double(self) -> Self {
        self.add(self)
    }

    /// Difference self - other + K·p, for an `other` ≤ K·p; bounded by self's bound plus K.
    #[inline(always)]
    pub fn sub<const K: u64>(self, other: Self) -> Self {
        self.sub_unnormalised::<K>(other).normalised()
    }

    /// self - a - b + K·p, for a + b ≤ K·p.
    #[inline(always)]
    pub fn sub_two<const K: u64>(self, a: Self, b: Self) -> Self {
        self.sub_unnormalised::<K>(a).sub_unnormalised::<0>(b).normalised()
    }

    /// K·p - self, for a value ≤ K·p; bounded by K.
    #[inline(always)]
    pub fn neg<const K: u64>(self) -> Self {
        // SAFETY: as in `mul`.
        let zero = Self::from_limbs([unsafe { _mm512_setzero_si512() }; 5]);
        zero.sub::<K>(self)
    }

    /// 4·(self - other + K·p), for an `other` ≤ K·p: what undoes a factor 1/4 hidden in another operand.
    #[inline(always)]
    pub fn four_times_difference<const K: u64>(self, other: Self) -> Self {
        let difference = self.sub_unnormalised::<K>(other);
        // SAFETY: as in `mul`; limbs are below 2^58 in absolute value, so the shift loses nothing.
        Self::from_limbs(difference.limbs.map(|limb| unsafe { _mm512_slli_epi64::<2>(limb) })).normalised()
    }

    /// The same element < 2p, from any normalised value < 84p.
    ///
    /// The quotient ⌊top limb · 84 / 2^52⌋ never exceeds the true one and falls short of it by less than 2.
    #[inline(always)]
    pub fn reduced(self) -> Self {
        // SAFETY: as in `mul`.
        unsafe {
            let zero = _mm512_setzero_si512();
            let quotient = _mm512_madd52hi_epu64(zero, self.limbs[4], _mm512_set1_epi64(R_OVER_P as i64));
            let minus_p = Self::vectors(Self::MINUS_P);
            let mut t = self.limbs;
            for j in 0..5 {
                t[j] = _mm512_madd52lo_epu64(t[j], quotient, minus_p[j]);
            }
            for j in 0..4 {
                t[j + 1] = _mm512_madd52hi_epu64(t[j + 1], quotient, minus_p[j]);
            }
            let mut sum = Self::from_limbs(t).normalised();
            // Adding quotient·(2^260 - p) left quotient·2^260 above the top limb.
            sum.limbs[4] = _mm512_and_si512(sum.limbs[4], _mm512_set1_epi64(LIMB_MASK as i64));
            sum
        }
    }

    /// The same element < p, from a value < 2p.
    #[inline(always)]
    pub fn canonical(self) -> Self {
        // SAFETY: as in `mul`.
        unsafe {
            let p = Self::from_limbs(Self::vectors(Self::P));
            let less = self.sub_unnormalised::<0>(p).normalised();
            let negative = _mm512_cmplt_epi64_mask(less.limbs[4], _mm512_setzero_si512());
            self.selected(negative, less)
        }
    }

    /// Bit `k` says whether lane `k` is zero modulo p, for a value < 2p.
    #[inline(always)]
    pub fn zero_mask(self) -> u8 {
        // SAFETY: as in `mul`.
        let p = Self::from_limbs(unsafe { Self::vectors(Self::P) });
        self.zero_integer_mask() | self.same_integer_mask(p)
    }

    /// Bit `k` says whether lane `k` is the integer zero; of canonical values, whether it is zero.
    #[inline(always)]
    pub fn zero_integer_mask(self) -> u8 {
        let l = self.limbs;
        // SAFETY: as in `mul`.
        unsafe {
            let any = _mm512_or_si512(_mm512_or_si512(l[0], l[1]), _mm512_or_si512(l[2], l[3]));
            let any = _mm512_or_si512(any, l[4]);
            _mm512_testn_epi64_mask(any, any)
        }
    }

    /// Bit `k` says whether lane `k` of both is the same integer; of canonical values, whether they are equal.
    #[inline(always)]
    pub fn same_integer_mask(self, other: Self) -> u8 {
        self.limbwise(other, |a, b| {
            // SAFETY: as in `mul`.
            unsafe { _mm512_xor_si512(a, b) }
        })
        .zero_integer_mask()
    }

    /// Lane `k` of `self` where bit `k` of `mask` is set, of `other` elsewhere.
    #[inline(always)]
    pub fn selected(self, mask: u8, other: Self) -> Self {
        self.limbwise(other, |a, b| {
            // SAFETY: as in `mul`.
            unsafe { _mm512_mask_mov_epi64(b, mask, a) }
        })
    }

    /// From arkworks' form to wide form (x·2^256 to x·2^260): a product; bound 2p.
    #[inline(always)]
    pub fn widen(self, token: Ifma) -> Self {
        // 256·R is 2^264: the product with it, times 2^-260, is 16.
        self.mul(Self::splat_element(token, Fp::from(256u64)))
    }

    /// From wide form to arkworks' (x·2^260 to x·2^256): a product; bound 2p.
    #[inline(always)]
    pub fn narrow(self, token: Ifma) -> Self {
        self.mul(Self::one(token))
    }

    #[inline(always)]
    pub(super) fn from_limbs(limbs: [__m512i; 5]) -> Self {
        Self { limbs, modulus: PhantomData }
    }

    /// # Safety
    /// The machine must have AVX-512 F.
    #[inline(always)]
    unsafe fn vectors(limbs: [u64; 5]) -> [__m512i; 5] {
        // SAFETY: the caller's promise.
        limbs.map(|limb| unsafe { _mm512_set1_epi64(limb as i64) })
    }

    #[inline(always)]
    fn limbwise(self, other: Self, f: impl Fn(__m512i, __m512i) -> __m512i) -> Self {
        let (a, b) = (self.limbs, other.limbs);
        Self::from_limbs([f(a[0], b[0]), f(a[1], b[1]), f(a[2], b[2]), f(a[3], b[3]), f(a[4], b[4])])
    }

    /// self - other + K·p with signed limbs of up to 59 bits.
    #[inline(always)]
    fn sub_unnormalised<const K: u64>(self, other: Self) -> Self {
        const { assert!(K <= 64) };
        // SAFETY: as in `mul`.
        unsafe {
            let multiple = Self::from_limbs(Self::vectors(const { times(Self::P, K) }));
            let shifted = self.limbwise(multiple, |a, b| _mm512_add_epi64(a, b));
            shifted.limbwise(other, |a, b| _mm512_sub_epi64(a, b))
        }
    }

    /// Carries signed limbs upwards until the lower four have 52 bits.
    #[inline(always)]
    fn normalised(self) -> Self {
        let mut t = self.limbs;
        // SAFETY: as in `mul`.
        unsafe {
            let mask = _mm512_set1_epi64(LIMB_MASK as i64);
            for j in 0..4 {
                t[j + 1] = _mm512_add_epi64(t[j + 1], _mm512_srai_epi64::<52>(t[j]));
                t[j] = _mm512_and_si512(t[j], mask);
            }
        }
        Self::from_limbs(t)
    }

    #[inline(always)]
    fn unpack(words: [__m512i; 4]) -> Self {
        let [a, b, c, d] = words;
        // SAFETY: vectors come from a load that took the token, which proves AVX-512 VBMI2.
        unsafe {
            let mask = _mm512_set1_epi64(LIMB_MASK as i64);
            Self::from_limbs([
                _mm512_and_si512(a, mask),
                _mm512_and_si512(_mm512_shrdi_epi64::<52>(a, b), mask),
                _mm512_and_si512(_mm512_shrdi_epi64::<40>(b, c), mask),
                _mm512_and_si512(_mm512_shrdi_epi64::<28>(c, d), mask),
                _mm512_srli_epi64::<16>(d),
            ])
        }
    }

    #[inline(always)]
    fn pack(self) -> [__m512i; 4] {
        let [a, b, c, d, e] = self.limbs;
        // SAFETY: as in `mul`.
        unsafe {
            [
                _mm512_or_si512(a, _mm512_slli_epi64::<52>(b)),
                _mm512_or_si512(_mm512_srli_epi64::<12>(b), _mm512_slli_epi64::<40>(c)),
                _mm512_or_si512(_mm512_srli_epi64::<24>(c), _mm512_slli_epi64::<28>(d)),
                _mm512_or_si512(_mm512_srli_epi64::<36>(d), _mm512_slli_epi64::<16>(e)),
            ]
        }
    }
}
