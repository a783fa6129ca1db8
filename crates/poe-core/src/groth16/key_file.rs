//! The bytes of a key file, without its checksum: a header of fixed length, then points.

use ark_ec::AffineRepr;
use ark_ff::{BigInteger256, PrimeField};
use rayon::prelude::*;

use super::{
    data_structures::{Queries, VerifyingKey},
    engine::{Fq, Fq2, G1Affine, G2Affine},
    keys::CircuitInfo,
};
use crate::trace::{MAX_DEPTH, MAX_SLOTS};

const MAGIC: &[u8; 8] = b"poe-key\0";
const VERSION: u32 = 1;
const PROVENANCE_BYTES: usize = 32;
/// Magic, version, provenance, circuit hash, then slots, depth, constraints, wires, public inputs, domain size. The
/// membership circuit has no slots: 0 says that the key is one of its.
pub const HEADER_BYTES: usize = 8 + 4 + PROVENANCE_BYTES + 32 + 6 * 4;
const CHECKSUM_BYTES: usize = 32;
const COORDINATE_BYTES: usize = 32;
const G1_BYTES: usize = 2 * COORDINATE_BYTES;
const G2_BYTES: usize = 4 * COORDINATE_BYTES;

/// Why bytes are not a key file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LayoutError {
    #[error("not a key file")]
    Magic,
    #[error("a key file of version {got}, this program reads {VERSION}")]
    Version { got: u32 },
    #[error("the header makes no sense: {what}")]
    Header { what: &'static str },
    #[error("{got} bytes, the header promises {wanted}")]
    Length { got: usize, wanted: usize },
    #[error("a point is not on its curve")]
    Point,
}

/// What a key file says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    provenance: String,
    /// Slots and depth; which circuit they mean `circuits` knows.
    pub numbers: [usize; 2],
    pub circuit: CircuitInfo,
    domain_size: usize,
}

impl Header {
    /// # Panics
    /// If the provenance is longer than its field: it is one of this crate's constants.
    pub fn new(provenance: &str, numbers: [usize; 2], circuit: &CircuitInfo) -> Self {
        assert!(provenance.len() <= PROVENANCE_BYTES);
        let domain_size = domain_size(circuit);
        Self { provenance: provenance.to_owned(), numbers, circuit: *circuit, domain_size }
    }

    pub fn provenance(&self) -> &str {
        &self.provenance
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&VERSION.to_le_bytes());
        let mut provenance = [0; PROVENANCE_BYTES];
        provenance[..self.provenance.len()].copy_from_slice(self.provenance.as_bytes());
        out.extend_from_slice(&provenance);
        out.extend_from_slice(&self.circuit.hash);
        let CircuitInfo { constraints, wires, public_inputs, .. } = self.circuit;
        let [slots, depth] = self.numbers;
        for count in [slots, depth, constraints, wires, public_inputs, self.domain_size] {
            out.extend_from_slice(&(count as u32).to_le_bytes());
        }
    }

    /// Reads and checks a header; the counts are then small enough to compute lengths with.
    pub fn read(bytes: &[u8]) -> Result<Self, LayoutError> {
        if !bytes.starts_with(MAGIC) {
            return Err(LayoutError::Magic);
        }
        let header = bytes
            .first_chunk::<HEADER_BYTES>()
            .ok_or(LayoutError::Length { got: bytes.len(), wanted: HEADER_BYTES })?;
        let number =
            |at: usize| u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
        if number(8) != VERSION {
            return Err(LayoutError::Version { got: number(8) });
        }
        let counts_at = 12 + PROVENANCE_BYTES + 32;
        let count = |i: usize| number(counts_at + 4 * i) as usize;
        let mut hash = [0; 32];
        hash.copy_from_slice(&header[12 + PROVENANCE_BYTES..counts_at]);
        let circuit = CircuitInfo { constraints: count(2), wires: count(3), public_inputs: count(4), hash };
        let header = Self {
            provenance: read_provenance(&header[12..12 + PROVENANCE_BYTES])?,
            numbers: [count(0), count(1)],
            circuit,
            domain_size: count(5),
        };
        header.check()
    }

    fn check(self) -> Result<Self, LayoutError> {
        let CircuitInfo { wires, public_inputs, .. } = self.circuit;
        let [slots, depth] = self.numbers;
        let refuse = |what| Err(LayoutError::Header { what });
        if slots > MAX_SLOTS || !(1..=MAX_DEPTH).contains(&depth) {
            refuse("shape")
        } else if public_inputs != 3 || wires <= public_inputs {
            refuse("wires")
        } else if self.domain_size != domain_size(&self.circuit) {
            refuse("domain size")
        } else {
            Ok(self)
        }
    }

    /// The file without its checksum, and the checksum; the file must have exactly the length promised.
    pub fn split_checksum<'a>(&self, bytes: &'a [u8]) -> Result<(&'a [u8], &'a [u8]), LayoutError> {
        let CircuitInfo { wires, public_inputs, .. } = self.circuit;
        // alpha, beta, delta, IC and C together one a wire, A, B in G1, H; beta, gamma, delta, B in G2.
        let g1 = 3 + 3 * wires + self.domain_size;
        let g2 = 3 + wires;
        debug_assert!(wires > public_inputs);
        let body = HEADER_BYTES + g1 * G1_BYTES + g2 * G2_BYTES;
        let wanted = body + CHECKSUM_BYTES;
        if bytes.len() == wanted {
            Ok(bytes.split_at(body))
        } else {
            Err(LayoutError::Length { got: bytes.len(), wanted })
        }
    }
}

