//! The lane of those who need someone now, as HTML, which [`super::history_panel`] says why.

use crate::html;
use crate::html::Html;

/// How long the place of somebody who has left the lane stays empty, so that nothing moves up under
/// a pointer that is on its way.
const GAP_MS: i64 = 10_000;

/// Somebody who needs someone now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LanePerson {
    /// Who.
    pub user: String,
    /// When they came into the lane.
    pub entered_ms: i64,
    /// Why, in words, the strongest first.
    pub reasons: Vec<String>,
    /// Their error is solved; they leave soon.
    pub is_solved: bool,
    /// They have asked.
    pub has_asked: bool,
}

/// A place in the lane.
#[derive(Clone, Debug, PartialEq, Eq)]
struct LaneSlot {
    entry: LanePerson,
    /// When whoever was there has left.
    left_ms: Option<i64>,
}

/// The places of the lane. Whoever is there stays there: who leaves leaves a gap for a while, and who
/// comes, comes at the end.
#[derive(Debug, Default)]
pub struct Lane {
    slots: Vec<LaneSlot>,
    /// Those who wait until nobody points at the lane.
    waiting: usize,
}

impl Lane {
    /// Takes who is in the lane now. While it `is_held`, since somebody points at it or has the focus
    /// in it, nothing comes and nothing moves.
    pub fn take(&mut self, entries: &[LanePerson], now_ms: i64, is_held: bool) {
        for slot in &mut self.slots {
            match entries.iter().find(|it| it.user == slot.entry.user) {
                Some(entry) => {
                    slot.entry.clone_from(entry);
                    slot.left_ms = None;
                }
                None => slot.left_ms = slot.left_ms.or(Some(now_ms)),
            }
        }
        let is_there = |slots: &[LaneSlot], entry: &&LanePerson| {
            slots.iter().any(|slot| slot.entry.user == entry.user)
        };
        if is_held {
            let new = entries.iter().filter(|it| !is_there(&self.slots, it));
            self.waiting = new.count();
            return;
        }
        self.waiting = 0;
        self.slots
            .retain(|slot| slot.left_ms.is_none_or(|left| now_ms - left < GAP_MS));
        for entry in entries {
            if !is_there(&self.slots, &entry) {
                self.slots.push(LaneSlot {
                    entry: entry.clone(),
                    left_ms: None,
                });
            }
        }
    }

    /// The lane. `name` is how a participant is called, `href` the addresses of their
    /// notebook and of a replay of it.
    pub fn html(
        &self,
        more: usize,
        now_ms: i64,
        name: impl Fn(&str) -> String,
        href: impl Fn(&str) -> [String; 2],
    ) -> Html {
        let slots = self.slots.iter().map(|slot| match slot.left_ms {
            Some(_) => Html::from_static("<li class=need aria-hidden=true></li>"),
            None => entry_html(
                &slot.entry,
                &name(&slot.entry.user),
                href(&slot.entry.user),
                now_ms,
            ),
        });
        let mut html: Html = slots.collect();
        if self.slots.is_empty() {
            html.push_static("<li class=nobody>Nobody needs someone now.</li>");
        }
        if more > 0 {
            html.push(html!("<li class=pill>{} more</li>", more));
        }
        html
    }

    /// How many wait until nobody points at the lane.
    pub fn waiting(&self) -> usize {
        self.waiting
    }
}

fn entry_html(entry: &LanePerson, name: &str, [href, replay]: [String; 2], now_ms: i64) -> Html {
    let class = match (entry.is_solved, entry.has_asked) {
        (true, _) => "need solved",
        (false, true) => "need asked",
        (false, false) => "need",
    };
    let minutes = (now_ms - entry.entered_ms).max(0) / 60_000;
    let age = match minutes {
        0 => "now".to_owned(),
        _ => format!("{minutes} min"),
    };
    let reasons = match entry.is_solved {
        true => "solved it".to_owned(),
        false => entry.reasons.join(" · "),
    };
    html!(
        "<li class=\"{}\" data-user=\"{}\"><a href=\"{}\">{}</a> <span class=need-age>{}</span>\
         <p title=\"{}\">{}</p><span class=need-actions><a class=button \
         href=\"{}\" title=\"The last six minutes, save by save\" aria-label=\"Replay {}\">Replay</a>\
         <button class=button data-do=helped \
         aria-label=\"Helped {}\">Helped</button><button class=button data-do=later \
         aria-label=\"Later: {}\">Later</button></span></li>",
        class,
        entry.user,
        href,
        name,
        age,
        reasons,
        reasons,
        replay,
        name,
        name,
        name
    )
}

