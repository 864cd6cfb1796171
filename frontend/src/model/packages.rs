//! What the page *Packages* says, as HTML of what the service answered, and the lines for an image.

use shared::packages::{
    InstalledPackage, ListedRequirement, PackageJob, PackageJobState, PackagePlace,
    PackagesResponse,
};

use super::age::seconds_since;
use super::package_plan::{changes_table, counts};
use super::requirement_field::TypedRequirements;
use crate::html;
use crate::html::Html;

/// Where packages go.
pub fn place(list: &PackagesResponse) -> Html {
    match &list.place {
        PackagePlace::Environment {
            path,
            python,
            installer,
        } => html!(
            "<p class=headline>Packages go into <code>{}</code></p>\
             <p>Python {}, by {}. All participants’ servers use it, and nothing else is changed.</p>",
            path,
            python,
            installer
        ),
        PackagePlace::Image { image, spawner } => {
            let image = image.as_ref().map_or_else(
                || Html::from_static("the image that each participant chooses"),
                |image| html!("the image <code>{}</code>", image),
            );
            html!(
                "<p class=headline>Packages go into {}</p>\
                 <p>Participants’ servers are containers, which {} starts. Nothing can be installed \
                 into them from here: this page writes the lines for the image.</p>",
                image,
                spawner
            )
        }
    }
}

/// The lines of the file that are passed over.
pub fn problems(list: &PackagesResponse) -> Html {
    let lines = list.problems.iter().map(|problem| {
        html!(
            "<p>Line {} of requirements.txt is passed over: {}</p>",
            problem.line,
            sentence(&problem.reason)
        )
    });
    lines.collect()
}

/// The rows of what was asked for; with what changes it, for an instructor.
pub fn requirements(list: &PackagesResponse, may_change: bool) -> Html {
    let listed = list.requirements.iter();
    listed.map(|it| requirement(it, may_change)).collect()
}

fn requirement(listed: &ListedRequirement, may_change: bool) -> Html {
    let installed = match &listed.installed {
        Some(version) => html!("<span class=\"mark good\">{}</span>", version),
        None => Html::from_static("<span class=\"mark warn\">not installed</span>"),
    };
    let button = |act: &'static str, word: &'static str, value: &str| {
        html!(
            "<button class=\"button small\" data-do={} data-requirement=\"{}\" aria-label=\"{} {}\">\
             {}</button> ",
            Html::from_static(act),
            value,
            Html::from_static(word),
            value,
            Html::from_static(word)
        )
    };
    let buttons = may_change.then(|| {
        let again = listed.installed.is_none();
        let again = again.then(|| button("install", "Install", &listed.requirement));
        let remove = button("remove", "Remove", &listed.name);
        html!("<td role=cell>{}{}</td>", again, remove)
    });
    html!(
        "<tr role=row data-package=\"{}\"><th scope=row role=rowheader>{}</th>\
         <td role=cell><b>Installed</b>{}</td>{}</tr>",
        listed.name,
        listed.requirement,
        installed,
        buttons
    )
}

/// What of the field is no requirement.
pub fn unreadable(typed: &TypedRequirements) -> Html {
    let bad = typed.bad.iter().map(|bad| {
        html!(
            "<li><b>Line {}</b> <code>{}</code>: {}</li>",
            bad.line,
            bad.text,
            sentence(&bad.reason)
        )
    });
    let bad: Html = bad.collect();
    match bad.is_empty() {
        true => bad,
        false => html!("<ul>{}</ul>", bad),
    }
}

/// How much of the field can be used.
pub fn typed_headline(typed: &TypedRequirements) -> String {
    match (typed.good.len(), typed.bad.len()) {
        (0, 0) => String::new(),
        (good, 0) => format!("{} to add.", packages(good)),
        (0, bad) => format!("{bad} cannot be used:"),
        (good, bad) => format!("{} to add; {bad} cannot be used:", packages(good)),
    }
}

/// How long a change has taken so far, or took.
pub fn elapsed(job: &PackageJob, now_ms: i64) -> String {
    let seconds = seconds_since(job.started_ms, job.ended_ms.unwrap_or(now_ms));
    match seconds {
        ..60 => format!("{seconds} s"),
        _ => format!("{} min {} s", seconds / 60, seconds % 60),
    }
}

