use proptest::prelude::*;

use super::*;
use crate::testing::{STUB, TestCell, code, handout, lesson, lesson_with, snapshot, text};

const SOLVED: &str = "def area(width, height):\n    return width * height";

fn born() -> (Lineage, AnchoredHandout) {
    let handout = handout(&lesson());
    let mut lineage = Lineage::default();
    lineage.follow(&snapshot(&lesson()), Some(&handout));
    (lineage, handout)
}

/// The handout's cell that each cell comes from, as far as it is more than a guess.
fn anchors(lineage: &Lineage) -> Vec<Vec<u32>> {
    let sure = |cell: &TrackedCell| {
        let descents = cell
            .descents
            .iter()
            .filter(|descent| descent.confidence > Confidence::Guess);
        descents.map(|descent| descent.anchor.0).collect()
    };
    lineage.cells().iter().map(sure).collect()
}

fn with_ids(cells: Vec<TestCell>) -> Vec<TestCell> {
    cells
        .into_iter()
        .enumerate()
        .map(|(at, cell)| cell.id(&format!("id-{at}")))
        .collect()
}

#[test]
fn a_copy_is_born_as_the_handout() {
    let (lineage, _) = born();
    assert_eq!(
        anchors(&lineage),
        (0..8).map(|anchor| vec![anchor]).collect::<Vec<_>>()
    );
    let is_sure = |cell: &TrackedCell| cell.descents[0].confidence == Confidence::Sure;
    // Of the blank cell only the place is known, which is enough between equal neighbours.
    assert!(lineage.cells()[..7].iter().all(is_sure));
}

#[test]
fn a_cell_stays_itself_when_nothing_of_its_text_is_left() {
    let (mut lineage, handout) = born();
    let keys: Vec<CellKey> = lineage.cells().iter().map(|cell| cell.key).collect();
    for source in [SOLVED, "x = 1", "print('something else entirely', 17)"] {
        lineage.follow(
            &snapshot(&lesson_with(&[(5, code(source))])),
            Some(&handout),
        );
    }
    assert_eq!(anchors(&lineage)[5], [5]);
    assert_eq!(
        lineage
            .cells()
            .iter()
            .map(|cell| cell.key)
            .collect::<Vec<_>>(),
        keys
    );
}

#[test]
fn own_cells_come_from_nowhere() {
    let (mut lineage, handout) = born();
    let mut cells = lesson();
    cells.insert(4, code("df.describe()"));
    cells.push(code("scratch = 1"));
    lineage.follow(&snapshot(&cells), Some(&handout));
    let found = anchors(&lineage);
    assert!(found[4].is_empty() && found[9].is_empty());
    assert_eq!(
        (&*found[3], &*found[5], &*found[8]),
        (&[3][..], &[4][..], &[7][..])
    );
}

#[test]
fn a_split_cell_is_in_both_pieces_with_and_without_ids() {
    for ids in [true, false] {
        let named = |cells: Vec<TestCell>| if ids { with_ids(cells) } else { cells };
        let handout = handout(&lesson());
        let mut lineage = Lineage::default();
        lineage.follow(&snapshot(&named(lesson())), Some(&handout));
        let mut cells = named(lesson_with(&[(3, code("df.head()"))]));
        // JupyterLab lets the last piece keep the id.
        let first = code("df = pd.read_csv('prices.csv')");
        cells.insert(3, if ids { first.id("new") } else { first });
        lineage.follow(&snapshot(&cells), Some(&handout));
        assert_eq!(anchors(&lineage)[3..5], [[3], [3]], "ids: {ids}");
    }
}

#[test]
fn a_merged_cell_comes_from_both() {
    for ids in [true, false] {
        let named = |cells: Vec<TestCell>| if ids { with_ids(cells) } else { cells };
        let handout = handout(&lesson());
        let mut lineage = Lineage::default();
        lineage.follow(&snapshot(&named(lesson())), Some(&handout));
        let mut cells = named(lesson());
        let merged =
            text("## Reading\n\nA table is read from a file.\n\n# Tables\n\nRun each cell.");
        cells[2] = if ids { merged.id("new") } else { merged };
        cells.remove(0);
        lineage.follow(&snapshot(&cells), Some(&handout));
        let mut found = anchors(&lineage)[1].clone();
        found.sort_unstable();
        assert_eq!(found, [0, 2], "ids: {ids}");
    }
}

#[test]
fn what_was_cut_is_known_when_it_is_pasted() {
    let (mut lineage, handout) = born();
    lineage.follow(
        &snapshot(&lesson_with(&[(5, code(SOLVED))])),
        Some(&handout),
    );
    let key = lineage.cells()[5].key;
    let mut cells = lesson();
    cells.remove(5);
    lineage.follow(&snapshot(&cells), Some(&handout));
    cells.insert(1, code(SOLVED));
    lineage.follow(&snapshot(&cells), Some(&handout));
    assert_eq!(
        (lineage.cells()[1].key, &*anchors(&lineage)[1]),
        (key, &[5][..])
    );
}

