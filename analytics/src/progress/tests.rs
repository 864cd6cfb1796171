use super::*;
use crate::testing::{STUB, TestCell, code, handout, lesson, lesson_with, snapshot, text};

const SOLVED: &str = "def area(width, height):\n    return width * height";
const DEMO: usize = 3;
const EXERCISE: usize = 5;

struct Copy {
    progress: Progress,
    handout: AnchoredHandout,
    now_ms: i64,
}

impl Copy {
    fn born() -> Self {
        let mut copy = Self {
            progress: Progress::default(),
            handout: handout(&lesson()),
            now_ms: 0,
        };
        copy.save(&lesson());
        copy
    }

    /// Saves five seconds later.
    fn save(&mut self, cells: &[TestCell]) {
        self.now_ms += 5_000;
        self.progress
            .note(self.now_ms, &snapshot(cells), Some(&self.handout));
    }

    fn change(&mut self, at: usize, cell: TestCell) {
        self.save(&lesson_with(&[(at, cell)]));
    }

    fn state(&self, at: usize) -> CellState {
        self.progress.anchor(self.handout.cells()[at].anchor).state
    }
}

#[test]
fn a_demonstration_is_done_when_it_was_run() {
    let mut copy = Copy::born();
    assert_eq!(copy.state(DEMO), CellState::NotReached);
    copy.change(
        DEMO,
        code("df = pd.read_csv('prices.csv')\ndf.head()").printed(1, "a b"),
    );
    assert_eq!(
        (copy.state(DEMO), copy.progress.reached()),
        (CellState::Done, 1)
    );
}

#[test]
fn an_exercise_is_done_with_a_text_of_their_own() {
    let mut copy = Copy::born();
    copy.change(EXERCISE, code(STUB).ran(1));
    assert_eq!(copy.state(EXERCISE), CellState::Ran);
    copy.change(EXERCISE, code(SOLVED).ran(1));
    assert_eq!(copy.state(EXERCISE), CellState::Edited);
    copy.change(
        EXERCISE,
        code(SOLVED).failed(2, "NameError", "name 'w' is not defined"),
    );
    assert_eq!(copy.state(EXERCISE), CellState::Failed);
    copy.change(EXERCISE, code(SOLVED).ran(3));
    assert_eq!(copy.state(EXERCISE), CellState::Done);
    copy.change(EXERCISE, code(&format!("{SOLVED}\n# and")).ran(3));
    assert_eq!(copy.state(EXERCISE), CellState::Done);
    // A new kernel, and all outputs cleared.
    copy.change(EXERCISE, code(SOLVED));
    assert_eq!(copy.state(EXERCISE), CellState::Done);
}

#[test]
fn an_edit_that_is_taken_back_is_none() {
    let mut copy = Copy::born();
    copy.change(EXERCISE, code("x"));
    assert_eq!(copy.state(EXERCISE), CellState::Edited);
    copy.save(&lesson());
    assert_eq!(copy.state(EXERCISE), CellState::NotReached);
}

#[test]
fn what_was_done_stays_done_when_it_is_deleted() {
    let mut copy = Copy::born();
    copy.change(EXERCISE, code(SOLVED).ran(1));
    let mut cells = lesson();
    cells.remove(EXERCISE);
    copy.save(&cells);
    assert_eq!(copy.state(EXERCISE), CellState::Done);
}

#[test]
fn a_run_of_the_whole_notebook_does_no_demonstration() {
    let demos: Vec<TestCell> = (0..6)
        .map(|n| code(&format!("print('part {n}', compute({n}))")))
        .collect();
    let given = handout(&demos);
    let all: Vec<TestCell> = demos
        .iter()
        .enumerate()
        .map(|(n, cell)| cell.clone().printed(n as u32 + 1, "x"))
        .collect();
    let mut progress = Progress::default();
    progress.note(0, &snapshot(&demos), Some(&given));
    progress.note(5_000, &snapshot(&all), Some(&given));
    let states: Vec<CellState> = given
        .cells()
        .iter()
        .map(|cell| progress.anchor(cell.anchor).state)
        .collect();
    assert_eq!(states, [CellState::Ran; 6]);
}

#[test]
fn runs_that_the_handout_came_with_are_nobodys() {
    let cells = [
        code("import math").ran(1),
        code("1 / 0").failed(2, "ZeroDivisionError", "division by zero"),
    ];
    let given = handout(&cells);
    let mut progress = Progress::default();
    progress.note(0, &snapshot(&cells), Some(&given));
    assert_eq!((progress.runs().count(), progress.reached()), (0, 0));
    // The handout shows this error, so it is no mistake.
    let again = [
        code("import math").ran(1),
        code("1 / 0").failed(3, "ZeroDivisionError", "division by zero"),
    ];
    progress.note(5_000, &snapshot(&again), Some(&given));
    assert!(progress.open_episodes().is_empty());
    assert_eq!(progress.reached(), 1);
}

