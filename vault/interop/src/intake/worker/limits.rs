//! What the worker process may use, and how it limits itself.
//!
//! Measured on a generated export of 512 MiB and 1.35 million rows, optimised, on one core: 4.2 ms of CPU for each MiB
//! of a main file that is not packed, 73 ms for each MiB of its archive, which inflates twenty-five-fold; resident
//! memory 8 MB. The allowances are seven to ten times that.

use crate::intake::sniff::Format;

/// Address space, in bytes (512 MiB).
pub const ADDRESS_SPACE_BYTES: u64 = 512 << 20;
/// CPU time for any file, in seconds.
pub const CPU_SECONDS: u64 = 5;
/// Further CPU time for each MiB of an archive, in milliseconds.
pub const CPU_MS_PER_ARCHIVE_MIB: u64 = 500;
/// Further CPU time for each MiB of a telephone's main file that is not packed, in milliseconds.
pub const CPU_MS_PER_XML_MIB: u64 = 40;
/// Descriptors: standard input, output and error.
pub const DESCRIPTORS: u64 = 3;

/// A build without optimisation is about this much slower.
const SLOWER: u64 = if cfg!(debug_assertions) { 12 } else { 1 };

/// CPU seconds that a file of this size and format may take.
pub fn cpu_seconds(format: Format, size: u64) -> u64 {
    let per_mib = match format {
        Format::Zip => CPU_MS_PER_ARCHIVE_MIB,
        Format::AppleHealthXml => CPU_MS_PER_XML_MIB,
        _ => 0,
    };
    let mebibytes = size >> 20;
    let allowance = mebibytes.saturating_mul(per_mib).saturating_mul(SLOWER).div_ceil(1_000);
    CPU_SECONDS.saturating_add(allowance)
}

/// Limits the calling process, for ever: no core file, no byte written to any file, no new descriptor, no new process,
/// the address space, and the CPU time of a file of which nothing is known yet.
///
/// # Errors
/// When the system refuses a limit; the process must end then.
#[cfg(unix)]
pub(super) fn impose(cpu_seconds_max: u64) -> std::io::Result<()> {
    use rustix::process::{Resource, Rlimit, setrlimit};
    let fixed = |resource, value| setrlimit(resource, Rlimit { current: Some(value), maximum: Some(value) });
    fixed(Resource::Core, 0)?;
    fixed(Resource::Fsize, 0)?;
    fixed(Resource::Nofile, DESCRIPTORS)?;
    fixed(Resource::Nproc, 0)?;
    fixed(Resource::As, ADDRESS_SPACE_BYTES)?;
    let maximum = cpu_seconds_max.saturating_add(1);
    setrlimit(Resource::Cpu, Rlimit { current: Some(CPU_SECONDS), maximum: Some(maximum) })?;
    Ok(())
}

/// Grants the CPU time of a format once it is known; never more than [`impose`] left room for.
#[cfg(unix)]
pub(super) fn grant(cpu_seconds: u64) -> std::io::Result<()> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let maximum = getrlimit(Resource::Cpu).maximum;
    let current = maximum.map_or(cpu_seconds, |maximum| cpu_seconds.min(maximum));
    setrlimit(Resource::Cpu, Rlimit { current: Some(current), maximum })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_bulk_files_get_more_than_the_base() {
        for format in [Format::Pdf, Format::Cda, Format::FhirJson, Format::Unknown] {
            assert_eq!(cpu_seconds(format, 1 << 34), CPU_SECONDS);
        }
        assert_eq!(cpu_seconds(Format::Zip, 900 << 10), CPU_SECONDS, "less than a MiB is within the base");
        assert_eq!(cpu_seconds(Format::Zip, 100 << 20), CPU_SECONDS + 50 * SLOWER);
        let for_a_gibibyte = cpu_seconds(Format::AppleHealthXml, 1 << 30) - CPU_SECONDS;
        assert!((40 * SLOWER..=42 * SLOWER).contains(&for_a_gibibyte), "{for_a_gibibyte}");
    }
}
