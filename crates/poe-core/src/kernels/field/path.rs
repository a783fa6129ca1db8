//! Which instructions this machine offers, asked once and carried as a value.

/// Proof that this machine has the AVX-512 instructions [`super::Lanes`] is made of.
///
/// Only [`Ifma::detect`] makes one, so whoever holds it (or a `Lanes`, which needs it) may execute them.
#[derive(Clone, Copy, Debug)]
pub struct Ifma(());

impl Ifma {
    /// `Some` on machines with AVX-512 F, IFMA and VBMI2 (Ice Lake, Zen 4 and later).
    pub fn detect() -> Option<Self> {
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512ifma")
            && is_x86_feature_detected!("avx512vbmi2")
        {
            return Some(Self(()));
        }
        None
    }
}

/// The implementation a kernel runs on.
#[derive(Clone, Copy, Debug)]
pub enum Path {
    /// Eight lanes of 52-bit limbs.
    Ifma(Ifma),
    /// One element at a time in 64-bit words.
    Scalar,
}

impl Path {
    /// The fastest path of this machine.
    pub fn detect() -> Self {
        Ifma::detect().map_or(Self::Scalar, Self::Ifma)
    }

    /// Every path this machine can run, fastest first; tests and benchmarks go through all of them.
    pub fn all() -> Vec<Self> {
        let ifma = Ifma::detect().map(Self::Ifma);
        ifma.into_iter().chain([Self::Scalar]).collect()
    }

    /// `ifma` or `scalar`, as reports and options name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ifma(_) => "ifma",
            Self::Scalar => "scalar",
        }
    }

    /// The path of that name, if it exists and this machine can run it.
    pub fn named(name: &str) -> Option<Self> {
        Self::all().into_iter().find(|path| path.name() == name)
    }
}
