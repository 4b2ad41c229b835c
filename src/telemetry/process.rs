//! What the system says of this process. Source: proc(5).

use std::fs;

/// Ticks of the clock in a second, as Linux tells times to programs on every architecture that we run on (USER_HZ).
const TICKS_PER_SECOND: f64 = 100.0;

/// Figures of this process.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Process {
    /// Processor time used, in user and system mode.
    pub cpu_s: f64,
    /// Memory that is in RAM.
    pub resident_bytes: u64,
    /// Address space.
    pub virtual_bytes: u64,
    /// Open file descriptors.
    pub open_fds: usize,
    /// How many there may be; none: no bound.
    pub max_fds: Option<u64>,
    /// When it was started, seconds since 1970; none: nothing but processes is seen here (systemd's `ProcSubset=pid`).
    pub started_s: Option<f64>,
}

/// Reads them. `None`: this system has no /proc.
pub fn read() -> Option<Process> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The name, which is second, may hold anything; what follows its parenthesis is numbers. The third field is first there.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_ascii_whitespace().collect();
    let field = |number: usize| fields.get(number - 3)?.parse::<f64>().ok();
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let kib = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_ascii_whitespace().next()?.parse::<u64>().ok()
    };
    Some(Process {
        cpu_s: (field(14)? + field(15)?) / TICKS_PER_SECOND,
        resident_bytes: kib("VmRSS:")? * 1024,
        virtual_bytes: kib("VmSize:")? * 1024,
        // One of them is the folder that is read.
        open_fds: fs::read_dir("/proc/self/fd").ok()?.count().saturating_sub(1),
        max_fds: rustix::process::getrlimit(rustix::process::Resource::Nofile).current,
        started_s: started_s(fs::read_to_string("/proc/stat").ok().as_deref(), field(22)?),
    })
}

fn started_s(stat: Option<&str>, ticks_after_boot: f64) -> Option<f64> {
    let boot_s: f64 = stat?.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()?;
    Some(boot_s + ticks_after_boot / TICKS_PER_SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_been_started_lately_and_uses_something() {
        let process = read().unwrap();
        let now_s = crate::base::clock::wall_ms() as f64 / 1000.0;
        let started_s = process.started_s.unwrap();
        assert!(started_s > now_s - 86_400.0 && started_s < now_s + 60.0, "{process:?} at {now_s}");
        assert!(process.resident_bytes > 100_000 && process.virtual_bytes >= process.resident_bytes, "{process:?}");
        let held = fs::File::open("/proc/self/stat").unwrap();
        assert!(
            process.open_fds >= 3 && process.max_fds.is_none_or(|max| max >= process.open_fds as u64),
            "{process:?}"
        );
        drop(held);
    }

    #[test]
    fn where_the_systems_own_figures_are_hidden_only_the_start_is_not_known() {
        assert_eq!(started_s(Some("cpu 1 2\nbtime 1700000000\n"), 150.0), Some(1_700_000_001.5));
        assert_eq!(started_s(None, 150.0), None);
    }
}
