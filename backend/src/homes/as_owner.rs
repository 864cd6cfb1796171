//! Working with files as the owner of a home, and not as the service.
//!
//! Root's writes are past every bound that the kernel sets to users: disk quotas, blocks that
//! are kept free for root, the modes of folders. So a thread of its own, which ends with the
//! work, takes the owner's identity: the file system then treats it as the participant, who gets
//! a file that they could have made themself and nothing more. For signals the thread stays
//! root's.

use std::{io, panic::resume_unwind, thread};

use rustix::{
    process::{Gid, Uid, geteuid},
    thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid},
};

/// Does `work` as this user of this group; in a process that is not root's, as it is.
///
/// # Errors
/// When the identity cannot be taken; `work` is not begun then.
pub(super) fn as_owner<T: Send>(
    user: Uid,
    group: Gid,
    work: impl FnOnce() -> T + Send,
) -> io::Result<T> {
    if !geteuid().is_root() || user.is_root() {
        return Ok(work());
    }
    thread::scope(|scope| {
        let worker = thread::Builder::new()
            .name("as-owner".to_owned())
            .spawn_scoped(scope, || {
                take_identity(user, group)?;
                Ok(work())
            })?;
        worker.join().unwrap_or_else(|panic| resume_unwind(panic))
    })
}

/// Sets the identity of this thread alone, and only as it counts for files: with another
/// effective user than root it has no capabilities in effect either, such as that to go beyond
/// quotas.
fn take_identity(user: Uid, group: Gid) -> io::Result<()> {
    set_thread_groups(&[])?;
    set_thread_res_gid(None::<Gid>, group, None::<Gid>)?;
    set_thread_res_uid(None::<Uid>, user, None::<Uid>)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{
        fs::{self, Permissions},
        os::unix::fs::{MetadataExt, PermissionsExt, chown},
        path::Path,
    };

    use super::*;

    const OWNER: u32 = 12_345;

    fn write_as_owner(path: &Path) -> io::Result<()> {
        let (user, group) = (Uid::from_raw(OWNER), Gid::from_raw(OWNER));
        as_owner(user, group, || fs::write(path, "x"))?
    }

    #[test]
    fn a_file_is_the_owners_and_is_made_where_the_owner_may() {
        if !geteuid().is_root() {
            // Only root can take another identity: the work is done as it is.
            let done = as_owner(Uid::from_raw(OWNER), Gid::from_raw(OWNER), geteuid);
            assert_eq!(done.unwrap(), geteuid());
            return;
        }
        let base = tempfile::tempdir().unwrap();
        fs::set_permissions(base.path(), Permissions::from_mode(0o755)).unwrap();
        let home = base.path().join("home");
        fs::create_dir(&home).unwrap();
        chown(&home, Some(OWNER), Some(OWNER)).unwrap();
        write_as_owner(&home.join("a")).unwrap();
        let made = fs::metadata(home.join("a")).unwrap();
        assert_eq!((made.uid(), made.gid()), (OWNER, OWNER));
        // Root would write here, and may again afterwards.
        fs::set_permissions(&home, Permissions::from_mode(0o555)).unwrap();
        let refused = write_as_owner(&home.join("b")).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::PermissionDenied);
        assert!(write_as_owner(&base.path().join("c")).is_err());
        assert!(geteuid().is_root());
        fs::write(home.join("b"), "x").unwrap();
    }

    #[test]
    fn the_thread_has_no_capability_in_effect() {
        let status = || fs::read_to_string("/proc/thread-self/status").unwrap();
        let (user, group) = (Uid::from_raw(OWNER), Gid::from_raw(OWNER));
        let seen = as_owner(user, group, status).unwrap();
        let line = |name: &str| -> String {
            let line = seen.lines().find_map(|line| line.strip_prefix(name));
            line.unwrap()
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" ")
        };
        if geteuid().is_root() {
            assert_eq!(line("CapEff:"), "0000000000000000");
            // Real, effective, saved, of files: signals of the owner's do not reach it.
            assert_eq!(line("Uid:"), format!("0 {OWNER} 0 {OWNER}"));
            assert_eq!(line("Groups:"), "");
        }
    }
}
