//! Points as words (docs/protocol.md, section 6): big-endian coordinates below q, G2 with its c1 limbs first.

use ark_ec::{AffineRepr, short_weierstrass::SWCurveConfig};
use ark_ff::{BigInteger, BigInteger256, PrimeField};

use super::{
    data_structures::{Proof, VerifyingKey},
    engine::{Fq, Fq2, G1Affine, G2Affine},
};
use crate::batch::Word;

/// Words of a proof, and of a verifying key before its IC.
pub const PROOF_WORDS: usize = 8;
pub const PROOF_BYTES: usize = PROOF_WORDS * 32;
const FIXED_KEY_WORDS: usize = 14;

/// Why words are not points.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EncodingError {
    #[error("{what} of {got} bytes, wanted {wanted}")]
    Length { what: &'static str, got: usize, wanted: usize },
    #[error("{what}: a coordinate is not below the field's order")]
    Coordinate { what: &'static str },
    #[error("{what} is not on the curve")]
    OffCurve { what: &'static str },
    #[error("{what} is outside the subgroup")]
    OutsideSubgroup { what: &'static str },
    #[error("{what} is the point at infinity")]
    Infinity { what: &'static str },
}

impl Proof {
    pub fn to_bytes(&self) -> [u8; PROOF_BYTES] {
        let mut words = vec![];
        push_g1(&mut words, &self.a);
        push_g2(&mut words, &self.b);
        push_g1(&mut words, &self.c);
        let mut bytes = [0; PROOF_BYTES];
        bytes.copy_from_slice(words.as_flattened());
        bytes
    }

    /// Reads eight words, refusing every point that an honest prover does not send.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, EncodingError> {
        let words = words_of(bytes, "a proof", PROOF_WORDS)?;
        Ok(Self {
            a: read_g1(&words[..2], "A")?,
            b: read_g2(&words[2..6], "B")?,
            c: read_g1(&words[6..], "C")?,
        })
    }
}

impl VerifyingKey {
    /// `alpha beta gamma delta IC…`.
    pub fn to_words(&self) -> Vec<Word> {
        let mut words = vec![];
        push_g1(&mut words, &self.alpha_g1);
        for point in [&self.beta_g2, &self.gamma_g2, &self.delta_g2] {
            push_g2(&mut words, point);
        }
        self.ic.iter().for_each(|point| push_g1(&mut words, point));
        words
    }

    /// Reads the key of a circuit with this many public inputs.
    pub fn from_bytes(bytes: &[u8], public_inputs: usize) -> Result<Self, EncodingError> {
        let wanted = FIXED_KEY_WORDS + 2 * (1 + public_inputs);
        let words = words_of(bytes, "a verifying key", wanted)?;
        let ic = words[FIXED_KEY_WORDS..].chunks(2).map(|words| read_g1(words, "IC"));
        Ok(Self {
            alpha_g1: read_g1(&words[..2], "alpha")?,
            beta_g2: read_g2(&words[2..6], "beta")?,
            gamma_g2: read_g2(&words[6..10], "gamma")?,
            delta_g2: read_g2(&words[10..14], "delta")?,
            ic: ic.collect::<Result<_, _>>()?,
        })
    }
}

fn words_of<'a>(bytes: &'a [u8], what: &'static str, count: usize) -> Result<&'a [Word], EncodingError> {
    let (words, rest) = bytes.as_chunks::<32>();
    if words.len() == count && rest.is_empty() {
        Ok(words)
    } else {
        Err(EncodingError::Length { what, got: bytes.len(), wanted: 32 * count })
    }
}

fn push_coordinate(words: &mut Vec<Word>, value: &Fq) {
    let mut word = [0; 32];
    word.copy_from_slice(&value.into_bigint().to_bytes_be());
    words.push(word);
}

fn push_g1(words: &mut Vec<Word>, point: &G1Affine) {
    let (x, y) = point.xy().unwrap_or_default();
    [x, y].iter().for_each(|value| push_coordinate(words, value));
}

fn push_g2(words: &mut Vec<Word>, point: &G2Affine) {
    let (x, y) = point.xy().unwrap_or_default();
    [x.c1, x.c0, y.c1, y.c0].iter().for_each(|value| push_coordinate(words, value));
}

fn read_coordinate(word: &Word, what: &'static str) -> Result<Fq, EncodingError> {
    let (limbs, _) = word.as_chunks::<8>();
    let integer = BigInteger256::new(std::array::from_fn(|i| u64::from_be_bytes(limbs[3 - i])));
    Fq::from_bigint(integer).ok_or(EncodingError::Coordinate { what })
}

fn read_g1(words: &[Word], what: &'static str) -> Result<G1Affine, EncodingError> {
    let (x, y) = (read_coordinate(&words[0], what)?, read_coordinate(&words[1], what)?);
    check_point(G1Affine::new_unchecked(x, y), x == Fq::default() && y == Fq::default(), what)
}

fn read_g2(words: &[Word], what: &'static str) -> Result<G2Affine, EncodingError> {
    let limb = |i: usize| read_coordinate(&words[i], what);
    let (x, y) = (Fq2::new(limb(1)?, limb(0)?), Fq2::new(limb(3)?, limb(2)?));
    check_point(G2Affine::new_unchecked(x, y), x == Fq2::default() && y == Fq2::default(), what)
}

fn check_point<P: SWCurveConfig>(
    point: ark_ec::short_weierstrass::Affine<P>,
    is_infinity: bool,
    what: &'static str,
) -> Result<ark_ec::short_weierstrass::Affine<P>, EncodingError> {
    if is_infinity {
        Err(EncodingError::Infinity { what })
    } else if !point.is_on_curve() {
        Err(EncodingError::OffCurve { what })
    } else if !point.is_in_correct_subgroup_assuming_on_curve() {
        Err(EncodingError::OutsideSubgroup { what })
    } else {
        Ok(point)
    }
}
