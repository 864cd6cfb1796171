//! Notebooks for tests.

use serde_json::{Value, json};

use crate::{handout::AnchoredHandout, signature::Names, snapshot::Snapshot};

/// A cell that a test writes.
#[derive(Clone, Debug)]
pub(crate) struct TestCell(Value);

pub(crate) fn code(source: &str) -> TestCell {
    TestCell(
        json!({"cell_type": "code", "metadata": {}, "source": source, "execution_count": null, "outputs": []}),
    )
}

pub(crate) fn text(source: &str) -> TestCell {
    TestCell(json!({"cell_type": "markdown", "metadata": {}, "source": source}))
}

impl TestCell {
    pub(crate) fn id(mut self, id: &str) -> Self {
        self.0["id"] = id.into();
        self
    }

    pub(crate) fn tag(mut self, tag: &str) -> Self {
        self.0["metadata"]["tags"] = json!([tag]);
        self
    }

    pub(crate) fn ran(mut self, count: u32) -> Self {
        self.0["execution_count"] = count.into();
        self
    }

    pub(crate) fn printed(mut self, count: u32, printed: &str) -> Self {
        self.0["outputs"] = json!([{"output_type": "stream", "name": "stdout", "text": printed}]);
        self.ran(count)
    }

    pub(crate) fn failed(mut self, count: u32, name: &str, value: &str) -> Self {
        self.0["outputs"] = json!([{"output_type": "error", "ename": name, "evalue": value, "traceback": [format!("In[{count}]")]}]);
        self.ran(count)
    }
}

pub(crate) fn json_of(cells: &[TestCell]) -> Vec<u8> {
    let cells: Vec<&Value> = cells.iter().map(|cell| &cell.0).collect();
    json!({"cells": cells, "nbformat": 4, "nbformat_minor": 5, "metadata": {}})
        .to_string()
        .into_bytes()
}

pub(crate) fn snapshot(cells: &[TestCell]) -> Snapshot {
    Snapshot::read(json_of(cells), &Names::default()).unwrap()
}

pub(crate) fn handout(cells: &[TestCell]) -> AnchoredHandout {
    AnchoredHandout::of(&snapshot(cells))
}

/// A handout of four code cells: two to run, and two exercises.
pub(crate) const STUB: &str = "def area(width, height):\n    # YOUR CODE HERE\n    ...";

pub(crate) fn lesson() -> Vec<TestCell> {
    vec![
        text("# Tables\n\nRun each cell."),
        code("import pandas as pd\nimport numpy as np"),
        text("## Reading\n\nA table is read from a file."),
        code("df = pd.read_csv('prices.csv')\ndf.head()"),
        text("## Exercise 1\n\nWrite a function for the area."),
        code(STUB),
        text("## Exercise 2\n\nPlot the prices of each month."),
        code(""),
    ]
}

/// The lesson with other cells in the place of some.
pub(crate) fn lesson_with(changes: &[(usize, TestCell)]) -> Vec<TestCell> {
    let mut cells = lesson();
    for (at, cell) in changes {
        cells[*at] = cell.clone();
    }
    cells
}