fn domain_size(circuit: &CircuitInfo) -> usize {
    (circuit.constraints + 1 + circuit.public_inputs).next_power_of_two()
}

fn read_provenance(bytes: &[u8]) -> Result<String, LayoutError> {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    let (text, padding) = bytes.split_at(end);
    let is_clean = text.iter().all(u8::is_ascii_graphic) && padding.iter().all(|byte| *byte == 0);
    match String::from_utf8(text.to_vec()) {
        Ok(text) if is_clean => Ok(text),
        _ => Err(LayoutError::Header { what: "provenance" }),
    }
}

/// The file's bytes up to its checksum.
pub fn to_bytes(header: &Header, queries: &Queries) -> Vec<u8> {
    let mut out = Vec::new();
    header.write(&mut out);
    let key = &queries.verifying_key;
    write_g1(&mut out, &[key.alpha_g1, queries.beta_g1, queries.delta_g1]);
    write_g2(&mut out, &[key.beta_g2, key.gamma_g2, key.delta_g2]);
    for points in [&key.ic, &queries.a, &queries.b_g1, &queries.c, &queries.h] {
        write_g1(&mut out, points);
    }
    write_g2(&mut out, &queries.b_g2);
    out
}

/// The points of a file whose length and checksum are right.
pub fn read_queries(header: &Header, body: &[u8]) -> Result<Queries, LayoutError> {
    let CircuitInfo { wires, public_inputs, .. } = header.circuit;
    let mut rest = &body[HEADER_BYTES..];
    let mut take = |size: usize| {
        let (taken, after) = rest.split_at(size);
        rest = after;
        taken
    };
    let singles = read_g1(take(3 * G1_BYTES))?;
    let singles_g2 = read_g2(take(3 * G2_BYTES))?;
    let mut g1 = |count: usize| read_g1(take(count * G1_BYTES));
    let ic = g1(1 + public_inputs)?;
    let (a, b_g1) = (g1(wires)?, g1(wires)?);
    let (c, h) = (g1(wires - 1 - public_inputs)?, g1(header.domain_size)?);
    Ok(Queries {
        verifying_key: VerifyingKey {
            alpha_g1: singles[0],
            beta_g2: singles_g2[0],
            gamma_g2: singles_g2[1],
            delta_g2: singles_g2[2],
            ic,
        },
        beta_g1: singles[1],
        delta_g1: singles[2],
        a,
        b_g1,
        b_g2: read_g2(take(wires * G2_BYTES))?,
        c,
        h,
    })
}

fn write_coordinate(out: &mut Vec<u8>, value: &Fq) {
    value.into_bigint().0.iter().for_each(|limb| out.extend_from_slice(&limb.to_le_bytes()));
}

/// Infinity, which wires absent from a side of the constraints have, is (0, 0): no point of the curve.
fn write_g1(out: &mut Vec<u8>, points: &[G1Affine]) {
    for (x, y) in points.iter().map(|point| point.xy().unwrap_or_default()) {
        [x, y].iter().for_each(|value| write_coordinate(out, value));
    }
}

fn write_g2(out: &mut Vec<u8>, points: &[G2Affine]) {
    for (x, y) in points.iter().map(|point| point.xy().unwrap_or_default()) {
        [x.c0, x.c1, y.c0, y.c1].iter().for_each(|value| write_coordinate(out, value));
    }
}

fn read_coordinate(bytes: &[u8; COORDINATE_BYTES]) -> Result<Fq, LayoutError> {
    let (limbs, _) = bytes.as_chunks::<8>();
    let integer = BigInteger256::new(std::array::from_fn(|i| u64::from_le_bytes(limbs[i])));
    Fq::from_bigint(integer).ok_or(LayoutError::Point)
}

fn read_g1(bytes: &[u8]) -> Result<Vec<G1Affine>, LayoutError> {
    let read = |chunk: &[u8; G1_BYTES]| {
        let (words, _) = chunk.as_chunks();
        let (x, y) = (read_coordinate(&words[0])?, read_coordinate(&words[1])?);
        let point = G1Affine::new_unchecked(x, y);
        if chunk == &[0; G1_BYTES] {
            Ok(G1Affine::identity())
        } else if point.is_on_curve() {
            Ok(point)
        } else {
            Err(LayoutError::Point)
        }
    };
    bytes.as_chunks::<G1_BYTES>().0.par_iter().map(read).collect()
}

/// Membership in the subgroup is not checked: the checksum and the self-check of each proof stand for it.
fn read_g2(bytes: &[u8]) -> Result<Vec<G2Affine>, LayoutError> {
    let read = |chunk: &[u8; G2_BYTES]| {
        let (words, _) = chunk.as_chunks();
        let coordinate = |i: usize| -> Result<Fq2, LayoutError> {
            Ok(Fq2::new(read_coordinate(&words[i])?, read_coordinate(&words[i + 1])?))
        };
        let point = G2Affine::new_unchecked(coordinate(0)?, coordinate(2)?);
        if chunk == &[0; G2_BYTES] {
            Ok(G2Affine::identity())
        } else if point.is_on_curve() {
            Ok(point)
        } else {
            Err(LayoutError::Point)
        }
    };
    bytes.as_chunks::<G2_BYTES>().0.par_iter().map(read).collect()
}
