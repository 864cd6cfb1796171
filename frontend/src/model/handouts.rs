//! The page on which an instructor hands a file out, and the list of handouts: its state and
//! its HTML, written as text and not as views ([`super::history_panel`] says why).

use shared::errands::{HandoutAudience, HubGroup, MAX_HANDOUT_BYTES};

use super::calendar::Moment;
use super::errand::ErrandNote;
use super::failure::RequestFailure;
use crate::html;
use crate::html::Html;

/// The state of handing out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum HandoutStep {
    /// The instructor chooses.
    #[default]
    Choosing,
    /// The instructor is asked to confirm this audience and this file.
    Asked(HandoutAudience, String),
    /// The request is running.
    Running,
    /// A file is being uploaded, so many percent of it so far.
    Uploading(u32),
    /// It is done.
    Done,
    /// It has failed.
    Failed(RequestFailure),
}

impl HandoutStep {
    /// A question waits for its answer.
    pub fn is_asked(&self) -> bool {
        matches!(self, Self::Asked(..))
    }

    /// Something is being sent, which leaving the page would end.
    pub fn is_under_way(&self) -> bool {
        matches!(self, Self::Running | Self::Uploading(_))
    }
}

/// The handouts and the recipients to choose from: what the page shows of
/// [`shared::errands::HandoutsResponse`].
#[derive(Debug, Default)]
pub struct HandoutList {
    /// The service's clock.
    pub now_ms: i64,
    /// Newest first.
    pub handouts: Vec<HandoutRow>,
    /// There are older ones.
    pub more: bool,
    /// The names of the participants.
    pub people: Vec<String>,
    /// The groups of the Hub.
    pub groups: Vec<HubGroup>,
}

/// What the page shows of one [`shared::errands::Handout`].
#[derive(Debug)]
pub struct HandoutRow {
    /// Its number.
    pub id: i64,
    /// The path of the new files.
    pub filename: String,
    /// The bytes of each.
    pub size: i64,
    /// Its recipients.
    pub to: HandoutAudience,
    /// When it was handed out.
    pub created_at_ms: i64,
    /// It was taken back.
    pub is_retracted: bool,
    /// The state of each recipient.
    pub receivers: Vec<ErrandNote>,
}

/// The state of the page.
#[derive(Debug, Default)]
pub struct Handouts {
    /// The state of handing out.
    pub step: HandoutStep,
    /// The list that was loaded last.
    pub list: HandoutList,
    /// The list begins before this handout; with the newest one, when there is none.
    pub before: Option<i64>,
}

/// The fields of the form. With the owner and the path of a notebook that one is chosen at first; the
/// parts with `data-of` belong to a file.
pub fn form(notebook: Option<(&str, &str)>) -> Html {
    let choice = notebook.map(|(owner, path)| {
        html!(
            "<label class=row>What <select id=handout-what class=field><option value=notebook>{} of \
             {}<option value=file>A file from this computer</select></label>",
            path,
            owner
        )
    });
    let hidden = if notebook.is_some() { " hidden" } else { "" };
    html!(
        "<h2 id=handouts-title>Hand out</h2>\
         <p class=hint>A new file in each home, also for those who come later. It is never written \
         over a file. A notebook goes without its private cells.</p>{}\
         <label class=row data-of=file{}>File <input id=handout-file class=field type=file></label>\
         <label class=row>To <select id=handout-to class=field></select></label>\
         <label class=row>As <input id=handout-as class=field maxlength=1024 spellcheck=false \
         value=\"{}\"></label>\
         <label class=row data-of=file{}>In <input id=handout-folder class=field maxlength=1024 \
         spellcheck=false placeholder=\"the top folder of each home\"></label>",
        choice.unwrap_or_default(),
        hidden,
        notebook.map_or("", |(_, path)| path),
        hidden
    )
}

/// Why a file of so many bytes cannot be handed out; the service says the rest.
pub fn too_large(bytes: i64) -> Option<String> {
    const MIB: i64 = 1 << 20;
    let most = i64::try_from(MAX_HANDOUT_BYTES).unwrap_or(i64::MAX);
    (bytes > most).then(|| {
        format!(
            "The file has {} MiB, and a handout at most {} MiB. Hand out a smaller part of it, \
             or a notebook that downloads it.",
            (bytes + MIB - 1) / MIB,
            most / MIB
        )
    })
}

/// A size with its unit.
pub fn size_text(bytes: i64) -> String {
    match bytes {
        ..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{} kB", bytes / 1_000),
        1_000_000.. => format!("{} MB", bytes / 1_000_000),
    }
}

