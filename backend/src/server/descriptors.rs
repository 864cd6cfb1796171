//! How many files this process may have open: connections, the database, notebooks.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors left for all but connections: the database, watched folders, notebooks that
/// are read, questions to the Hub.
const RESERVED_DESCRIPTORS: u64 = 256;

/// Raises the limit as far as `connections` need it, and returns how many there can be.
pub(super) fn room_for(connections: usize) -> usize {
    let wanted = u64::try_from(connections).unwrap_or(u64::MAX);
    let allowed = raise_to(wanted.saturating_add(RESERVED_DESCRIPTORS));
    let room = allowed.saturating_sub(RESERVED_DESCRIPTORS).max(1);
    if room < wanted {
        tracing::warn!(
            "{room} connections at once instead of {connections}: this process may open \
             {allowed} files (ulimit -n, LimitNOFILE of systemd)"
        );
    }
    usize::try_from(room.min(wanted)).unwrap_or(connections)
}

/// Most systems start processes with a low limit that they may raise by themselves.
fn raise_to(wanted: u64) -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let Some(current) = limit.current.filter(|current| *current < wanted) else {
        return u64::MAX;
    };
    let raised = limit.maximum.map_or(wanted, |most| wanted.min(most));
    let raised_limit = Rlimit {
        current: Some(raised),
        ..limit
    };
    match setrlimit(Resource::Nofile, raised_limit) {
        Ok(()) => raised,
        Err(_) => current,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_for_gives_as_many_as_asked_or_allowed() {
        assert_eq!(room_for(1), 1);
        let room = room_for(1_000);
        assert!(room > 0 && room <= 1_000, "{room}");
        if let Some(allowed) = getrlimit(Resource::Nofile).current {
            assert!(room as u64 + RESERVED_DESCRIPTORS <= allowed.max(RESERVED_DESCRIPTORS + 1));
        }
    }
}