/// How far a change is, in a sentence.
pub fn job_state(job: &PackageJob, now_ms: i64) -> String {
    let elapsed = elapsed(job, now_ms);
    match job.state {
        PackageJobState::Running => format!("Being made for {elapsed}."),
        PackageJobState::Done => format!("Done in {elapsed}: {}.", counts(&job.changes)),
        PackageJobState::Failed => {
            format!("It did not work, after {elapsed}. The environment is as it was.")
        }
        PackageJobState::Stopped => {
            format!("Stopped after {elapsed}. The environment is as it was.")
        }
    }
}

/// What a change is, and who has asked for it.
pub fn job_title(job: &PackageJob) -> String {
    let word = match job.state {
        PackageJobState::Running => "Now",
        _ => "Last change",
    };
    format!("{word}: {}, by {}", job.title, job.by)
}

/// What came of a change: why it did not work, in the installer's words, or what has changed, and
/// what that means for kernels.
pub fn job_result(job: &PackageJob) -> Html {
    let failure = job.failure.as_ref().map(|words| {
        html!(
            "<pre class=installer-words tabindex=0 role=region aria-label=\"Why it did not \
             work\">{}</pre>",
            words
        )
    });
    let is_done = job.state == PackageJobState::Done && !job.changes.is_empty();
    let is_replaced = job.changes.iter().any(|change| change.from.is_some());
    let meaning = Html::from_static(match is_replaced {
        true => "Kernels that run keep what they have loaded until they are restarted.",
        false => "New packages can be imported at once.",
    });
    let changes = is_done.then(|| {
        html!(
            "{}<p class=hint>{} A notice tells that to participants whose servers run.</p>",
            changes_table("What has become of each package", &job.changes),
            meaning
        )
    });
    html!("{}{}", failure, changes)
}

/// The heads of a table.
pub fn table_head(names: &[&str]) -> Html {
    let heads = names
        .iter()
        .map(|name| html!("<th scope=col role=columnheader>{}</th>", *name));
    let heads: Html = heads.collect();
    html!("<tr role=row>{}</tr>", heads)
}

/// The installed packages whose name or summary holds a text.
pub fn found<'a>(list: &'a PackagesResponse, text: &str) -> Vec<&'a InstalledPackage> {
    let text = text.trim().to_lowercase();
    let holds = |it: &str| it.to_lowercase().contains(&text);
    let installed = list.installed.iter();
    installed
        .filter(|it| holds(&it.name) || holds(&it.summary))
        .collect()
}

/// The rows of installed packages.
pub fn installed(found: &[&InstalledPackage]) -> Html {
    let rows = found.iter().map(|package| {
        html!(
            "<tr role=row><th scope=row role=rowheader>{}</th><td role=cell>{}</td>\
             <td role=cell>{}</td></tr>",
            package.name,
            package.version,
            package.summary
        )
    });
    rows.collect()
}

/// How many are found of how many.
pub fn found_headline(found: usize, all: usize) -> String {
    match found == all {
        true => packages(all),
        false => format!("{found} of {}", packages(all)),
    }
}

/// The lines of a Dockerfile that put requirements into an image.
pub fn dockerfile(image: Option<&str>, requirements: &[String]) -> String {
    let quoted = |requirement: &String| {
        let is_plain = |it: char| it.is_ascii_alphanumeric() || "-_.".contains(it);
        match requirement.chars().all(is_plain) {
            true => requirement.clone(),
            // A shell would read `>` and `[`.
            false => format!("\"{requirement}\""),
        }
    };
    let requirements: Vec<_> = requirements.iter().map(quoted).collect();
    let from = image.map_or_else(String::new, |image| format!("FROM {image}\n"));
    format!(
        "{from}RUN pip install --no-cache-dir {}",
        requirements.join(" ")
    )
}

/// What to do with these lines.
pub fn image_steps(image: Option<&str>, spawner: &str) -> Html {
    let file = match image {
        Some(_) => Html::from_static(
            "Put these lines into a Dockerfile. Where the image has one already, add only the line \
             with <code>RUN</code> to it.",
        ),
        None => Html::from_static(
            "Participants choose among images: add this line to the Dockerfile of each image that \
             needs the packages.",
        ),
    };
    let setting = match image {
        Some(_) => html!(
            "Set <code>c.{}.image</code> to the new name in the Hub’s configuration, and restart the \
             Hub.",
            spawner
        ),
        None => html!(
            "Put the new name into the list of images in the Hub’s configuration of {}, and restart \
             the Hub.",
            spawner
        ),
    };
    html!(
        "<ol><li>{}</li><li>Build the image under a new name: <code>docker build -t NAME .</code>\
         </li><li>Push it to where the Hub’s machines get images from: <code>docker push NAME</code>\
         </li><li>{}</li><li>Participants stop and start their servers: running ones keep the old \
         image.</li></ol>",
        file,
        setting
    )
}

