//! The container that iden3's formats share: magic, version, number of sections; each section's type, its length as
//! 64 bits, its bytes.

/// Why bytes are not the file that they should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    #[error("not a {wanted} file")]
    Magic { wanted: &'static str },
    #[error("version {got}, this program reads version {wanted}")]
    Version { got: u32, wanted: u32 },
    #[error("the file ends inside {what}")]
    Truncated { what: &'static str },
    #[error("{count} bytes follow {what}")]
    Trailing { what: &'static str, count: usize },
    #[error("section {section} is {fault}")]
    Section { section: u32, fault: &'static str },
    #[error("{what}: got {got}, wanted {wanted}")]
    Count { what: &'static str, got: u64, wanted: u64 },
    #[error("{what} is not BN254's")]
    Field { what: &'static str },
    #[error("{what} {index} {fault}")]
    Point { what: &'static str, index: usize, fault: &'static str },
    #[error("coefficient {index} is not below the field's order")]
    Coefficient { index: usize },
}

/// A file of these sections.
pub fn container(magic: &[u8; 4], version: u32, sections: &[(u32, Vec<u8>)]) -> Vec<u8> {
    let length: usize = sections.iter().map(|(_, bytes)| 12 + bytes.len()).sum();
    let mut out = Vec::with_capacity(12 + length);
    out.extend_from_slice(magic);
    push_u32(&mut out, version as usize);
    push_u32(&mut out, sections.len());
    for (kind, bytes) in sections {
        push_u32(&mut out, *kind as usize);
        out.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
        out.extend_from_slice(bytes);
    }
    out
}

/// The sections 1 to N of a file that has each once, in any order, and nothing else.
pub fn sections<'a, const N: usize>(
    bytes: &'a [u8],
    magic: &'static str,
    version: u32,
) -> Result<[&'a [u8]; N], FormatError> {
    let mut cursor = Cursor::new(bytes, "the file's header");
    if cursor.take(4)? != magic.as_bytes() {
        return Err(FormatError::Magic { wanted: magic });
    }
    let got = cursor.u32()?;
    if got != version {
        return Err(FormatError::Version { got, wanted: version });
    }
    let got = u64::from(cursor.u32()?);
    if got != N as u64 {
        return Err(FormatError::Count { what: "sections", got, wanted: N as u64 });
    }
    let mut found: [Option<&[u8]>; N] = [None; N];
    cursor.what = "a section";
    for _ in 0..N {
        let section = cursor.u32()?;
        let body = cursor.take_u64_length()?;
        let slot = (section as usize).checked_sub(1).and_then(|index| found.get_mut(index));
        let slot = slot.ok_or(FormatError::Section { section, fault: "unknown" })?;
        if slot.replace(body).is_some() {
            return Err(FormatError::Section { section, fault: "there twice" });
        }
    }
    cursor.finish()?;
    // N sections, none of them twice: each is there.
    Ok(found.map(Option::unwrap_or_default))
}

pub fn push_u32(out: &mut Vec<u8>, value: usize) {
    out.extend_from_slice(&(value as u32).to_le_bytes());
}

/// Four limbs, least significant first.
pub fn push_limbs(out: &mut Vec<u8>, limbs: &[u64; 4]) {
    limbs.iter().for_each(|limb| out.extend_from_slice(&limb.to_le_bytes()));
}

/// Reads from a slice, never beyond it.
pub struct Cursor<'a> {
    rest: &'a [u8],
    what: &'static str,
}

impl<'a> Cursor<'a> {
    /// `what` names the bytes in errors.
    pub fn new(bytes: &'a [u8], what: &'static str) -> Self {
        Self { rest: bytes, what }
    }

    pub fn take(&mut self, length: usize) -> Result<&'a [u8], FormatError> {
        let (taken, rest) =
            self.rest.split_at_checked(length).ok_or(FormatError::Truncated { what: self.what })?;
        self.rest = rest;
        Ok(taken)
    }

    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], FormatError> {
        let mut bytes = [0; N];
        bytes.copy_from_slice(self.take(N)?);
        Ok(bytes)
    }

    pub fn u32(&mut self) -> Result<u32, FormatError> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    pub fn limbs(&mut self) -> Result<[u64; 4], FormatError> {
        let mut limbs = [0; 4];
        for limb in &mut limbs {
            *limb = u64::from_le_bytes(self.array()?);
        }
        Ok(limbs)
    }

    fn take_u64_length(&mut self) -> Result<&'a [u8], FormatError> {
        let length = u64::from_le_bytes(self.array()?);
        let length = usize::try_from(length).map_err(|_| FormatError::Truncated { what: self.what })?;
        self.take(length)
    }

    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Refuses bytes that are left.
    pub fn finish(self) -> Result<(), FormatError> {
        let count = self.rest.len();
        if count == 0 { Ok(()) } else { Err(FormatError::Trailing { what: self.what, count }) }
    }
}
