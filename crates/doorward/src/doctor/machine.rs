//! What the machine gives: a local disk with room, and enough open files.

use std::path::Path;

use rustix::fs::{statfs, statvfs};
use rustix::process::{Resource, getrlimit};

use super::Outcome;

/// What is wrong with the file system of a folder, which may not be there yet.
pub(super) fn file_system(folder: &Path) -> Option<(Outcome, String)> {
    let found = statfs(there(folder)).ok()?;
    // Narrower on some machines; the numbers themselves are of 32 bits.
    kind(found.f_type as u64 & 0xffff_ffff)
}

fn kind(magic: u64) -> Option<(Outcome, String)> {
    let name = match magic {
        0x6969 => "NFS",
        0xff53_4d42 | 0xfe53_4d42 | 0x517b => "SMB",
        0x0102_1997 => "9p",
        0x00c3_6400 => "Ceph",
        0x6573_5546 => return Some((Outcome::Warn, "the database lies on FUSE: see that it keeps locks and syncs, or use a local disk".to_owned())),
        0x794c_7630 => return Some((Outcome::Warn, "the database lies in a container's own layer and goes with it: mount a volume".to_owned())),
        0x0102_1994 => return Some((Outcome::Warn, "the database lies in memory (tmpfs) and goes with the next restart of the machine".to_owned())),
        _ => return None,
    };
    Some((Outcome::Fail, format!("the database lies on {name}, a network file system, which can't keep it safe: use a local disk, or PostgreSQL")))
}

/// Whether the disk of a folder is nearly full.
pub(super) fn disk_space(folder: &Path) -> Option<(Outcome, String)> {
    let found = statvfs(there(folder)).ok()?;
    room(found.f_bavail.saturating_mul(found.f_frsize), found.f_blocks.saturating_mul(found.f_frsize))
}

fn room(free: u64, all: u64) -> Option<(Outcome, String)> {
    let mib = free >> 20;
    if mib < 100 {
        Some((Outcome::Fail, format!("{mib} MiB are free on the database's disk: make room, or changes will be refused with 503")))
    } else if mib < 1_024 || free < all / 20 {
        Some((Outcome::Warn, format!("{mib} MiB are free on the database's disk: make room before changes are refused")))
    } else {
        None
    }
}

/// Whether the system allows as many open files as connections need.
pub(super) fn open_files(connections: usize) -> Option<(Outcome, String)> {
    files(getrlimit(Resource::Nofile).maximum, connections as u64)
}

fn files(allowed: Option<u64>, connections: u64) -> Option<(Outcome, String)> {
    let allowed = allowed.filter(|allowed| *allowed < connections + 64)?;
    Some((
        Outcome::Warn,
        format!("{allowed} open files are allowed for {connections} connections: raise the limit (LimitNOFILE, ulimit -n), or lower --max-connections"),
    ))
}

/// The nearest folder above that is there.
fn there(folder: &Path) -> &Path {
    folder.ancestors().find(|folder| folder.exists()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(found: Option<(Outcome, String)>) -> Option<Outcome> {
        found.map(|(outcome, _)| outcome)
    }

    #[test]
    fn network_file_systems_full_disks_and_low_limits_are_found() {
        assert_eq!(outcome(kind(0x6969)), Some(Outcome::Fail));
        assert_eq!(outcome(kind(0xfe53_4d42)), Some(Outcome::Fail));
        assert_eq!(outcome(kind(0x794c_7630)), Some(Outcome::Warn));
        assert_eq!(outcome(kind(0xef53)), None, "ext4");
        assert_eq!(outcome(room(99 << 20, 1 << 40)), Some(Outcome::Fail));
        assert_eq!(outcome(room(10 << 30, 1 << 40)), Some(Outcome::Warn));
        assert_eq!(outcome(room(100 << 30, 1 << 40)), None);
        assert_eq!(outcome(files(Some(1_024), 10_000)), Some(Outcome::Warn));
        assert_eq!(outcome(files(Some(1 << 20), 10_000)), None);
        assert_eq!(outcome(files(None, 10_000)), None);
    }
}
