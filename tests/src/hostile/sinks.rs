//! The sinks: all places in a notebook that can hold a participant's text.

use serde_json::{Value, json};

/// A place in a notebook: its name, and a cell with the payload there.
pub(super) struct InjectionSink {
    pub(super) name: &'static str,
    pub(super) cell: fn(&str) -> Value,
}

/// A table of sinks, each a name and a function of the payload `p`.
macro_rules! sinks {
    ($($name:literal: |$p:ident| $cell:expr;)*) => {
        &[$(InjectionSink { name: $name, cell: |$p: &str| $cell }),*]
    };
}

/// All sinks: first names, ids and other fields outside outputs.
pub(super) const SINKS: &[InjectionSink] = sinks! {
    "source": |p| code(p, json!([]));
    "markdown": |p| json!({"cell_type": "markdown", "metadata": {}, "source": p});
    "markdown lines": |p| json!({"cell_type": "markdown", "metadata": {},
        "source": ["- item\n", format!("  > {p}\n"), "\n", p]});
    "raw": |p| json!({"cell_type": "raw", "metadata": {"format": p}, "source": p});
    "heading": |p| json!({"cell_type": "heading", "level": 2, "metadata": {}, "source": p});
    "markdown heading": |p| json!({"cell_type": "markdown", "metadata": {},
        "source": format!("# {p}\n\n{p}\n===\n")});
    "html cell": |p| json!({"cell_type": "html", "metadata": {}, "source": p});
    "cell type": |p| json!({"cell_type": p, "metadata": {}, "source": p});
    "cell that is none": |p| json!([p, {p: p}]);
    "tags": |p| with(code("1", json!([])), "metadata", json!({"tags": [p, p], "name": p}));
    "cell id": |p| with(code("1", json!([])), "id", json!(p));
    "execution count": |p| with(code("1", json!([])), "execution_count", json!(p));
    "language": |p| with(code("x = 1", json!([])), "language", json!(p));
    "magic": |p| code(&format!("%%{p}\n{p}\n!{p}\n%{p}\n\"\"\"{p}\"\"\"\n# {p}"), json!([]));
    "fence": |p| json!({"cell_type": "markdown", "metadata": {},
        "source": format!("```{p}\n{p}\n```\n\n~~~ python {p}\n{p}\n~~~")});
    "link": |p| json!({"cell_type": "markdown", "metadata": {},
        "source": format!("[{p}]({p} \"{p}\") ![{p}]({p} '{p}') <{p}>\n\n[r]\n\n[r]: {p} \"{p}\"")});
    "footnote": |p| json!({"cell_type": "markdown", "metadata": {},
        "source": format!("a[^{p}] b[^n]\n\n[^{p}]: {p}\n[^n]: {p}")});
    "formula": |p| json!({"cell_type": "markdown", "metadata": {},
        "source": format!("${p}$ and $$\\text{{{p}}}$$ \\({p}\\)")});
    "table": |p| json!({"cell_type": "markdown", "metadata": {},
        "source": format!("| {p} | b |\n|:--|--:|\n| {p} | <i>{p}</i> |")});
    "attachment name": |p| json!({"cell_type": "markdown", "metadata": {},
        "source": format!("![{p}](<attachment:{p}>) ![a](attachment:{p} \"{p}\")"),
        "attachments": {p: {"image/png": "iVBORw0KGgo="}}});
    "attachment data": |p| json!({"cell_type": "markdown", "metadata": {},
        "source": "![a](attachment:a) <img src='attachment:b'> ![c](attachment:c)",
        "attachments": {"a": {"image/png": p}, "b": {p: p}, "c": {"image/svg+xml": p}}});
    "stdout": |p| output(json!({"output_type": "stream", "name": "stdout", "text": p}));
    "stderr": |p| output(json!({"output_type": "stream", "name": "stderr", "text": ["a\n", p]}));
    "stream name": |p| output(json!({"output_type": "stream", "name": p, "text": p}));
    "ename": |p| output(error(p, "", &[]));
    "evalue": |p| output(error("E", p, &[]));
    "traceback": |p| output(error("E", "e", &[p, "\u{1b}[0;31m", p]));
    "html": |p| display("text/html", json!(p));
    "html in a table": |p| display("text/html", json!(["<table border=1 class=dataframe><tr><td>",
        p, "</td></tr></table>"]));
    "plain text": |p| display("text/plain", json!(p));
    "markdown output": |p| display("text/markdown", json!(p));
    "latex": |p| display("text/latex", json!(p));
    "svg": |p| display("image/svg+xml", json!(p));
    "png": |p| display("image/png", json!(p));
    "jpeg": |p| display("image/jpeg", json!([p, p]));
    "image metadata": |p| output(json!({"output_type": "display_data",
        "data": {"image/png": "iVBORw0KGgo=", "text/plain": p},
        "metadata": {"image/png": {"width": p, "height": p, "alt": p}, "width": p,
                     "needs_background": p, "unconfined": p}}));
    "json": |p| display("application/json", json!({p: [p, {p: p}], "x": p}));
    "json metadata": |p| output(json!({"output_type": "display_data", "data":
        {"application/json": {"a": [1, p]}}, "metadata": {"application/json": {"root": p, "expanded": true}}}));
    "geojson": |p| display("application/geo+json", json!({"type": p}));
    "javascript": |p| display("application/javascript", json!(p));
    "widget": |p| display("application/vnd.jupyter.widget-view+json", json!({"model_id": p}));
    "plotly": |p| display("application/vnd.plotly.v1+json",
        json!({"data": [{"type": p}], "layout": {"title": p}}));
    "bokeh": |p| display("application/vnd.bokehjs_exec.v0+json", json!(p));
    "pdf": |p| display("application/pdf", json!(p));
    "mime type": |p| display(p, json!(p));
    "output type": |p| output(json!({"output_type": p, "data": {p: p}, "text": p}));
    "output that is none": |p| output(json!(p));
    "result": |p| output(json!({"output_type": "execute_result", "execution_count": p,
        "data": {"text/html": p, "text/plain": p}, "metadata": {p: p}}));
    "old output": |p| output(json!({"output_type": "pyout", "prompt_number": p, "html": p,
        "text": p, "latex": p, "metadata": p}));
    "hidden": |p| json!({"cell_type": "code", "execution_count": 1, "source": p,
        "metadata": {"jupyter": {"source_hidden": true, "outputs_hidden": true}, "collapsed": true},
        "outputs": [{"output_type": "display_data", "metadata": {}, "data": {"text/html": p}}]});
    "display id": |p| output(json!({"output_type": "update_display_data", "data": {"text/html": p},
        "metadata": {}, "transient": {"display_id": p}}));
};

fn code(source: &str, outputs: Value) -> Value {
    let mut cell =
        json!({"cell_type": "code", "execution_count": 1, "metadata": {}, "source": source});
    cell["outputs"] = outputs;
    cell
}

fn with(mut cell: Value, key: &str, value: Value) -> Value {
    cell[key] = value;
    cell
}

fn output(output: Value) -> Value {
    code("", Value::Array(vec![output]))
}

fn error(name: &str, value: &str, traceback: &[&str]) -> Value {
    json!({"output_type": "error", "ename": name, "evalue": value, "traceback": traceback})
}

fn display(mime: &str, data: Value) -> Value {
    let mut bundle = json!({"output_type": "display_data", "data": {}, "metadata": {}});
    bundle["data"][mime] = data;
    output(bundle)
}