#[test]
fn swapped_ids_do_not_swap_cells() {
    let handout = handout(&lesson());
    let mut lineage = Lineage::default();
    lineage.follow(&snapshot(&with_ids(lesson())), Some(&handout));
    let mut cells = with_ids(lesson());
    let [a, b] = [cells[1].clone().id("id-3"), cells[3].clone().id("id-1")];
    (cells[1], cells[3]) = (a, b);
    lineage.follow(&snapshot(&cells), Some(&handout));
    assert_eq!(
        (&*anchors(&lineage)[1], &*anchors(&lineage)[3]),
        (&[1][..], &[3][..])
    );
}

#[test]
fn a_late_copy_is_matched_by_its_texts() {
    let handout = handout(&lesson());
    let mut cells = lesson_with(&[(
        5,
        code("def area(width, height):\n    a = width * height\n    return a"),
    )]);
    cells.remove(2);
    cells.insert(0, code("%matplotlib inline"));
    let mut lineage = Lineage::default();
    lineage.follow(&snapshot(&cells), Some(&handout));
    assert_eq!(
        anchors(&lineage),
        [
            vec![],
            vec![0],
            vec![1],
            vec![3],
            vec![4],
            vec![5],
            vec![6],
            vec![7]
        ]
    );
}

#[test]
fn a_handout_that_comes_later_is_matched_then() {
    let mut lineage = Lineage::default();
    lineage.follow(&snapshot(&lesson()), None);
    assert!(anchors(&lineage).iter().all(Vec::is_empty));
    let handout = handout(&lesson());
    lineage.follow(
        &snapshot(&lesson_with(&[(5, code(SOLVED))])),
        Some(&handout),
    );
    assert_eq!(anchors(&lineage)[3], [3]);
}

#[test]
fn a_changed_handout_keeps_its_anchors() {
    let (mut lineage, handout) = born();
    let mut cells = lesson_with(&[(3, code("df = pd.read_csv('prices_2026.csv')\ndf.head()"))]);
    cells.push(text(
        "## Exercise 3\n\nSave the figure to a file of that name.",
    ));
    cells.push(code("plt.savefig(...)"));
    cells.remove(0);
    let handout = handout.revised(&snapshot(&cells));
    let kept: Vec<(u32, bool)> = handout
        .cells()
        .iter()
        .map(|cell| (cell.anchor.0, cell.is_current))
        .collect();
    assert_eq!(kept[0], (0, false));
    assert_eq!(
        kept[1..8],
        (1..8).map(|anchor| (anchor, true)).collect::<Vec<_>>()
    );
    assert_eq!(kept[8..], [(8, true), (9, true)]);
    let mut own = lesson();
    own.push(text(
        "## Exercise 3\n\nSave the figure to a file of that name.",
    ));
    lineage.follow(&snapshot(&own), Some(&handout));
    assert_eq!(anchors(&lineage)[8], [8]);
}

#[test]
fn the_handout_is_what_first_versions_have_in_common() {
    let own = |at: usize, source: &str| {
        let mut cells = lesson();
        cells.insert(at, code(source));
        snapshot(&cells)
    };
    let firsts = [
        snapshot(&lesson()),
        own(0, "name = 'x'"),
        own(5, "1 + 1"),
        snapshot(&lesson_with(&[(5, code(SOLVED))])),
    ];
    let implied = AnchoredHandout::implied(&firsts.iter().collect::<Vec<_>>()).unwrap();
    let texts = |handout: &AnchoredHandout| {
        handout
            .cells()
            .iter()
            .map(|cell| cell.print.text)
            .collect::<Vec<_>>()
    };
    assert_eq!(texts(&implied), texts(&handout(&lesson())));
    assert!(AnchoredHandout::implied(&[&firsts[0], &firsts[1]]).is_none());
}

/// A gesture, by numbers that are taken modulo the number of cells.
#[derive(Clone, Debug)]
enum Gesture {
    Edit(usize, u8),
    Delete(usize),
    Insert(usize, u8),
    Move(usize, usize),
    Same,
}

fn gestures() -> impl Strategy<Value = Vec<Gesture>> {
    let one = prop_oneof![
        (any::<usize>(), any::<u8>()).prop_map(|(at, text)| Gesture::Edit(at, text)),
        any::<usize>().prop_map(Gesture::Delete),
        (any::<usize>(), any::<u8>()).prop_map(|(at, text)| Gesture::Insert(at, text)),
        (any::<usize>(), any::<usize>()).prop_map(|(from, to)| Gesture::Move(from, to)),
        Just(Gesture::Same),
    ];
    prop::collection::vec(one, 0..20)
}