/// What a choice of [`Handouts::choices`] stands for.
pub fn handout_audience(choice: &str) -> HandoutAudience {
    match choice.split_once(':') {
        Some(("group", name)) => HandoutAudience::Group(name.to_owned()),
        Some((_, name)) => HandoutAudience::User(name.to_owned()),
        None => HandoutAudience::Everyone(true),
    }
}

impl Handouts {
    /// The options of the list of audiences.
    pub fn choices(&self) -> Html {
        let mut html = html!("<option value=everyone>Everyone</option>");
        let groups = self.list.groups.iter().map(|group| &group.name);
        push_options(&mut html, "group", "A group of the Hub", groups);
        push_options(&mut html, "user", "One person", self.list.people.iter());
        html
    }

    /// The question or the result, and the buttons; `owner` is the owner of the notebook.
    pub fn step(&self, owner: Option<&str>) -> Html {
        let ask = html!(
            "<p class=add-actions><button class=\"button primary\" data-do=handout-ask>Hand \
             out…</button></p>"
        );
        match &self.step {
            HandoutStep::Choosing => ask,
            HandoutStep::Done => html!("<p>Handed out.</p>{}", ask),
            HandoutStep::Failed(failure) => html!("{}{}", failure.message_html(), ask),
            HandoutStep::Running => html!(
                "<p class=add-actions><button class=\"button primary\" disabled>Handing \
                 out…</button></p>"
            ),
            HandoutStep::Uploading(percent) => html!(
                "<p class=add-actions><output aria-live=off>Uploading… <b>{}</b> %</output>\
                 <progress max=100 value={} aria-label=Uploaded></progress>\
                 <button class=button data-do=handout-cancel>Stop</button></p>",
                percent,
                percent
            ),
            HandoutStep::Asked(to, filename) => html!(
                "<p><code>{}</code> goes to {}.</p>\
                 <p class=add-actions><button class=\"button primary\" data-do=handout-send>Hand \
                 out</button><button class=button data-do=handout-back>Back</button></p>",
                filename,
                self.reach(to, owner)
            ),
        }
    }

    /// The audience in words, and how many homes that are.
    fn reach(&self, to: &HandoutAudience, owner: Option<&str>) -> Html {
        let others = |names: &[String]| {
            let others = names.iter().filter(|name| Some(name.as_str()) != owner);
            people(others.count())
        };
        match to {
            HandoutAudience::Everyone(_) => html!(
                "<b>everyone</b>: {} now, and those who come later",
                others(&self.list.people)
            ),
            HandoutAudience::Group(name) => {
                let group = self.list.groups.iter().find(|group| group.name == *name);
                let members = group.map_or(&[][..], |group| &group.members);
                html!(
                    "the group <b>{}</b>: {} now, and those who join it later",
                    name,
                    others(members)
                )
            }
            HandoutAudience::User(name) => html!("<b>{}</b>: 1 person", name),
        }
    }

    /// What was handed out; those whose number is in `open` are unfolded.
    pub fn list(&self, open: &[String], now_ms: i64, local: &dyn Fn(i64) -> Moment) -> Html {
        let rows = self.list.handouts.iter();
        let mut html: Html = rows
            .map(|handout| row(handout, open, now_ms, local))
            .collect();
        if html.is_empty() {
            html.push_static("<li class=hint>Nothing yet.");
        }
        if self.before.is_some() {
            html.push_static("<li><button class=button data-do=handout-newest>Newest</button>");
        }
        let oldest = self.list.handouts.last().filter(|_| self.list.more);
        if let Some(oldest) = oldest {
            html.push(html!(
                "<li><button class=button data-do=handout-older data-id={}>Older</button>",
                oldest.id
            ));
        }
        html
    }
}

fn people(count: usize) -> Html {
    match count {
        1 => html!("1 person"),
        _ => html!("{} people", count),
    }
}

fn push_options<'a>(
    html: &mut Html,
    kind: &str,
    label: &str,
    names: impl ExactSizeIterator<Item = &'a String>,
) {
    if names.len() == 0 {
        return;
    }
    html.push(html!("<optgroup label=\"{}\">", label));
    for name in names {
        html.push(html!(
            "<option value=\"{}:{}\">{}</option>",
            kind,
            name,
            name
        ));
    }
    html.push_static("</optgroup>");
}

