//! Somebody's way through the lesson, save by save.
//!
//! A copy of what was handed out grows as its owner goes on: a cell of the handout comes with its
//! text, is written in, and is executed by the next save. Whoever has an error and goes on in the next
//! cell has tried again in the same one, after a few runs that failed alike.

use serde_json::{Value, json};

/// Runs of a cell that fails, before its owner changes it.
const FAILED_RUNS: u64 = 10;

/// The cells that each save has, from the first to the finished notebook.
pub(super) struct SampleWay {
    pub(super) saves: Vec<Vec<Value>>,
}

impl SampleWay {
    /// The way to these cells of a finished notebook, whose owner was given the cells of `handout`.
    pub(super) fn new(handout: &[Value], finished: &[Value]) -> Self {
        let mut saves = Vec::new();
        let mut before: Vec<Value> = Vec::new();
        // The cell of the handout that its owner is to write in.
        let mut stub = None;
        for (at, cell) in finished.iter().enumerate() {
            let mut cell = cell.clone();
            if let Some(given) = handout.iter().position(|it| is_same(it, &cell)) {
                cell["id"] = handout[given]["id"].clone();
                let next = handout.get(given + 1);
                stub = next.filter(|it| it["cell_type"] == "code");
            } else if cell["cell_type"] == "code" {
                let previous = at.checked_sub(1).map(|at| &finished[at]);
                if previous.is_some_and(has_failed) {
                    let tried = before.pop().unwrap_or_default();
                    cell["id"] = tried["id"].clone();
                } else if let Some(stub) = stub.take() {
                    cell["id"] = stub["id"].clone();
                    saves.push(with(&before, stub.clone()));
                }
            }
            if cell["execution_count"].is_u64() {
                saves.push(with(&before, typed(&cell)));
                saves
                    .extend(failed_runs(&cell, finished.get(at + 1)).map(|run| with(&before, run)));
            }
            before.push(cell);
            saves.push(before.clone());
        }
        Self { saves }
    }
}

fn is_same(one: &Value, other: &Value) -> bool {
    one["cell_type"] == other["cell_type"] && one["source"] == other["source"]
}

fn with(before: &[Value], last: Value) -> Vec<Value> {
    [before, &[last]].concat()
}

fn has_failed(cell: &Value) -> bool {
    let outputs = cell["outputs"].as_array();
    outputs.is_some_and(|all| all.iter().any(|it| it["output_type"] == "error"))
}

/// A cell whose source is there, and which is not executed yet.
fn typed(cell: &Value) -> Value {
    let mut cell = cell.clone();
    cell["outputs"] = json!([]);
    cell["execution_count"] = Value::Null;
    cell
}

/// The runs before the last one of a cell that failed, and that its owner changed then.
fn failed_runs(cell: &Value, next: Option<&Value>) -> impl Iterator<Item = Value> {
    let is_tried_again = next.is_some_and(|next| next["cell_type"] == "code");
    let last = cell["execution_count"].as_u64().unwrap_or_default();
    let first = match has_failed(cell) && is_tried_again {
        true => last.saturating_sub(FAILED_RUNS - 1).max(1),
        false => last,
    };
    (first..last).map(move |count| {
        let [now, then] = [last, count].map(|count| format!("In[{count}]"));
        let mut run: Value = cell.clone();
        run["execution_count"] = count.into();
        let lines = run["outputs"].as_array_mut().into_iter().flatten();
        for line in lines.filter_map(|output| output["traceback"].as_array_mut()) {
            for text in line {
                let said = text.as_str().unwrap_or_default().replace(&now, &then);
                *text = said.into();
            }
        }
        run
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(id: &str, source: &str, count: Option<u32>) -> Value {
        json!({"cell_type": "code", "id": id, "source": source, "execution_count": count,
            "outputs": []})
    }

    #[test]
    fn a_stub_is_written_in_and_tried_until_it_works() {
        let heading = |id: &str| json!({"cell_type": "markdown", "id": id, "source": "## 1"});
        let mut wrong = code("c", "pd.x", Some(11));
        wrong["outputs"] = json!([{"output_type": "error", "ename": "NameError",
            "evalue": "", "traceback": ["Cell In[11], line 1"]}]);
        let handout = [heading("given"), code("stub", "# yours", None)];
        let finished = [
            heading("a"),
            wrong,
            code("d", "import pd", Some(12)),
            code("e", "own", None),
        ];
        let way = SampleWay::new(&handout, &finished);
        let seen = way.saves.iter().map(|cells| {
            let last = cells.last().unwrap();
            let [id, source] = ["id", "source"].map(|key| last[key].as_str().unwrap());
            (cells.len(), id, source, last["execution_count"].as_u64())
        });
        let seen: Vec<_> = seen.collect();
        let run = |count: u64| (2, "stub", "pd.x", Some(count));
        let mut expected = vec![
            (1, "given", "## 1", None),
            (2, "stub", "# yours", None),
            (2, "stub", "pd.x", None),
        ];
        expected.extend((2..=11).map(run));
        expected.extend([
            (2, "stub", "import pd", None),
            (2, "stub", "import pd", Some(12)),
            (3, "e", "own", None),
        ]);
        assert_eq!(seen, expected);
        let second = &way.saves[4][1]["outputs"][0]["traceback"][0];
        assert_eq!(second, "Cell In[3], line 1");
    }
}
