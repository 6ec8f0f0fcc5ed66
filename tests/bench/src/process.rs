//! What processes weigh and how long they computed, read from the kernel.

use std::{fs, time::Duration};

use crate::report::Failure;

/// The memory of this process before a piece of work.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Weight {
    before_kib: u64,
}

impl Weight {
    /// Forgets the highest weight so far and notes the present one.
    ///
    /// # Errors
    /// When the kernel does not tell.
    pub(crate) fn begin() -> Result<Self, Failure> {
        fs::write("/proc/self/clear_refs", "5")?;
        Ok(Self { before_kib: status(std::process::id(), "VmRSS:")? })
    }

    /// By how much this process weighed more, at most, since [`Weight::begin`], in KiB.
    ///
    /// # Errors
    /// When the kernel does not tell.
    pub(crate) fn peak(self) -> Result<u64, Failure> {
        Ok(status(std::process::id(), "VmHWM:")?.saturating_sub(self.before_kib))
    }
}

/// The highest weight of a process so far, in KiB.
///
/// # Errors
/// When there is no such process.
pub(crate) fn weigh(process: u32) -> Result<u64, Failure> {
    status(process, "VmHWM:")
}

/// What a process weighs now, in KiB.
///
/// # Errors
/// When there is no such process.
pub(crate) fn weight_now(process: u32) -> Result<u64, Failure> {
    status(process, "VmRSS:")
}

fn status(process: u32, field: &str) -> Result<u64, Failure> {
    let text = fs::read_to_string(format!("/proc/{process}/status"))?;
    let value = text.lines().find_map(|line| line.strip_prefix(field));
    let number = value.and_then(|value| value.trim().strip_suffix(" kB")).ok_or("the kernel does not tell")?;
    Ok(number.trim().parse()?)
}

/// Processor time of processes that this one started and that have ended.
///
/// # Errors
/// When the kernel does not tell.
pub(crate) fn children_time() -> Result<Duration, Failure> {
    let [.., user, system] = times(std::process::id())?;
    Ok(user + system)
}

/// Processor time of a process that still runs.
///
/// # Errors
/// When there is no such process.
pub(crate) fn time_of(process: u32) -> Result<Duration, Failure> {
    let [user, system, ..] = times(process)?;
    Ok(user + system)
}

/// The four times of `/proc/PID/stat`: its own in programs and in the kernel, those of its children.
fn times(process: u32) -> Result<[Duration; 4], Failure> {
    let text = fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The name of the program stands in brackets and may hold anything.
    let (_, after) = text.rsplit_once(") ").ok_or("the kernel does not tell")?;
    let mut fields = after.split(' ').skip(11);
    let ticks = rustix::param::clock_ticks_per_second();
    let mut times = [Duration::ZERO; 4];
    for time in &mut times {
        let count: u64 = fields.next().ok_or("the kernel does not tell")?.parse()?;
        *time = Duration::from_secs_f64(count as f64 / ticks as f64);
    }
    Ok(times)
}
