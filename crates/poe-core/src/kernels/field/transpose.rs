//! From eight elements in memory to eight lanes in registers, and back.

#![allow(unsafe_code)] // intrinsics; sound because every value proves the instructions exist

use std::arch::x86_64::*;

use super::{Ifma, Words};

/// Eight rows of eight 64-bit words. `words[i]` holds word `i` of every lane once transposed.
#[derive(Clone, Copy)]
pub struct Rows(pub(super) [__m512i; 8]);

impl Rows {
    /// Loads eight 64-byte records and transposes: word `i` of record `k` becomes lane `k` of row `i`.
    #[inline(always)]
    pub fn load(_: Ifma, records: [&[u64; 8]; 8]) -> Self {
        // SAFETY: the token proves AVX-512; each record is 64 readable bytes, and the load is unaligned.
        unsafe {
            Self([
                _mm512_loadu_si512(records[0].as_ptr().cast()),
                _mm512_loadu_si512(records[1].as_ptr().cast()),
                _mm512_loadu_si512(records[2].as_ptr().cast()),
                _mm512_loadu_si512(records[3].as_ptr().cast()),
                _mm512_loadu_si512(records[4].as_ptr().cast()),
                _mm512_loadu_si512(records[5].as_ptr().cast()),
                _mm512_loadu_si512(records[6].as_ptr().cast()),
                _mm512_loadu_si512(records[7].as_ptr().cast()),
            ])
        }
        .transposed()
    }

    /// Stores eight records: the inverse of [`Rows::load`].
    #[inline(always)]
    pub fn store(self, records: &mut [[u64; 8]; 8]) {
        let rows = self.transposed();
        for (row, record) in rows.0.iter().zip(records) {
            // SAFETY: a `Rows` exists only with the token; the record is 64 writable bytes, the store unaligned.
            unsafe { _mm512_storeu_si512(record.as_mut_ptr().cast(), *row) }
        }
    }

    #[inline(always)]
    fn transposed(self) -> Self {
        let r = self.0;
        // SAFETY: a `Rows` exists only with the token, which proves AVX-512.
        unsafe {
            let t0 = _mm512_unpacklo_epi64(r[0], r[1]);
            let t1 = _mm512_unpackhi_epi64(r[0], r[1]);
            let t2 = _mm512_unpacklo_epi64(r[2], r[3]);
            let t3 = _mm512_unpackhi_epi64(r[2], r[3]);
            let t4 = _mm512_unpacklo_epi64(r[4], r[5]);
            let t5 = _mm512_unpackhi_epi64(r[4], r[5]);
            let t6 = _mm512_unpacklo_epi64(r[6], r[7]);
            let t7 = _mm512_unpackhi_epi64(r[6], r[7]);
            let u0 = _mm512_shuffle_i64x2::<0x88>(t0, t2);
            let u1 = _mm512_shuffle_i64x2::<0x88>(t1, t3);
            let u2 = _mm512_shuffle_i64x2::<0xdd>(t0, t2);
            let u3 = _mm512_shuffle_i64x2::<0xdd>(t1, t3);
            let u4 = _mm512_shuffle_i64x2::<0x88>(t4, t6);
            let u5 = _mm512_shuffle_i64x2::<0x88>(t5, t7);
            let u6 = _mm512_shuffle_i64x2::<0xdd>(t4, t6);
            let u7 = _mm512_shuffle_i64x2::<0xdd>(t5, t7);
            Self([
                _mm512_shuffle_i64x2::<0x88>(u0, u4),
                _mm512_shuffle_i64x2::<0x88>(u1, u5),
                _mm512_shuffle_i64x2::<0x88>(u2, u6),
                _mm512_shuffle_i64x2::<0x88>(u3, u7),
                _mm512_shuffle_i64x2::<0xdd>(u0, u4),
                _mm512_shuffle_i64x2::<0xdd>(u1, u5),
                _mm512_shuffle_i64x2::<0xdd>(u2, u6),
                _mm512_shuffle_i64x2::<0xdd>(u3, u7),
            ])
        }
    }
}

/// Loads eight elements of four words: row `i` holds word `i` of each.
#[inline(always)]
pub(super) fn load_words(_: Ifma, elements: [&Words; 8]) -> [__m512i; 4] {
    // SAFETY: the token proves AVX-512; each element is 32 readable bytes, and the loads are unaligned.
    unsafe {
        let pair = |low: &Words, high: &Words| {
            let low = _mm256_loadu_si256(low.as_ptr().cast());
            let high = _mm256_loadu_si256(high.as_ptr().cast());
            _mm512_inserti64x4::<1>(_mm512_castsi256_si512(low), high)
        };
        four_by_four([
            pair(elements[0], elements[4]),
            pair(elements[1], elements[5]),
            pair(elements[2], elements[6]),
            pair(elements[3], elements[7]),
        ])
    }
}

/// Stores eight elements of four words each: the inverse of [`load_words`].
#[inline(always)]
pub(super) fn store_words(_: Ifma, rows: [__m512i; 4], elements: [&mut Words; 8]) {
    // SAFETY: the token proves AVX-512; each element is 32 writable bytes, and the stores are unaligned.
    unsafe {
        let pairs = four_by_four(rows);
        let [e0, e1, e2, e3, e4, e5, e6, e7] = elements;
        let halves = [(e0, e4), (e1, e5), (e2, e6), (e3, e7)];
        for (pair, (low, high)) in pairs.into_iter().zip(halves) {
            _mm256_storeu_si256(low.as_mut_ptr().cast(), _mm512_castsi512_si256(pair));
            _mm256_storeu_si256(high.as_mut_ptr().cast(), _mm512_extracti64x4_epi64::<1>(pair));
        }
    }
}

/// Transposes the 4 × 4 words of the low and of the high halves, each on its own; its own inverse.
///
/// # Safety
/// The machine must have AVX-512 F.
#[inline(always)]
unsafe fn four_by_four(rows: [__m512i; 4]) -> [__m512i; 4] {
    // SAFETY: the caller's promise.
    unsafe {
        let t0 = _mm512_unpacklo_epi64(rows[0], rows[1]);
        let t1 = _mm512_unpackhi_epi64(rows[0], rows[1]);
        let t2 = _mm512_unpacklo_epi64(rows[2], rows[3]);
        let t3 = _mm512_unpackhi_epi64(rows[2], rows[3]);
        let low = _mm512_setr_epi64(0, 1, 8, 9, 4, 5, 12, 13);
        let high = _mm512_setr_epi64(2, 3, 10, 11, 6, 7, 14, 15);
        [
            _mm512_permutex2var_epi64(t0, low, t2),
            _mm512_permutex2var_epi64(t1, low, t3),
            _mm512_permutex2var_epi64(t0, high, t2),
            _mm512_permutex2var_epi64(t1, high, t3),
        ]
    }
}
