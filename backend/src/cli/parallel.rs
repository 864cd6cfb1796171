//! A parallel map over all cores.

use std::{panic, thread};

use parking_lot::Mutex;

/// The result of `work` for each of `items`, in their order.
pub(super) fn in_parallel<T: Send, R: Send>(items: Vec<T>, work: impl Fn(T) -> R + Sync) -> Vec<R> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let threads = cores.min(items.len());
    if threads <= 1 {
        return items.into_iter().map(work).collect();
    }
    let mut done = Vec::with_capacity(items.len());
    let items = Mutex::new(items.into_iter().enumerate());
    let next = || items.lock().next();
    let work_on_some = || -> Vec<(usize, R)> {
        std::iter::from_fn(next)
            .map(|(at, item)| (at, work(item)))
            .collect()
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work_on_some)).collect();
        for thread in threads {
            match thread.join() {
                Ok(some) => done.extend(some),
                Err(panicked) => panic::resume_unwind(panicked),
            }
        }
    });
    done.sort_unstable_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_in_the_order_of_their_items() {
        let doubled = in_parallel((0..1000).collect(), |n: i32| n * 2);
        assert_eq!(doubled, (0..1000).map(|n| n * 2).collect::<Vec<_>>());
        assert!(in_parallel(Vec::new(), |n: i32| n).is_empty());
    }
}
