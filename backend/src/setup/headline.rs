//! What there is to do for the whole class, in a sentence or two.

use shared::setup::SetupTotals;

use super::judge::{INSTALL, UPGRADE};

/// The sentences, and the command that they mean.
pub(super) fn headline(totals: &SetupTotals) -> (String, Option<String>) {
    let SetupTotals {
        running,
        silent,
        watched,
        older,
        ..
    } = *totals;
    if running == 0 {
        return ("No server is known to run.".to_owned(), None);
    }
    let mut sentences = Vec::new();
    let mut command = None;
    if silent > 0 {
        let do_not = if silent == 1 { "does" } else { "do" };
        let (their, them) = theirs(silent);
        sentences.push(format!(
            "{} {do_not} not report: `{INSTALL}` in {their} Python or image, then restart {them}.",
            of_servers(silent, running)
        ));
        if watched > 0 {
            let of_these = match (watched == silent, silent) {
                (true, 1) => "Its saves".to_owned(),
                (true, _) => "Their saves".to_owned(),
                (false, _) => format!("The saves of {watched} of these"),
            };
            sentences.push(format!(
                "{of_these} are noticed in the home, some seconds late."
            ));
        }
        command = Some(INSTALL);
    }
    if older > 0 {
        let has = if older == 1 { "has" } else { "have" };
        let (their, them) = theirs(older);
        sentences.push(format!(
            "{} {has} an older package: `{UPGRADE}` in {their} Python or image, then restart \
             {them}.",
            of_servers(older, running)
        ));
        command = command.or(Some(UPGRADE));
    }
    if sentences.is_empty() {
        sentences.push(match (running, totals.reporting == running) {
            (1, true) => "The one server that runs reports.".to_owned(),
            (1, false) => "The one server that runs has just been started.".to_owned(),
            (_, true) => format!("All {running} servers report."),
            (_, false) => format!(
                "{} report; the others have just been started.",
                of_servers(totals.reporting, running)
            ),
        });
    }
    (sentences.join(" "), command.map(str::to_owned))
}

fn of_servers(some: usize, all: usize) -> String {
    match all {
        1 => "The one server that runs".to_owned(),
        _ => format!("{some} of {all} servers"),
    }
}

fn theirs(count: usize) -> (&'static str, &'static str) {
    match count {
        1 => ("its", "it"),
        _ => ("their", "them"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(running: usize, silent: usize, watched: usize, older: usize) -> String {
        let totals = SetupTotals {
            running,
            silent,
            watched,
            older,
            reporting: running - silent,
            ..SetupTotals::default()
        };
        headline(&totals).0
    }

    #[test]
    fn the_headline_says_how_many_servers_need_what() {
        assert_eq!(
            said(40, 7, 0, 0),
            "7 of 40 servers do not report: `pip install pipalhub_singleuser-*.whl` in their Python or \
             image, then restart them."
        );
        let one = said(40, 1, 1, 2);
        assert!(
            one.starts_with("1 of 40 servers does not report: "),
            "{one}"
        );
        assert!(
            one.contains("then restart it. Its saves are noticed"),
            "{one}"
        );
        assert!(
            one.contains("2 of 40 servers have an older package: "),
            "{one}"
        );
        assert!(said(9, 3, 2, 0).contains("The saves of 2 of these are noticed"));
        assert_eq!(said(40, 0, 0, 0), "All 40 servers report.");
        assert_eq!(said(1, 0, 0, 0), "The one server that runs reports.");
        assert_eq!(said(0, 0, 0, 0), "No server is known to run.");
        assert!(said(1, 1, 0, 0).starts_with("The one server that runs does not report: "));
    }
}