fn packages(number: usize) -> String {
    match number {
        1 => "1 package".to_owned(),
        _ => format!("{number} packages"),
    }
}

/// A reason as the end of a sentence.
fn sentence(reason: &str) -> String {
    match reason.ends_with(['.', '!', '?']) {
        true => reason.to_owned(),
        false => format!("{reason}."),
    }
}

#[cfg(test)]
mod tests {
    use super::super::package_plan;
    use super::super::requirement_field::read_typed;
    use super::super::shown_log::tests::job;
    use super::*;

    #[test]
    fn the_field_says_how_much_of_it_can_be_used() {
        let said = |text: &str| typed_headline(&read_typed(text));
        assert_eq!(said(""), "");
        assert_eq!(said("numpy"), "1 package to add.");
        assert_eq!(said("a b $x"), "2 packages to add; 1 cannot be used:");
        assert_eq!(said("$<x>"), "1 cannot be used:");
        let html = unreadable(&read_typed("a\n\"<x>\""));
        assert!(html.contains("<b>Line 2</b> <code>&quot;&lt;x&gt;&quot;</code>: "));
        assert!(unreadable(&read_typed("a")).is_empty());
    }

    #[test]
    fn a_change_says_how_far_it_is_and_what_became_of_it() {
        let mut made = job(1, PackageJobState::Running);
        assert_eq!(job_state(&made, 76_500), "Being made for 1 min 15 s.");
        made = job(1, PackageJobState::Done);
        made.changes = package_plan::tests::three_changes();
        assert_eq!(
            job_state(&made, 0),
            "Done in 12 s: 1 new, 1 changed, 1 removed."
        );
        assert!(job_result(&made).contains("A notice tells"));
        for state in [PackageJobState::Failed, PackageJobState::Stopped] {
            made.state = state;
            assert!(job_state(&made, 0).ends_with("The environment is as it was."));
            assert!(!job_result(&made).contains("A notice"));
        }
        made.failure = Some("no <wheel>".into());
        assert!(job_result(&made).contains("no &lt;wheel&gt;"));
        assert_eq!(job_title(&made), "Last change: add numpy, by teacher");
    }

    #[test]
    fn a_requirement_can_be_removed_by_an_instructor_alone() {
        let listed = ListedRequirement {
            requirement: "pandas>=2".into(),
            name: "pandas".into(),
            installed: None,
        };
        let row = requirement(&listed, true);
        assert!(row.contains("not installed") && row.contains("aria-label=\"Remove pandas\""));
        assert!(row.contains("data-do=install data-requirement=\"pandas&gt;=2\""));
        assert!(!requirement(&listed, false).contains("<button"));
        let installed = Some("2.2".into());
        let row = requirement(
            &ListedRequirement {
                installed,
                ..listed
            },
            true,
        );
        assert!(!row.contains("data-do=install") && row.contains("2.2"));
    }

    #[test]
    fn packages_are_found_by_name_and_by_what_they_are() {
        let package = |name: &str, summary: &str| InstalledPackage {
            name: name.into(),
            version: "1".into(),
            summary: summary.into(),
        };
        let list = PackagesResponse {
            place: PackagePlace::Image {
                image: None,
                spawner: "DockerSpawner".into(),
            },
            requirements: Vec::new(),
            problems: Vec::new(),
            installed: vec![package("NumPy", "Arrays"), package("six", "Python 2 and 3")],
            job: None,
        };
        let names = |text: &str| -> Vec<_> {
            let found = found(&list, text).into_iter();
            found.map(|it| it.name.clone()).collect()
        };
        assert_eq!(names(" numpy "), ["NumPy"]);
        assert_eq!(names("python"), ["six"]);
        assert_eq!(names(""), ["NumPy", "six"]);
        assert_eq!(found_headline(1, 2), "1 of 2 packages");
        assert!(place(&list).contains("each participant chooses"));
    }

    #[test]
    fn an_image_gets_lines_that_a_shell_reads_right() {
        let asked = ["numpy".to_owned(), "pandas>=2,<3".to_owned()];
        assert_eq!(
            dockerfile(Some("jupyter/base:1"), &asked),
            "FROM jupyter/base:1\nRUN pip install --no-cache-dir numpy \"pandas>=2,<3\""
        );
        assert!(dockerfile(None, &asked).starts_with("RUN pip"));
        assert!(image_steps(Some("x"), "DockerSpawner").contains("c.DockerSpawner.image"));
    }
}
