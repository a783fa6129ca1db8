//! A flag by which long work is told to end.
//!
//! Every kernel polls it at least every 2 ms of work on each thread, so a proof that nobody wants any more gives its
//! cores back within a few milliseconds and whatever it borrowed, key and tables, stays usable.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

/// Somebody asked for the work to end; nothing is wrong with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("stopped")]
pub struct Stopped;

/// Tells one piece of work to end: once set it stays so, for all clones. Clones are cheap, polling is one plain load.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// A flag that is not set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Tells whoever polls this flag or a clone to end. Nothing is published with it, so the order is relaxed.
    pub fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// `Err` once the flag is set: for `stop.check()?` between blocks of work.
    #[inline]
    pub fn check(&self) -> Result<(), Stopped> {
        if self.is_set() { Err(Stopped) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_flag_lets_work_go_on() {
        assert_eq!(Stop::new().check(), Ok(()));
    }

    #[test]
    fn setting_one_clone_stops_all_of_them_for_good() {
        let stop = Stop::new();
        let clone = stop.clone();
        clone.set();
        clone.set();
        assert_eq!(stop.check(), Err(Stopped));
        assert!(clone.is_set());
    }

    #[test]
    fn flags_are_independent() {
        let (one, other) = (Stop::new(), Stop::new());
        one.set();
        assert!(!other.is_set());
    }

    #[test]
    fn a_thread_that_polls_sees_a_flag_set_elsewhere() {
        let stop = Stop::new();
        let seen = stop.clone();
        let worker = std::thread::spawn(move || {
            while seen.check().is_ok() {
                std::hint::spin_loop();
            }
        });
        stop.set();
        assert!(worker.join().is_ok());
    }
}
