//! What a save costs.

use analytics::{classroom::Classroom, handout::AnchoredHandout};

use anyhow::Context;
use rustix::time::{ClockId, clock_gettime};

use super::{name, read};
use crate::{
    Seeds,
    class::{Ids, Settings, SimulatedClass},
    generate::ClassGenerator,
    table::Table,
};

/// The time of a save in a large class: reading the version, lineage, signature and states, and the
/// person's place in the shortlist.
pub(crate) fn cost(participants: usize, seeds: Seeds, table: &mut Table) -> anyhow::Result<()> {
    let seed = if seeds == Seeds::Report { 1_999 } else { 99 };
    let settings = Settings {
        seed,
        participants,
        minutes: 20,
        slip_rate: 0.3,
        stuck_minutes: 4.0,
        gestures: 0.2,
        ids: Ids::Own,
    };
    let class = ClassGenerator::Workshop.class(&settings);
    let mut room = Classroom::new(Some(AnchoredHandout::of(&read(&class.handout)?)));
    let (mut reads_ms, mut saves_ms, mut bytes) = (Vec::new(), Vec::new(), 0);
    let mut seen = vec![false; participants];
    let mut births_ms = Vec::new();
    for save in &class.saves {
        let begun = processor_ms();
        let snapshot = read(&save.json)?;
        let read_ms = processor_ms() - begun;
        room.advance(save.at_ms);
        let begun = processor_ms();
        room.save(save.at_ms, &name(save.participant), &snapshot);
        let save_ms = processor_ms() - begun;
        bytes += save.json.len();
        if std::mem::replace(&mut seen[save.participant], true) {
            reads_ms.push(read_ms);
            saves_ms.push(save_ms);
        } else {
            births_ms.push(read_ms + save_ms);
        }
    }
    let class_name = format!("{participants} participants");
    let both: Vec<f64> = reads_ms
        .iter()
        .zip(&saves_ms)
        .map(|(read, save)| read + save)
        .collect();
    for (measure, samples, gate) in [
        ("a save, median / p99", both, "1 ms"),
        ("of it, reading the version", reads_ms, ""),
        ("of it, lineage, states and shortlist", saves_ms, ""),
        ("a copy's birth, median / p99", births_ms, "6.7 ms"),
    ] {
        let [median, p99] = percentiles(samples);
        table.push(
            &class_name,
            measure,
            format!("{median:.3} / {p99:.3} ms"),
            gate,
        );
    }
    large_version(&class, &class_name, table)?;
    hostile_version(&class_name, table)?;
    let begun = processor_ms();
    room.advance(class.end_ms + 60_000);
    let looks = 6.0 + 1.0;
    table.push(
        &class_name,
        "a look at the whole class",
        format!("{:.2} ms", (processor_ms() - begun) / looks),
        "",
    );
    let state = serde_json::to_string(&room)?.len();
    table.push(
        &class_name,
        "state kept, as JSON",
        format!("{} kB a person", state / participants / 1_000),
        "",
    );
    table.push(
        &class_name,
        "saves",
        format!(
            "{} of {} kB",
            class.saves.len(),
            bytes / class.saves.len() / 1_000
        ),
        "",
    );
    Ok(())
}

/// Reading a version with a picture in it.
fn large_version(
    class: &SimulatedClass,
    class_name: &str,
    table: &mut Table,
) -> anyhow::Result<()> {
    let save = class.saves.last().context("there is a save")?;
    let mut notebook: serde_json::Value = serde_json::from_str(&save.json)?;
    let cells = notebook["cells"].as_array_mut().context("it has cells")?;
    let cell = cells
        .iter_mut()
        .find(|cell| cell["cell_type"] == "code")
        .context("it has code")?;
    let picture = "iVBORw0KGgo".repeat(20_000);
    cell["outputs"] = serde_json::json!([{"output_type": "display_data", "metadata": {}, "data": {"image/png": picture}}]);
    let json = notebook.to_string();
    let mut samples = Vec::new();
    for _ in 0..200 {
        let begun = processor_ms();
        read(&json)?;
        samples.push(processor_ms() - begun);
    }
    let [median, p99] = percentiles(samples);
    let measure = format!(
        "reading a version of {} kB, median / p99",
        json.len() / 1_000
    );
    table.push(
        class_name,
        &measure,
        format!("{median:.3} / {p99:.3} ms"),
        "",
    );
    Ok(())
}

/// A notebook of very many cells of which no two are alike, all failing, and then another.
fn hostile_version(class_name: &str, table: &mut Table) -> anyhow::Result<()> {
    let version = |first: usize| {
        let cell = |n: usize| {
            let words: Vec<String> = (0..60).map(|word| format!("w{}", n * 61 + word)).collect();
            let value = "‘’'\"`(".repeat(400);
            let error = serde_json::json!({"output_type": "error", "ename": "E", "evalue": value, "traceback": []});
            serde_json::json!({"cell_type": "code", "metadata": {}, "source": words.join("\n"), "execution_count": n, "outputs": [error]})
        };
        let cells: Vec<_> = (first..first + 2_000).map(cell).collect();
        serde_json::json!({"cells": cells, "nbformat": 4, "nbformat_minor": 4, "metadata": {}})
            .to_string()
    };
    let [one, other] = [version(1), version(10_001)];
    let mut room = Classroom::new(Some(AnchoredHandout::of(&read(&one)?)));
    let mut longest: f64 = 0.0;
    for (at, json) in [&one, &other, &one].into_iter().enumerate() {
        let begun = processor_ms();
        room.save(at as i64 * 5_000, "somebody", &read(json)?);
        longest = longest.max(processor_ms() - begun);
    }
    let measure = format!("a hostile save of {} kB", one.len() / 1_000);
    table.push(class_name, &measure, format!("{longest:.0} ms"), "");
    let kept = serde_json::to_string(&room)?.len() / 1_000;
    table.push(
        class_name,
        "what is kept of it and of its handout",
        format!("{kept} kB"),
        "",
    );
    Ok(())
}

/// Time of this thread on a processor: that of others on the machine is none of a save's.
fn processor_ms() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1e3 + time.tv_nsec as f64 / 1e6
}

fn percentiles(mut samples: Vec<f64>) -> [f64; 2] {
    samples.sort_by(f64::total_cmp);
    [50, 99].map(|part| {
        samples
            .get(samples.len() * part / 100)
            .copied()
            .unwrap_or(0.0)
    })
}
