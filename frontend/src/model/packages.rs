//! What the page *Packages* says, as HTML of what the service answered, and the lines for an image.

use shared::packages::{
    InstalledPackage, ListedRequirement, PackageChange, PackageEdit, PackageJob, PackageJobState,
    PackagePlace, PackagePlan, PackagesResponse,
};

use super::age::seconds_since;
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

/// The cells of a requirement; with what changes it, for an instructor.
pub fn requirement(listed: &ListedRequirement, may_change: bool) -> Html {
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
    let again = (may_change && listed.installed.is_none())
        .then(|| button("install", "Install", &listed.requirement));
    let remove = may_change.then(|| button("remove", "Remove", &listed.name));
    html!(
        "<th scope=row role=rowheader>{}</th>\
         <td role=cell><b>Installed</b>{}</td><td role=cell>{}{}</td>",
        listed.requirement,
        installed,
        again,
        remove
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

/// What was asked for, as a heading: `Add numpy`.
pub fn edit_title(edit: &PackageEdit) -> String {
    let of = |word: &str, names: &[String]| match names.len() {
        0 => None,
        _ => Some(format!("{word} {}", names.join(", "))),
    };
    let parts = [of("add", &edit.add), of("remove", &edit.remove)];
    let parts: Vec<_> = parts.into_iter().flatten().collect();
    parts.join("; ")
}

/// What a plan comes to.
pub fn plan_headline(plan: &PackagePlan) -> String {
    match (&plan.conflict, plan.changes.is_empty()) {
        (Some(_), _) => "This cannot be done, and nothing would change. The installer says:".into(),
        (None, true) => "Nothing would be installed or removed: it is all there.".into(),
        (None, false) => format!("This would be done: {}.", counts(&plan.changes)),
    }
}

/// How many packages are new, changed and removed.
pub fn counts(changes: &[PackageChange]) -> String {
    let words = ["new", "changed", "removed"];
    let count = |word: &&str| {
        let number = changes.iter().filter(|it| change_word(it) == *word).count();
        (number > 0).then(|| format!("{number} {word}"))
    };
    let counts: Vec<_> = words.iter().filter_map(count).collect();
    match counts.is_empty() {
        true => "no package is another".to_owned(),
        false => counts.join(", "),
    }
}

fn change_word(change: &PackageChange) -> &'static str {
    match (&change.from, &change.to) {
        (None, _) => "new",
        (Some(_), Some(_)) => "changed",
        (Some(_), None) => "removed",
    }
}

/// The rows of what becomes of each package.
pub fn changes(changes: &[PackageChange]) -> Html {
    let rows = changes.iter().map(|change| {
        let word = change_word(change);
        let class = match word {
            "new" => "good",
            "changed" => "warn",
            _ => "bad",
        };
        let version = |version: &Option<String>| version.clone().unwrap_or_else(|| "–".to_owned());
        html!(
            "<tr role=row><th scope=row role=rowheader>{}</th>\
             <td role=cell><b>What</b><span class=\"mark {}\">{}</span></td>\
             <td role=cell><b>Before</b>{}</td><td role=cell><b>After</b>{}</td></tr>",
            change.name,
            class,
            word,
            version(&change.from),
            version(&change.to)
        )
    });
    rows.collect()
}

/// What should be known before, or the installer's words about why it cannot be done.
pub fn plan_remarks(plan: &PackagePlan) -> Html {
    let warnings: Html = plan
        .warnings
        .iter()
        .map(|warning| html!("<p class=problem>{}</p>", warning))
        .collect();
    let conflict = plan.conflict.as_ref().map(|words| {
        html!(
            "<pre class=installer-words tabindex=0 role=region aria-label=\"What the installer \
             says\" data-testid=conflict>{}</pre>",
            words
        )
    });
    html!("{}{}", conflict, warnings)
}

/// The file as it would be.
pub fn file_after(plan: &PackagePlan) -> String {
    plan.requirements.join("\n")
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

/// Why a change did not work, in the installer's words.
pub fn job_failure(job: &PackageJob) -> Html {
    let failure = job.failure.as_ref().map(|words| {
        html!(
            "<pre class=installer-words tabindex=0 role=region aria-label=\"Why it did not \
             work\">{}</pre>",
            words
        )
    });
    failure.unwrap_or_default()
}

/// Whether a change leaves kernels behind that have old versions loaded, whose participants are told
/// by a notice.
pub fn is_told(job: &PackageJob) -> bool {
    job.state == PackageJobState::Done && !job.changes.is_empty()
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
    use super::super::requirement_field::read_typed;
    use super::super::shown_log::tests::job;
    use super::*;

    fn change(name: &str, from: Option<&str>, to: Option<&str>) -> PackageChange {
        PackageChange {
            name: name.into(),
            from: from.map(Into::into),
            to: to.map(Into::into),
        }
    }

    fn three_changes() -> Vec<PackageChange> {
        vec![
            change("numpy", None, Some("2.0")),
            change("pandas", Some("1.5"), Some("2.2")),
            change("<six>", Some("1.1"), None),
        ]
    }

    #[test]
    fn a_plan_says_what_becomes_of_each_package() {
        let mut plan = PackagePlan {
            changes: three_changes(),
            ..PackagePlan::default()
        };
        assert_eq!(
            plan_headline(&plan),
            "This would be done: 1 new, 1 changed, 1 removed."
        );
        let rows = changes(&plan.changes);
        assert!(rows.contains("&lt;six&gt;</th>") && rows.contains("removed</span>"));
        assert!(rows.contains("<b>Before</b>1.5</td><td role=cell><b>After</b>2.2"));
        plan.conflict = Some("a<b and a>b".into());
        assert!(plan_headline(&plan).contains("nothing would change"));
        assert!(plan_remarks(&plan).contains(">a&lt;b and a&gt;b</pre>"));
        let nothing = PackagePlan::default();
        assert!(plan_headline(&nothing).contains("it is all there"));
    }

    #[test]
    fn what_is_asked_for_is_a_heading() {
        let edit = PackageEdit {
            add: vec!["numpy".into(), "pandas>=2".into()],
            remove: vec!["six".into()],
        };
        assert_eq!(edit_title(&edit), "add numpy, pandas>=2; remove six");
    }

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
        made.changes = three_changes();
        assert_eq!(
            job_state(&made, 0),
            "Done in 12 s: 1 new, 1 changed, 1 removed."
        );
        assert!(is_told(&made));
        for state in [PackageJobState::Failed, PackageJobState::Stopped] {
            made.state = state;
            assert!(job_state(&made, 0).ends_with("The environment is as it was."));
            assert!(!is_told(&made));
        }
        made.failure = Some("no <wheel>".into());
        assert!(job_failure(&made).contains("no &lt;wheel&gt;"));
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
