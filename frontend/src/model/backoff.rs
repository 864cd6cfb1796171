//! How long to wait before a failed request is retried.

/// The first wait, before jitter.
const FIRST_WAIT_MS: u32 = 1_000;
/// The longest wait before the stream is opened again.
const MAX_RECONNECT_WAIT_MS: u32 = 10_000;
/// The longest wait before a request is retried; longer than that of the stream, because there are
/// more requests, and they are retried at once when the stream is open again.
const MAX_RETRY_WAIT_MS: u32 = 30_000;

/// The wait before the stream is opened for attempt number `attempt`, counted from 1, between
/// 1 s and 10 s.
///
/// It doubles, and a quarter of it varies with the attempt and with `salt`, which
/// differs from page to page: after a restart of the service a whole class would
/// otherwise come back in the same instant.
pub fn reconnect_wait_ms(attempt: u32, salt: u32) -> u32 {
    wait_ms(attempt, salt, MAX_RECONNECT_WAIT_MS)
}

/// The wait before a request that has failed `failures` times is retried, up to 30 s.
pub fn retry_wait_ms(failures: u32, salt: u32) -> u32 {
    wait_ms(failures, salt, MAX_RETRY_WAIT_MS)
}

fn wait_ms(attempt: u32, salt: u32, longest: u32) -> u32 {
    let doublings = attempt.saturating_sub(1).min(5);
    let full = (FIRST_WAIT_MS << doublings).min(longest);
    let spread = full / 4;
    // A multiplicative hash; its high bits are well mixed.
    let mixed = attempt.wrapping_add(salt).wrapping_mul(0x9E37_79B1) >> 16;
    (full - mixed % (spread + 1)).max(FIRST_WAIT_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wait_is_between_one_and_ten_seconds() {
        for attempt in 0..200 {
            for salt in [0, 1, 77, u32::MAX] {
                let wait = reconnect_wait_ms(attempt, salt);
                assert!(
                    (FIRST_WAIT_MS..=MAX_RECONNECT_WAIT_MS).contains(&wait),
                    "{attempt} {wait}"
                );
                let pause = retry_wait_ms(attempt, salt);
                assert!(
                    (wait..=MAX_RETRY_WAIT_MS).contains(&pause),
                    "{attempt} {pause}"
                );
            }
        }
    }

    #[test]
    fn waits_grow() {
        assert!(reconnect_wait_ms(1, 3) < reconnect_wait_ms(3, 3));
        assert!(reconnect_wait_ms(3, 3) < reconnect_wait_ms(5, 3));
        assert!(reconnect_wait_ms(9, 3) >= MAX_RECONNECT_WAIT_MS / 4 * 3);
    }

    #[test]
    fn two_pages_come_back_at_different_times() {
        let waits: std::collections::BTreeSet<_> =
            (0..100).map(|salt| reconnect_wait_ms(4, salt)).collect();
        assert!(waits.len() > 50);
    }
}
