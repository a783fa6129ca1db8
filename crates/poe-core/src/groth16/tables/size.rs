//! How much memory tables may take.

use std::fs;

use ark_bn254::{g1, g2};

use crate::groth16::engine::Options;

/// How much memory is spent on speed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableSize {
    Full,
    Small,
}

/// A size that there is none of.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there are no \"{name}\" tables: auto, full or small")]
pub struct UnknownSize {
    pub name: String,
}

impl TableSize {
    pub fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Small => "small",
        }
    }

    /// "full", "small", or "auto": full if that takes at most half of the memory that is free now, for a circuit of so
    /// many wires whose domain has so many points.
    pub fn named(name: &str, wires: usize, points: usize) -> Result<Self, UnknownSize> {
        match name {
            "full" => Ok(Self::Full),
            "small" => Ok(Self::Small),
            "auto" => Ok(Self::fitting(Self::Full.size_bytes(wires, points), free_bytes())),
            _ => Err(UnknownSize { name: name.to_owned() }),
        }
    }

    /// Full tables if they take at most half of what is free, or nobody knows.
    fn fitting(full_bytes: usize, free_bytes: Option<usize>) -> Self {
        if free_bytes.is_none_or(|free| full_bytes <= free / 2) { Self::Full } else { Self::Small }
    }

    pub(super) fn options(self, bases: usize) -> Options {
        match self {
            Self::Full => Options::full(bases),
            Self::Small => Options::small(bases),
        }
    }

    /// At most this many bytes: columns at infinity are left out of tables.
    pub fn size_bytes(self, wires: usize, points: usize) -> usize {
        let of_witness = self.options(wires);
        2 * of_witness.size_bytes::<g1::Config>(wires, wires)
            + of_witness.size_bytes::<g2::Config>(wires, wires)
            + self.options(points).size_bytes::<g1::Config>(points, points)
    }
}

/// Memory that can be had without swapping: the machine's, or what its control group still allows.
fn free_bytes() -> Option<usize> {
    let machine = available_bytes(&fs::read_to_string("/proc/meminfo").ok()?)?;
    let number = |name: &str| {
        let text = fs::read_to_string(format!("/sys/fs/cgroup/memory.{name}")).ok()?;
        text.trim().parse::<usize>().ok()
    };
    let group = number("max").zip(number("current")).map(|(max, current)| max.saturating_sub(current));
    Some(group.map_or(machine, |group| group.min(machine)))
}

/// `MemAvailable` of /proc/meminfo, which is in KiB.
fn available_bytes(meminfo: &str) -> Option<usize> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.split_whitespace().next()?.parse::<usize>().ok().map(|kibibytes| kibibytes << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_tables_are_chosen_while_they_take_half_of_what_is_free() {
        assert_eq!(TableSize::fitting(100, Some(200)), TableSize::Full);
        assert_eq!(TableSize::fitting(101, Some(200)), TableSize::Small);
        assert_eq!(TableSize::fitting(101, Some(0)), TableSize::Small);
        assert_eq!(TableSize::fitting(101, None), TableSize::Full);
    }

    #[test]
    fn available_memory_is_read_from_the_kernels_list() {
        let text = "MemTotal:       24683812 kB\nMemFree:   1 kB\nMemAvailable:   2048 kB\n";
        assert_eq!(available_bytes(text), Some(2 << 20));
        assert_eq!(available_bytes("MemTotal: 5 kB\n"), None);
        assert_eq!(available_bytes("MemAvailable: many kB\n"), None);
    }
}