fn row(handout: &HandoutRow, open: &[String], now_ms: i64, local: &dyn Fn(i64) -> Moment) -> Html {
    // Which of the four each receiver is.
    let kind = |it: &ErrandNote| match (it.is_done(), it.is_pending()) {
        (true, _) if it.is_opened => 0,
        (true, _) => 1,
        (false, true) => 3,
        (false, false) => 2,
    };
    let mut counts = [0_usize; 4];
    let mut names: [Vec<Html>; 4] = Default::default();
    for receiver in &handout.receivers {
        counts[kind(receiver)] += 1;
        names[kind(receiver)].push(name(receiver));
    }
    let titles = ["Opened", "Has it", "Failed", "Server not started"];
    let kinds: Html = titles
        .iter()
        .zip(names)
        .filter(|(_, names)| !names.is_empty())
        .map(|(title, names)| {
            let names = Html::joined(names, ", ");
            html!("<dt>{}</dt><dd>{}</dd>", title, names)
        })
        .collect();
    let to = match &handout.to {
        HandoutAudience::Everyone(_) => html!("everyone"),
        HandoutAudience::Group(name) => html!("group {}", name),
        HandoutAudience::User(name) => html!("{}", name),
    };
    let take_back = match handout.is_retracted {
        false => html!(
            "<button class=button data-do=handout-end data-id={}>Take back</button>",
            handout.id
        ),
        true => html!("<em>taken back</em>"),
    };
    let all = handout.receivers.len();
    html!(
        "<li{} data-testid=handout><details data-id={}{}><summary><b>{}</b><small>{} · {} · to {} · \
         {}/{} have it · {} opened</small></summary><dl>{}</dl></details>{}</li>",
        if handout.is_retracted {
            " class=gone"
        } else {
            ""
        },
        handout.id,
        if open.contains(&handout.id.to_string()) {
            " open"
        } else {
            ""
        },
        handout.filename,
        size_text(handout.size),
        local(handout.created_at_ms).time_and_day(local(now_ms)),
        to,
        counts[0] + counts[1],
        all,
        counts[0],
        kinds,
        take_back
    )
}