fn apply(cells: &mut Vec<TestCell>, gesture: &Gesture) {
    let written = |number: u8| {
        format!("value_{number} = compute({number}, 'x{number}')\nprint(value_{number})")
    };
    match *gesture {
        Gesture::Edit(at, number) if !cells.is_empty() => {
            let at = at % cells.len();
            cells[at] = code(&written(number));
        }
        Gesture::Delete(at) if !cells.is_empty() => {
            cells.remove(at % cells.len());
        }
        Gesture::Insert(at, number) => cells.insert(at % (cells.len() + 1), code(&written(number))),
        Gesture::Move(from, to) if !cells.is_empty() => {
            let cell = cells.remove(from % cells.len());
            cells.insert(to % (cells.len() + 1), cell);
        }
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn keys_are_unique_and_stay_with_unchanged_cells(gestures in gestures(), ids in any::<bool>()) {
        let handout = handout(&lesson());
        let mut cells = if ids { with_ids(lesson()) } else { lesson() };
        let mut lineage = Lineage::default();
        for gesture in &gestures {
            apply(&mut cells, gesture);
            lineage.follow(&snapshot(&cells), Some(&handout));
            let mut keys: Vec<CellKey> = lineage.cells().iter().map(|cell| cell.key).collect();
            let before = keys.clone();
            keys.sort_unstable();
            keys.dedup();
            prop_assert_eq!(keys.len(), cells.len());
            lineage.follow(&snapshot(&cells), Some(&handout));
            let after: Vec<CellKey> = lineage.cells().iter().map(|cell| cell.key).collect();
            prop_assert_eq!(before, after, "the same version again changes nothing");
        }
    }

    #[test]
    fn a_lineage_that_was_kept_goes_on_as_it_would_have(gestures in gestures(), cut in 0_usize..20) {
        let handout = handout(&lesson());
        let mut cells = lesson();
        let (mut live, mut kept) = (Lineage::default(), Lineage::default());
        for (at, gesture) in gestures.iter().enumerate() {
            apply(&mut cells, gesture);
            live.follow(&snapshot(&cells), Some(&handout));
            kept.follow(&snapshot(&cells), Some(&handout));
            if at == cut {
                kept = serde_json::from_str(&serde_json::to_string(&kept).unwrap()).unwrap();
            }
        }
        prop_assert_eq!(live, kept);
    }

    #[test]
    fn an_edited_exercise_is_never_another(numbers in prop::collection::vec(any::<u8>(), 1..8)) {
        let (mut lineage, handout) = born();
        for number in numbers {
            let source = format!("{STUB}\nx{number} = {number}");
            lineage.follow(&snapshot(&lesson_with(&[(5, code(&source))])), Some(&handout));
        }
        prop_assert_eq!(&anchors(&lineage)[5], &vec![5]);
    }
}

#[test]
fn a_notebook_of_very_many_cells_takes_no_longer_than_it_must() {
    let many = |first: usize| {
        (first..first + 4_000)
            .map(|n| code(&format!("x{n} = f({n}, {n})")))
            .collect::<Vec<_>>()
    };
    let (one, other) = (snapshot(&many(0)), snapshot(&many(10_000)));
    assert_eq!((one.len(), one.further_cells), (2_000, 2_000));
    let handout = AnchoredHandout::of(&one);
    let mut lineage = Lineage::default();
    // Nothing is alike, so that all would have to be compared with all.
    lineage.follow(&other, Some(&handout));
    lineage.follow(&one, Some(&handout));
    assert_eq!(lineage.cells().len(), 2_000);
    assert_eq!(lineage.gone.len(), MAX_GONE_CELLS);
}

#[test]
fn a_blank_exercise_is_known_by_its_place() {
    let handout = handout(&lesson());
    let mut lineage = Lineage::default();
    let plot = code("df.groupby('month').price.mean().plot()");
    lineage.follow(
        &snapshot(&lesson_with(&[(7, plot.clone())])),
        Some(&handout),
    );
    assert_eq!(
        lineage.cells()[7].descents,
        [Descent {
            anchor: Anchor(7),
            confidence: Confidence::Likely
        }]
    );
    // Of two cells in its place, the first one may be it.
    let mut cells = lesson_with(&[(7, plot)]);
    cells.push(code("a = 1"));
    let mut lineage = Lineage::default();
    lineage.follow(&snapshot(&cells), Some(&handout));
    assert_eq!(
        lineage.cells()[7].descents,
        [Descent {
            anchor: Anchor(7),
            confidence: Confidence::Guess
        }]
    );
}
