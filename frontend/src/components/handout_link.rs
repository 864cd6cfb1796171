//! The way to the page *Files*, from which files are handed out: a link in the bar, and a shortcut
//! on every page.

use leptos::prelude::*;

use crate::html;
use crate::html::{Html, dynamic_html};
use crate::pages::keyboard::on_shortcut;
use crate::paths::{self, PageRoute};
use crate::router::Router;
use crate::session::SessionHandle;

/// A link to the page, for instructors.
#[component]
pub fn HandoutLink(
    /// The explanation of the link.
    title: &'static str,
) -> impl IntoView {
    let router = expect_context::<Router>();
    let may_hand_out = expect_context::<SessionHandle>().may_hand_out();
    let link = Memo::new(move |_| match may_hand_out {
        true => html!(
            "<a class=button data-testid=handout-button href=\"{}\" title=\"{} (d)\">Hand out</a>",
            files_page(router),
            title
        ),
        false => Html::default(),
    });
    view! { <span class="contents" {..dynamic_html(move || link.get())}></span> }
}

/// Opens the page on `d`, for instructors.
pub fn open_files_on_shortcut(router: Router) {
    let session = expect_context::<SessionHandle>();
    on_shortcut(move |key| {
        let opens = key == "d" && session.may_hand_out();
        if opens {
            // A browser that refuses to navigate stays on the page.
            let _ = window().location().assign(&untrack(|| files_page(router)));
        }
        opens
    });
}

/// The address of the page, with the participant whose notebook is shown, if one is.
fn files_page(router: Router) -> String {
    let view = router.view();
    let is_notebook = router.page() == Some(PageRoute::Notebook);
    let user = view.user.as_deref().filter(|_| is_notebook);
    paths::files_page(&view.with_user(user))
}