#[test]
fn an_error_is_followed_until_it_is_solved() {
    let mut copy = Copy::born();
    let failed = |count: u32, source: &str| code(source).failed(count, "KeyError", "'price'");
    copy.change(EXERCISE, failed(1, SOLVED));
    copy.change(EXERCISE, failed(2, SOLVED));
    // Three runs were made since, of which only the last is seen.
    copy.change(EXERCISE, failed(5, "df['price']"));
    let [episode] = copy.progress.open_episodes() else {
        panic!("one")
    };
    assert_eq!(
        (episode.runs, episode.reruns, episode.place),
        (5, 1, Some(copy.handout.cells()[EXERCISE].anchor))
    );
    assert_eq!((episode.begun_ms, episode.last_run_ms), (10_000, 20_000));
    copy.change(EXERCISE, code("df['prices']").printed(6, "1"));
    assert!(copy.progress.open_episodes().is_empty());
    let ended: Vec<&Episode> = copy.progress.ended_episodes().collect();
    assert_eq!(ended[0].solved_after_ms(), Some(15_000));
    // It fails again at once: nothing was solved.
    copy.change(EXERCISE, failed(7, SOLVED));
    assert_eq!(copy.progress.open_episodes()[0].failing_since_ms, 10_000);
}

#[test]
fn what_a_late_copy_had_run_before_is_not_counted() {
    let given = handout(&lesson());
    let mut progress = Progress::default();
    let failed = code("df").failed(40, "NameError", "name 'df' is not defined");
    progress.note(
        0,
        &snapshot(&lesson_with(&[(EXERCISE, failed)])),
        Some(&given),
    );
    assert_eq!(progress.open_episodes()[0].runs, 1);
}

#[test]
fn an_error_ends_with_its_cell() {
    let mut copy = Copy::born();
    copy.change(
        EXERCISE,
        code("x").failed(1, "NameError", "name 'x' is not defined"),
    );
    let mut cells = lesson();
    cells.remove(EXERCISE);
    copy.save(&cells);
    assert!(copy.progress.open_episodes().is_empty());
    assert!(matches!(
        copy.progress.ended_episodes().next().unwrap().ended,
        Some((_, Ending::Removed))
    ));
}

#[test]
fn an_interruption_and_an_expected_error_are_no_mistakes() {
    let mut copy = Copy::born();
    copy.change(EXERCISE, code(SOLVED).failed(1, "KeyboardInterrupt", ""));
    copy.change(
        DEMO,
        code("1 / 0")
            .tag("raises-exception")
            .failed(2, "ZeroDivisionError", "division by zero"),
    );
    assert!(copy.progress.open_episodes().is_empty());
    assert_eq!(copy.state(DEMO), CellState::Done);
    assert!(copy.progress.runs().all(|run| run.error.is_none()));
}

#[test]
fn a_new_kernel_is_noticed() {
    let mut copy = Copy::born();
    copy.change(DEMO, code("df").printed(7, "a"));
    copy.change(DEMO, code("df").printed(1, "b"));
    assert_eq!(copy.progress.restarts, 1);
}

#[test]
fn pieces_of_a_done_cell_are_done() {
    let mut copy = Copy::born();
    copy.change(
        DEMO,
        code("df = pd.read_csv('prices.csv')\ndf.head()").printed(1, "a b"),
    );
    let mut cells = lesson_with(&[(DEMO, code("df.head()").printed(1, "a b"))]);
    cells.insert(DEMO, code("df = pd.read_csv('prices.csv')"));
    copy.save(&cells);
    assert_eq!(copy.state(DEMO), CellState::Done);
    copy.save(&cells);
    assert_eq!(copy.state(DEMO), CellState::Done);
}

#[test]
fn splitting_a_cell_that_was_not_reached_is_no_edit() {
    let mut copy = Copy::born();
    let mut cells = lesson_with(&[(DEMO, code("df.head()"))]);
    cells.insert(DEMO, code("df = pd.read_csv('prices.csv')"));
    copy.save(&cells);
    assert_eq!(copy.state(DEMO), CellState::NotReached);
}

#[test]
fn time_at_work_leaves_out_long_gaps() {
    let mut copy = Copy::born();
    copy.change(EXERCISE, code("a"));
    copy.change(EXERCISE, code("b"));
    copy.now_ms += 10 * 60_000;
    copy.change(EXERCISE, code("c"));
    let anchor = copy.handout.cells()[EXERCISE].anchor;
    assert_eq!(copy.progress.anchor(anchor).worked_ms, 10_000);
}

#[test]
fn what_is_kept_of_somebody_is_bounded() {
    let given = handout(&lesson());
    let mut progress = Progress::default();
    for round in 0..400_u32 {
        let cells: Vec<TestCell> = (0..50)
            .map(|n| {
                code(&format!("x{n} = {round}")).failed(
                    round * 50 + n + 1,
                    "NameError",
                    &format!("name 'y{round}' is not defined"),
                )
            })
            .collect();
        progress.note(i64::from(round) * 1_000, &snapshot(&cells), Some(&given));
    }
    assert_eq!(progress.runs().count(), MAX_RUNS);
    assert_eq!(progress.open_episodes().len(), 50);
    assert_eq!(progress.ended_episodes().count(), MAX_ENDED_EPISODES);
    let size = serde_json::to_string(&progress).unwrap().len();
    assert!(size < 400_000, "{size}");
}

#[test]
fn texts_have_no_state() {
    let given = handout(&[text("# a"), code("1")]);
    assert_eq!(given.code_cells().count(), 1);
}
