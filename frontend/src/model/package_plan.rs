//! What a change of packages would do, or has done, as HTML.

use shared::packages::{PackageChange, PackageEdit, PackagePlan};

use super::packages::table_head;
use crate::html;
use crate::html::Html;

/// What was asked for, as a heading: `Add numpy`.
fn edit_title(edit: &PackageEdit) -> String {
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

/// A table of what becomes of each package.
pub fn changes_table(caption: &'static str, changes: &[PackageChange]) -> Html {
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
    let rows: Html = rows.collect();
    html!(
        "<table class=\"setup-table changes-table\" role=table>\
         <caption class=visually-hidden>{}</caption><thead role=rowgroup>{}</thead>\
         <tbody role=rowgroup>{}</tbody></table>",
        Html::from_static(caption),
        table_head(&["Package", "What", "Before", "After"]),
        rows
    )
}

/// What should be known before, or the installer's words about why it cannot be done.
fn plan_remarks(plan: &PackagePlan) -> Html {
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

/// What a change would do, and the buttons that do it or leave it.
pub fn plan_panel(edit: &PackageEdit, plan: &PackagePlan) -> Html {
    let is_possible = plan.conflict.is_none();
    let changes = (is_possible && !plan.changes.is_empty())
        .then(|| changes_table("What would become of each package", &plan.changes));
    let file = is_possible.then(|| {
        html!(
            "<details><summary>requirements.txt after it</summary><pre tabindex=0 role=region \
             aria-label=\"requirements.txt after it\">{}</pre></details>",
            plan.requirements.join("\n")
        )
    });
    let install = is_possible.then(|| {
        let word = if edit.add.is_empty() {
            "Remove"
        } else {
            "Install"
        };
        html!(
            "<button class=\"button primary\" data-do=apply>{}</button>",
            Html::from_static(word)
        )
    });
    html!(
        "<h2 id=plan-title tabindex=-1>Plan: {}</h2><p data-testid=plan-headline>{}</p>{}{}{}\
         <p class=add-actions>{}<button class=button data-do=cancel>Cancel</button></p>",
        edit_title(edit),
        plan_headline(plan),
        plan_remarks(plan),
        changes,
        file,
        install
    )
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    fn change(name: &str, from: Option<&str>, to: Option<&str>) -> PackageChange {
        PackageChange {
            name: name.into(),
            from: from.map(Into::into),
            to: to.map(Into::into),
        }
    }

    pub(in crate::model) fn three_changes() -> Vec<PackageChange> {
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
        let rows = plan_panel(&PackageEdit::default(), &plan);
        assert!(rows.contains("data-do=apply>Remove<"));
        assert!(rows.contains("&lt;six&gt;</th>") && rows.contains("removed</span>"));
        assert!(rows.contains("<b>Before</b>1.5</td><td role=cell><b>After</b>2.2"));
        plan.conflict = Some("a<b and a>b".into());
        assert!(plan_headline(&plan).contains("nothing would change"));
        let panel = plan_panel(&PackageEdit::default(), &plan);
        assert!(panel.contains(">a&lt;b and a&gt;b</pre>"));
        assert!(panel.contains("data-do=cancel") && !panel.contains("data-do=apply"));
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
}
