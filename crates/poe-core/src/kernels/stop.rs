//! A flag by which long work is told to end.
//!
//! Every kernel polls it at least every 2 ms of work on each thread, so a proof that nobody wants any more gives its
//! cores back within a few milliseconds and whatever it borrowed, key and tables, stays usable.

use std::{
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
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

    /// Once the flag is set, leaves all that runs inside [`until_stopped`]: for deep work that returns no `Result`.
    #[inline]
    pub fn leave_if_set(&self) {
        if self.is_set() {
            // Unwinds as a panic does, through rayon too, but is none: no hook is called and nothing is printed.
            resume_unwind(Box::new(Stopped));
        }
    }
}

/// `work`, or `Stopped` if it was left by [`Stop::leave_if_set`]. Panics pass.
pub fn until_stopped<T>(work: impl FnOnce() -> T) -> Result<T, Stopped> {
    // What `work` was building is dropped on the way out, so nobody sees half of it.
    catch_unwind(AssertUnwindSafe(work)).map_err(|payload| match payload.downcast::<Stopped>() {
        Ok(stopped) => *stopped,
        Err(panic) => resume_unwind(panic),
    })
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
    fn deep_work_is_left_on_all_threads_once_the_flag_is_set() {
        use rayon::prelude::*;
        let stop = Stop::new();
        let sum = |stop: &Stop| (0..1000u64).into_par_iter().inspect(|_| stop.leave_if_set()).sum::<u64>();
        assert_eq!(until_stopped(|| sum(&stop)), Ok(499_500));
        stop.set();
        assert_eq!(until_stopped(|| sum(&stop)), Err(Stopped));
    }

    #[test]
    #[should_panic(expected = "a bug")]
    fn a_panic_is_not_taken_for_a_stop() {
        let _ = until_stopped(|| panic!("a bug"));
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
