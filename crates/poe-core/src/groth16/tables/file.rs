//! The file of a key's tables, beside the key.
//!
//! One page of header: magic, version, size, the key file's checksum, the sections' lengths, SHA-256 of all sections,
//! SHA-256 of the header so far; then the sections, each from a page on: the tables and the circuit. The file gets its
//! name only when it is whole and on the disk, and the header is written last. A file is taken if header, length, the
//! tables' own headers and the circuit's bytes are right: reading a gigabyte to hash it would take longer than a proof.
//! The hash of the sections is compared when a proof fails its check, which is where a damaged table shows.

use std::{
    ffi::OsString,
    fs::{self, File},
    io::{self, BufWriter, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use ark_bn254::{g1, g2};
use memmap2::{Mmap, MmapOptions};
use sha2::{Digest, Sha256};

use super::{Circuit, Found, SECTIONS, Source, TABLES, TableSize, make_table};
use crate::groth16::engine::{Stop, Stopped, Table};

const MAGIC: &[u8; 8] = b"poe-tab\0";
/// Of this header; tables have their own.
const VERSION: u32 = 1;
const PAGE_BYTES: usize = 4096;
const HASH_BYTES: usize = 32;
/// Where the key's checksum, the lengths, the sections' hash and the header's begin.
const KEY_AT: usize = 16;
const LENGTHS_AT: usize = KEY_AT + HASH_BYTES;
const BODY_HASH_AT: usize = LENGTHS_AT + 8 * SECTIONS;
const HEADER_HASH_AT: usize = BODY_HASH_AT + HASH_BYTES;

/// A file that is right.
pub struct MappedFile {
    bytes: Mmap,
    path: PathBuf,
}

impl MappedFile {
    pub fn section(&self, section: usize) -> &[u8] {
        let lengths = lengths(&self.bytes);
        let start = start_of(&lengths, section);
        &self.bytes[start..start + lengths[section]]
    }

    /// Whether the sections are as they were written; deletes the file if not.
    pub fn is_intact(&self) -> bool {
        let mut hasher = Sha256::new();
        (0..SECTIONS).for_each(|section| hasher.update(self.section(section)));
        let is_intact = hasher.finalize().as_slice() == &self.bytes[BODY_HASH_AT..HEADER_HASH_AT];
        if !is_intact {
            // If it cannot be deleted, the next start finds it again and the next failed proof says so again.
            let _ = fs::remove_file(&self.path);
        }
        is_intact
    }
}

/// The file beside a key, if it is right.
pub fn find(key_path: &Path, size: TableSize) -> Option<(MappedFile, Circuit)> {
    let key_hash = checksum_of(key_path).ok()?;
    open(&path_of(key_path, &key_hash, size), &key_hash, size)
}

/// The file beside a key, made under the key's lock if need be; `None` where it can be neither read nor written.
pub fn find_or_make(
    source: Source,
    key_path: &Path,
    size: TableSize,
    stop: &Stop,
) -> Result<Option<(MappedFile, Circuit, Found)>, Stopped> {
    let (Ok(key_hash), Ok(_lock)) = (checksum_of(key_path), lock(key_path)) else { return Ok(None) };
    let path = path_of(key_path, &key_hash, size);
    if let Some((file, circuit)) = open(&path, &key_hash, size) {
        return Ok(Some((file, circuit, Found::Kept)));
    }
    let partial = with_suffix(&path, ".partial");
    let is_made = make(source, &partial, &key_hash, size, stop);
    if !matches!(is_made, Ok(Ok(()))) || fs::rename(&partial, &path).is_err() {
        // No room, or stopped: a leftover is written over by the next one to make it.
        let _ = fs::remove_file(&partial);
        return is_made.map(|_| None);
    }
    Ok(open(&path, &key_hash, size).map(|(file, circuit)| (file, circuit, Found::Made)))
}

/// A file's last 32 bytes: a key file ends in the hash of all before.
fn checksum_of(key_path: &Path) -> io::Result<[u8; HASH_BYTES]> {
    let mut file = File::open(key_path)?;
    file.seek(SeekFrom::End(-(HASH_BYTES as i64)))?;
    let mut checksum = [0; HASH_BYTES];
    file.read_exact(&mut checksum)?;
    Ok(checksum)
}

fn path_of(key_path: &Path, key_hash: &[u8; HASH_BYTES], size: TableSize) -> PathBuf {
    let digest: String = key_hash[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    with_suffix(key_path, &format!(".{digest}.{}.v{VERSION}.tables", size.name()))
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}

/// Waits until nobody else makes this key or its tables; released when dropped.
fn lock(key_path: &Path) -> io::Result<File> {
    let file =
        File::options().create(true).truncate(false).write(true).open(with_suffix(key_path, ".lock"))?;
    file.lock()?;
    Ok(file)
}

fn open(path: &Path, key_hash: &[u8; HASH_BYTES], size: TableSize) -> Option<(MappedFile, Circuit)> {
    let file = File::open(path).ok()?;
    // SAFETY: whoever writes a table file renames a whole one into place, nobody changes one; that the cache's owner
    // does not truncate it is the same trust as in the program file, which is mapped too.
    #[allow(unsafe_code)]
    let bytes = unsafe { MmapOptions::new().populate().map(&file) }.ok()?;
    let circuit = read(&bytes, key_hash, size)?;
    Some((MappedFile { bytes, path: path.into() }, circuit))
}

/// The circuit of a file of which everything that is cheap to check is right.
fn read(bytes: &[u8], key_hash: &[u8; HASH_BYTES], size: TableSize) -> Option<Circuit> {
    let header = bytes.first_chunk::<PAGE_BYTES>()?;
    let is_header = header[..KEY_AT] == prefix(size)
        && header[KEY_AT..LENGTHS_AT] == *key_hash
        && header[HEADER_HASH_AT..][..HASH_BYTES] == *Sha256::digest(&header[..HEADER_HASH_AT]);
    let lengths = lengths(header);
    if !is_header || bytes.len() != start_of(&lengths, SECTIONS) {
        return None;
    }
    let section = |i: usize| &bytes[start_of(&lengths, i)..][..lengths[i]];
    let circuit = Circuit::from_bytes(section(TABLES))?;
    let columns =
        |i: usize| Table::<g1::Config>::from_bytes(section(i)).ok().map(|table| table.column_count());
    let columns_g2 = Table::<g2::Config>::from_bytes(section(1)).ok()?.column_count();
    let found = [columns(0)?, columns_g2, columns(2)?, columns(3)?];
    let wires = circuit.wires;
    (found == [wires, wires, wires, circuit.domain_size()]).then_some(circuit)
}

fn prefix(size: TableSize) -> [u8; KEY_AT] {
    let mut prefix = [0; KEY_AT];
    prefix[..8].copy_from_slice(MAGIC);
    prefix[8..12].copy_from_slice(&VERSION.to_le_bytes());
    prefix[12] = size as u8;
    prefix
}

/// Of a mapped file whose header is right, or of one that is still to be checked.
fn lengths(header: &[u8]) -> [usize; SECTIONS] {
    let (words, _) = header[LENGTHS_AT..BODY_HASH_AT].as_chunks::<8>();
    std::array::from_fn(|i| u64::from_le_bytes(words[i]) as usize)
}

/// Where a section begins; of the one behind the last, the file's length.
fn start_of(lengths: &[usize; SECTIONS], section: usize) -> usize {
    PAGE_BYTES + lengths[..section].iter().map(|length| length.next_multiple_of(PAGE_BYTES)).sum::<usize>()
}

/// Writes a file, section by section: one at a time is in memory twice.
fn make(
    source: Source,
    path: &Path,
    key_hash: &[u8; HASH_BYTES],
    size: TableSize,
    stop: &Stop,
) -> Result<io::Result<()>, Stopped> {
    let mut writer = match File::create(path) {
        Ok(file) => Writer { file: BufWriter::new(file), hasher: Sha256::new(), lengths: [0; SECTIONS] },
        Err(error) => return Ok(Err(error)),
    };
    for table in 0..TABLES {
        let bytes = make_table(source.queries, size, table, stop)?;
        if let Err(error) = writer.write(table, &bytes) {
            return Ok(Err(error));
        }
    }
    let circuit = writer.write(TABLES, &Circuit::new(source).to_bytes());
    Ok(circuit.and_then(|()| writer.finish(key_hash, size)))
}

struct Writer {
    file: BufWriter<File>,
    hasher: Sha256,
    lengths: [usize; SECTIONS],
}

impl Writer {
    fn write(&mut self, section: usize, bytes: &[u8]) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(start_of(&self.lengths, section) as u64))?;
        self.lengths[section] = bytes.len();
        self.hasher.update(bytes);
        self.file.write_all(bytes)
    }

    fn finish(self, key_hash: &[u8; HASH_BYTES], size: TableSize) -> io::Result<()> {
        let mut header = [0; PAGE_BYTES];
        header[..KEY_AT].copy_from_slice(&prefix(size));
        header[KEY_AT..LENGTHS_AT].copy_from_slice(key_hash);
        let lengths = self.lengths.iter().flat_map(|length| (*length as u64).to_le_bytes());
        header[LENGTHS_AT..BODY_HASH_AT].iter_mut().zip(lengths).for_each(|(to, byte)| *to = byte);
        header[BODY_HASH_AT..HEADER_HASH_AT].copy_from_slice(&self.hasher.finalize());
        let hash = Sha256::digest(&header[..HEADER_HASH_AT]);
        header[HEADER_HASH_AT..][..HASH_BYTES].copy_from_slice(&hash);
        let mut file = self.file.into_inner()?;
        file.set_len(start_of(&self.lengths, SECTIONS) as u64)?;
        file.seek(SeekFrom::Start(0))?;
        file.write_all(&header)?;
        file.sync_all()
    }
}

#[cfg(test)]
mod tests {
    // Tables of a real key are tested in tests/tables.rs; here is only what those cannot see.
    use super::*;

    #[test]
    fn sections_begin_on_pages_and_do_not_overlap() {
        let lengths = [1, 4096, 4097, 0, 9];
        let starts: Vec<usize> = (0..=SECTIONS).map(|section| start_of(&lengths, section)).collect();
        assert_eq!(starts, [4096, 8192, 12288, 20480, 20480, 24576]);
    }

    #[test]
    fn names_tell_keys_and_sizes_apart() {
        let key = Path::new("folder/4x5.key");
        let name = |byte, size| path_of(key, &[byte; HASH_BYTES], size);
        assert_eq!(name(0xab, TableSize::Full), Path::new("folder/4x5.key.abababababababab.full.v1.tables"));
        assert_ne!(name(1, TableSize::Full), name(2, TableSize::Full));
        assert_ne!(name(1, TableSize::Full), name(1, TableSize::Small));
    }
}