/// What is said once of whoever has come into the lane.
pub fn spoken(before: &[LanePerson], now: &[LanePerson], name: impl Fn(&str) -> String) -> String {
    let new = now.iter().filter(|entry| {
        let was_there = before.iter().any(|it| it.user == entry.user);
        !was_there && !entry.is_solved
    });
    let said: Vec<String> = new
        .map(|entry| {
            let reason = entry.reasons.first().map_or("", String::as_str);
            format!("{}: {reason}", name(&entry.user))
        })
        .collect();
    said.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(user: &str) -> LanePerson {
        LanePerson {
            user: user.to_owned(),
            reasons: vec!["same KeyError 4 runs, 6 min".to_owned()],
            ..LanePerson::default()
        }
    }

    fn places(lane: &Lane) -> Vec<&str> {
        let slots = lane.slots.iter();
        slots
            .map(|slot| match slot.left_ms {
                Some(_) => "",
                None => slot.entry.user.as_str(),
            })
            .collect()
    }

    #[test]
    fn whoever_leaves_leaves_a_gap_for_a_while() {
        let mut lane = Lane::default();
        lane.take(&[entry("ana"), entry("bo"), entry("cy")], 0, false);
        lane.take(&[entry("ana"), entry("cy")], 1_000, false);
        assert_eq!(places(&lane), ["ana", "", "cy"]);
        lane.take(&[entry("ana"), entry("cy"), entry("di")], 5_000, false);
        assert_eq!(places(&lane), ["ana", "", "cy", "di"]);
        lane.take(&[entry("ana"), entry("cy"), entry("di")], 11_000, false);
        assert_eq!(places(&lane), ["ana", "cy", "di"]);
        lane.take(&[], 11_000, false);
        lane.take(&[entry("cy")], 12_000, false);
        assert_eq!(places(&lane), ["", "cy", ""]);
    }

    #[test]
    fn nothing_comes_and_nothing_moves_while_it_is_held() {
        let mut lane = Lane::default();
        lane.take(&[entry("ana"), entry("bo")], 0, false);
        lane.take(&[entry("bo"), entry("cy"), entry("di")], 20_000, true);
        lane.take(&[entry("bo"), entry("cy"), entry("di")], 60_000, true);
        assert_eq!(places(&lane), ["", "bo"]);
        let html = lane.html(0, 60_000, str::to_owned, |_| Default::default());
        assert!(!html.contains("waiting"), "{}", &*html);
        assert_eq!(lane.waiting(), 2);
        lane.take(&[entry("bo"), entry("cy"), entry("di")], 61_000, false);
        assert_eq!(places(&lane), ["bo", "cy", "di"]);
    }

    #[test]
    fn the_lane_says_who_and_why() {
        let mut lane = Lane::default();
        let mut solved = entry("<i>");
        solved.is_solved = true;
        lane.take(&[entry("ana"), solved], 0, false);
        let html = lane.html(
            3,
            120_000,
            |user| user.to_uppercase(),
            |user| [format!("?user={user}"), format!("?user={user}&replay=1")],
        );
        for part in [
            "<a href=\"?user=ana\">ANA</a> <span class=need-age>2 min</span>",
            ">same KeyError 4 runs, 6 min</p>",
            "<li class=\"need solved\" data-user=\"&lt;i&gt;\">",
            ">solved it</p>",
            "href=\"?user=ana&amp;replay=1\"",
            "<li class=pill>3 more</li>",
        ] {
            assert!(html.contains(part), "{part} is not in {}", &*html);
        }
        let nobody = Lane::default().html(0, 0, str::to_owned, |_| Default::default());
        assert!(nobody.contains("Nobody needs someone now."));
    }

    #[test]
    fn each_entry_is_said_once() {
        let before = [entry("ana")];
        let mut solved = entry("cy");
        solved.is_solved = true;
        let now = [entry("ana"), entry("bo"), solved];
        assert_eq!(
            spoken(&before, &now, str::to_owned),
            "bo: same KeyError 4 runs, 6 min"
        );
        assert_eq!(spoken(&now, &now, str::to_owned), "");
    }
}
