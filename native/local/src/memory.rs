//! How much memory a model takes, and how much there is.

use std::fs;

use serde::Serialize;

use crate::gguf::Info;

/// How many tokens of a prompt are computed at once.
pub const BATCH: usize = 256;

/// What JavaScript is told of the memory that one session needs, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Need {
    pub weights: u64,
    pub cache: u64,
    pub work: u64,
    pub total: u64,
}

/// What a session takes at a context of so many tokens.
pub fn need(info: &Info, context: u32) -> Need {
    let cache = info.bytes_per_token.saturating_mul(context.into());
    let total = info.bytes.saturating_add(cache).saturating_add(info.work_bytes);
    Need {
        weights: info.bytes,
        cache,
        work: info.work_bytes,
        total,
    }
}

/// What computing takes besides: a batch's values between the layers, the scores of one token, and the vocabulary's tables.
pub fn work(width: u64, inner: u64, vocabulary: u64) -> u64 {
    let batch = (width.saturating_mul(8))
        .saturating_add(inner.saturating_mul(3))
        .saturating_mul(4 * BATCH as u64);
    batch
        .saturating_add(vocabulary.saturating_mul(400))
        .saturating_add(16 << 20)
}

/// Bytes that this process can still get: what the system has, or its control group leaves, whichever is less.
pub fn available() -> u64 {
    let system = fs::read_to_string("/proc/meminfo")
        .ok()
        .and_then(|text| from_meminfo(&text));
    let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let group = own.lines().find_map(|line| line.strip_prefix("0::")).unwrap_or("/");
    // From the innermost group outwards: each has a limit of its own. In a container the path may be the host's.
    let mut least = system.unwrap_or(u64::MAX);
    let mut path = Some(group.trim_end_matches('/'));
    while let Some(group) = path {
        let number = |file: &str| -> Option<u64> {
            fs::read_to_string(format!("/sys/fs/cgroup{group}/{file}"))
                .ok()?
                .trim()
                .parse()
                .ok()
        };
        if let (Some(most), Some(used)) = (number("memory.max"), number("memory.current")) {
            // Pages of files count as used and are given up when something needs them.
            let stat = fs::read_to_string(format!("/sys/fs/cgroup{group}/memory.stat")).unwrap_or_default();
            let files = stat
                .lines()
                .find_map(|line| line.strip_prefix("inactive_file ")?.parse().ok());
            least = least.min(most.saturating_sub(used.saturating_sub(files.unwrap_or(0))));
        }
        path = group.rfind('/').map(|slash| &group[..slash]);
    }
    least
}

fn from_meminfo(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.trim()
        .strip_suffix(" kB")?
        .parse::<u64>()
        .ok()
        .map(|kilobytes| kilobytes * 1024)
}

/// Bytes for people: `98 MB`, `4.7 GB`.
pub fn shown(bytes: u64) -> String {
    if bytes < 1_000_000_000 {
        format!("{} MB", bytes.div_ceil(1_000_000))
    } else {
        format!("{:.1} GB", bytes as f64 / 1e9)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_says_is_read() {
        assert_eq!(
            from_meminfo("MemTotal: 9 kB\nMemAvailable:   1000 kB\n"),
            Some(1_024_000)
        );
        assert_eq!(from_meminfo(""), None);
        assert!(available() > 0);
    }

    #[test]
    fn sizes_are_for_people() {
        assert_eq!(shown(98_000_001), "99 MB");
        assert_eq!(shown(4_680_000_000), "4.7 GB");
    }
}
