//! Interchange with snarkjs: its files of our circuits, keys and witnesses, and a ceremony's keys back.
//!
//! The formats are iden3's: integers little-endian, scalars of `.r1cs` and `.wtns` as they are, coordinates of `.zkey`
//! and `.ptau` in Montgomery form with R = 2^256. docs/keys.md says what each file is for. Written from the formats'
//! behaviour; a test has snarkjs read and extend every file.

mod binary;
mod circuit_hash;
mod contributions;
mod files;
mod points;
mod ptau;
mod r1cs;
mod wtns;
mod zkey;
mod zkey_reader;

pub use binary::FormatError;
pub use contributions::ContributionFault;
pub use files::{
    ExchangeError, export_circuit, export_membership_circuit, export_membership_phase_one,
    export_membership_witness, export_phase_one, export_witness, import_membership_zkey, import_zkey,
};
pub use r1cs::to_bytes as r1cs_to_bytes;
pub use wtns::to_bytes as witness_to_bytes;
pub use zkey::to_bytes as zkey_to_bytes;
pub use zkey_reader::{ZkeyError, read as read_zkey};