/// A name; beside it, why the file is not there.
fn name(receiver: &ErrandNote) -> Html {
    match receiver
        .reason
        .as_deref()
        .filter(|reason| !reason.is_empty())
    {
        Some(reason) => html!("{} ({})", receiver.user, reason),
        None => html!("{}", receiver.user),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receiver(user: &str, state: &str, is_opened: bool) -> ErrandNote {
        ErrandNote {
            user: user.to_owned(),
            state: state.to_owned(),
            reason: (state == "failed").then(|| "disk <full>".to_owned()),
            is_opened,
            ..ErrandNote::default()
        }
    }

    fn handout(id: i64, is_retracted: bool) -> HandoutRow {
        HandoutRow {
            id,
            filename: "m/<b>.ipynb".to_owned(),
            size: 1_234,
            to: HandoutAudience::Group("mon\"day".to_owned()),
            created_at_ms: 1_000,
            is_retracted,
            receivers: vec![
                receiver("ana", "done", true),
                receiver("bo<i>", "done", false),
                receiver("cy", "failed", false),
                receiver("dan", "pending", false),
            ],
        }
    }

    fn dialog(step: HandoutStep) -> Handouts {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let list = HandoutList {
            now_ms: 9_000,
            handouts: vec![handout(7, false), handout(5, true)],
            more: false,
            people: names(&["ana", "bo<i>", "ines"]),
            groups: vec![HubGroup {
                name: "mon\"day".to_owned(),
                members: names(&["ana"]),
            }],
        };
        Handouts {
            step,
            list,
            ..Handouts::default()
        }
    }

    #[test]
    fn a_choice_becomes_the_audience_it_stands_for() {
        let choices = dialog(HandoutStep::Choosing).choices();
        assert!(
            choices.contains("value=\"group:mon&quot;day\""),
            "{choices}"
        );
        assert!(choices.contains("value=\"user:bo&lt;i&gt;\""), "{choices}");
        let group = HandoutAudience::Group("a:b".to_owned());
        assert_eq!(handout_audience("group:a:b"), group);
        let user = HandoutAudience::User("ana".to_owned());
        assert_eq!(handout_audience("user:ana"), user);
        for choice in ["everyone", ""] {
            assert_eq!(handout_audience(choice), HandoutAudience::Everyone(true));
        }
    }

    #[test]
    fn the_form_offers_the_notebook_of_the_address_alone() {
        let of_notebook = form(Some(("bo<i>", "m/\"a.ipynb")));
        assert!(of_notebook.contains("<option value=notebook>m/&quot;a.ipynb of bo&lt;i&gt;<"));
        assert!(
            of_notebook.contains("value=\"m/&quot;a.ipynb\""),
            "{of_notebook}"
        );
        assert_eq!(of_notebook.matches("data-of=file hidden").count(), 2);
        let of_file = form(None);
        assert!(!of_file.contains("handout-what") && !of_file.contains("hidden"));
        assert!(of_file.contains("value=\"\""), "{of_file}");
    }

    #[test]
    fn leaving_ends_what_is_being_sent() {
        let asked = HandoutStep::Asked(HandoutAudience::Everyone(true), "x".to_owned());
        assert!(asked.is_asked() && !asked.is_under_way());
        for step in [HandoutStep::Running, HandoutStep::Uploading(3)] {
            assert!(step.is_under_way() && !step.is_asked(), "{step:?}");
        }
        assert!(!HandoutStep::Done.is_under_way());
    }

    #[test]
    fn the_question_says_how_many_homes_get_a_file() {
        let asked = |to| {
            let step = HandoutStep::Asked(to, "<x>.ipynb".to_owned());
            dialog(step).step(Some("ines"))
        };
        let everyone = asked(HandoutAudience::Everyone(true));
        assert!(everyone.contains("2 people now"), "{everyone}");
        assert!(everyone.contains("&lt;x&gt;.ipynb"), "{everyone}");
        assert!(everyone.contains("data-do=handout-send"), "{everyone}");
        let group = asked(HandoutAudience::Group("mon\"day".to_owned()));
        assert!(group.contains("1 person now"), "{group}");
        let other = asked(HandoutAudience::Group("tuesday".to_owned()));
        assert!(other.contains("0 people now"), "{other}");
        let one = asked(HandoutAudience::User("bo<i>".to_owned()));
        assert!(one.contains("<b>bo&lt;i&gt;</b>: 1 person"), "{one}");
        let choosing = dialog(HandoutStep::Choosing).step(None);
        assert!(!choosing.contains("data-do=handout-send"), "{choosing}");
        let failure = RequestFailure::Refused(409, "A <link>.".into());
        let failed = dialog(HandoutStep::Failed(failure)).step(None);
        assert!(failed.contains("A &lt;link&gt;.") && failed.contains("data-do=handout-ask"));
    }

    #[test]
    fn older_handouts_are_a_click_away() {
        let mut dialog = dialog(HandoutStep::Choosing);
        let draw = |dialog: &Handouts| dialog.list(&[], 9_000, &|at_ms| Moment::new(at_ms, 0));
        let newest = draw(&dialog);
        assert!(!newest.contains("handout-older") && !newest.contains("handout-newest"));
        dialog.list.more = true;
        assert!(draw(&dialog).contains("data-do=handout-older data-id=5"));
        dialog.before = Some(9);
        assert!(draw(&dialog).contains("handout-newest"));
    }

    #[test]
    fn an_upload_says_how_far_it_is_and_can_be_given_up() {
        let uploading = dialog(HandoutStep::Uploading(45)).step(None);
        assert!(uploading.contains("<b>45</b> %") && uploading.contains("value=45"));
        assert!(uploading.contains("data-do=handout-cancel"), "{uploading}");
    }

    #[test]
    fn a_file_that_is_too_large_is_named_with_the_limit() {
        let most = i64::try_from(MAX_HANDOUT_BYTES).unwrap();
        assert_eq!(too_large(most), None);
        let refusal = too_large(most + 1).unwrap();
        assert!(refusal.contains("33 MiB") && refusal.contains("at most 32 MiB"));
    }

    #[test]
    fn a_size_has_a_unit_that_keeps_it_short() {
        for (bytes, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1 kB"),
            (999_999, "999 kB"),
            (33_554_432, "33 MB"),
        ] {
            assert_eq!(size_text(bytes), text);
        }
    }

    #[test]
    fn the_list_names_who_has_a_handout_and_who_has_not() {
        let list = dialog(HandoutStep::Choosing)
            .list(&["7".to_owned()], 9_000, &|at_ms| Moment::new(at_ms, 0));
        let rows: Vec<_> = list.split("<li").skip(1).collect();
        assert!(rows[0].contains("<small>1 kB · "), "{list}");
        assert!(rows[0].contains("2/4 have it · 1 opened"), "{list}");
        for line in [
            "<dt>Opened</dt><dd>ana</dd>",
            "<dt>Has it</dt><dd>bo&lt;i&gt;</dd>",
            "<dt>Failed</dt><dd>cy (disk &lt;full&gt;)</dd>",
            "<dt>Server not started</dt><dd>dan</dd>",
        ] {
            assert!(rows[0].contains(line), "{line} in {list}");
        }
        assert!(rows[0].contains(" open>") && rows[0].contains("handout-end"));
        assert!(rows[1].contains("taken back") && !rows[1].contains("handout-end"));
        for never in ["<b>.ipynb", "bo<i>", "<full>"] {
            assert!(!list.contains(never), "{never} in {list}");
        }
    }
}
