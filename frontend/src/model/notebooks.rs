//! The list of the class's notebooks: its order, its search, and the notebook on which the wall
//! opens.

use shared::wire::NotebookSummary;

/// The notebook that most participants worked on in the last minutes. Where nobody is at work, or
/// each by themselves, it is the one that most have, and of those the one that was saved last.
pub fn most_worked_on(notebooks: &[NotebookSummary]) -> Option<&NotebookSummary> {
    notebooks.iter().max_by_key(|it| {
        let together = if it.at_work > 1 { it.at_work } else { 0 };
        (together, it.participants, it.saved_at_ms)
    })
}

/// The notebooks whose name contains `text`, those that many have first. `lower` makes small
/// letters.
pub fn found<'a>(
    notebooks: &'a [NotebookSummary],
    text: &str,
    lower: impl Fn(&str) -> String,
) -> Vec<&'a NotebookSummary> {
    let needle = lower(text.trim());
    let is_found =
        |it: &&NotebookSummary| needle.is_empty() || lower(&it.filename).contains(&needle);
    let mut found: Vec<&NotebookSummary> = Vec::new();
    for notebook in notebooks.iter().filter(is_found) {
        // They come by name; equals stay so.
        let at = found.partition_point(|it| it.participants >= notebook.participants);
        found.insert(at, notebook);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notebook(
        filename: &str,
        participants: usize,
        at_work: usize,
        saved_at_ms: i64,
    ) -> NotebookSummary {
        NotebookSummary {
            filename: filename.to_owned(),
            participants,
            saved_at_ms,
            at_work,
        }
    }

    #[test]
    fn the_wall_opens_where_most_are_at_work() {
        let opened =
            |notebooks: &[NotebookSummary]| most_worked_on(notebooks).map(|it| it.filename.clone());
        let [day1, day2, own] = [
            notebook("day1", 300, 1, 50),
            notebook("day2", 290, 41, 60),
            notebook("own", 1, 1, 70),
        ];
        assert_eq!(opened(&[day1.clone(), day2, own.clone()]).unwrap(), "day2");
        // After the class nobody is at work, but for the one who saved last.
        let day2 = notebook("day2", 300, 0, 60);
        assert_eq!(opened(&[day1, day2, own.clone()]).unwrap(), "day2");
        assert_eq!(opened(&[own]).unwrap(), "own");
        assert_eq!(opened(&[]), None);
    }

    #[test]
    fn what_many_have_comes_first_and_can_be_searched() {
        let all = [
            notebook("a.ipynb", 1, 0, 0),
            notebook("Übung.ipynb", 3, 0, 0),
            notebook("c.ipynb", 3, 0, 0),
            notebook("b.ipynb", 1, 0, 0),
        ];
        let names = |text| {
            let found = found(&all, text, str::to_lowercase);
            found.iter().map(|it| &*it.filename).collect::<Vec<_>>()
        };
        assert_eq!(names(""), ["Übung.ipynb", "c.ipynb", "a.ipynb", "b.ipynb"]);
        assert_eq!(names(" übung "), ["Übung.ipynb"]);
        assert!(names("zzz").is_empty());
    }
}
