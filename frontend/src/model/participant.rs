//! The part above a participant's own notebooks, in HTML: the notebook and summaries shared with
//! them, and how much is kept about them. [`super::history_panel`] says why it is written as text.

use shared::sharing::{AboutResponse, SharingResponse};

use crate::html::Html;
use crate::{html, paths};

/// A card for the followed notebook, and one for each shared summary.
pub fn cards(sharing: &SharingResponse) -> Html {
    let mut html = Html::default();
    if let Some(followed) = &sharing.followed {
        html.push(html!(
            "<a class=card data-testid=follow-card href=\"{}\"><strong>Follow {}</strong>\
             <span>{}</span></a>",
            paths::FOLLOW_PAGE,
            followed.user,
            followed.filename
        ));
    }
    for filename in &sharing.summaries {
        html.push(html!(
            "<a class=card data-testid=summary-card \
             href=\"{}\"><strong>Everyone’s last cells</strong><span>{}</span></a>",
            paths::summary_page(filename),
            filename
        ));
    }
    html
}

/// How much the service keeps, and how to make a cell private.
pub fn retention(about: &AboutResponse) -> Html {
    let history = match about.history {
        Some(kept) => html!(
            "<p>Every version that you save is kept for up to {} days, after the first day only \
             some of them. When the whole class’s versions take up more than {} MiB, older ones \
             go sooner.</p>",
            kept.days,
            thousands(kept.mib)
        ),
        None => html!("<p>Earlier versions of your notebooks are not kept.</p>"),
    };
    let tag = &about.private_tag;
    html!(
        "<summary>What is kept</summary><p>Instructors and their helpers see your notebooks as \
         you have saved them. Other participants see them only where an instructor shares \
         everyone’s last cells.</p><p>From your saves it is found how far you are, which errors you have \
         and whether you may need someone; your instructor and helpers see it, nobody else, and it is \
         gone with the versions. That somebody was with you, your notes and what you wrote to ask \
         for help are kept for 30 days.</p><p>Each save is noted: whose, of which notebook, when. The \
         newest {} of the class are kept, and the latest of each notebook.</p>{}\
         <p>A cell with the tag <code>{}</code> is not shown to anyone here, and not kept. To \
         tag one in JupyterLab, click into it, open the gears at the right and write \
         <code>{}</code> under <em>Cell Tags</em>; then save.</p>",
        thousands(about.events.into()),
        history,
        tag,
        tag
    )
}

/// A number as people read it: 100,000.
fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use shared::sharing::{FollowedNotebook, HistoryBounds};

    use super::*;

    #[test]
    fn the_followed_notebook_and_each_summary_have_a_card() {
        assert_eq!(cards(&SharingResponse::default()), Html::default());
        let html = cards(&SharingResponse {
            followed: Some(FollowedNotebook {
                user: "<ines>".into(),
                filename: "a&b.ipynb".into(),
            }),
            summaries: vec!["m/x \"y\".ipynb".into(), "z.ipynb".into()],
        });
        for part in [
            "href=\"follow\"><strong>Follow &lt;ines&gt;</strong><span>a&amp;b.ipynb<",
            "href=\"document?notebook=m/x%20%22y%22.ipynb\"",
            "href=\"document?notebook=z.ipynb\"",
        ] {
            assert!(html.contains(part), "{part} is not in {html}");
        }
    }

    #[test]
    fn the_retention_text_has_the_services_numbers() {
        let mut about = AboutResponse {
            events: 100_000,
            history: Some(HistoryBounds {
                days: 30,
                mib: 2_048,
            }),
            private_tag: "private".into(),
        };
        let html = retention(&about);
        for part in ["100,000", "30 days", "2,048 MiB", "<code>private</code>"] {
            assert!(html.contains(part), "{part} is not in {html}");
        }
        about.history = None;
        assert!(retention(&about).contains("are not kept"));
        assert_eq!(thousands(999), "999");
    }
}
