//! The passwords that were made while the page is open, as cards and as a table.

use leptos::prelude::*;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Blob, HtmlAnchorElement, Url};

use super::controller::UsersController;
use crate::html::dynamic_html;
use crate::model::login_cards;

/// The passwords that were made, as a sheet of cards.
#[component]
pub fn MadePasswords(
    /// The page.
    page: UsersController,
) -> impl IntoView {
    let address = page.address();
    let for_table = address.clone();
    let is_empty = Memo::new(move |_| page.made.with(|made| made.is_empty()));
    let cards = Memo::new(move |_| {
        page.made
            .with(|made| login_cards::cards(made, &address, &page.accounts.get()))
    });
    let save_table = move |_| {
        save_as(
            "participants.csv",
            &page.made.with(|made| login_cards::csv(made, &for_table)),
        )
    };
    view! {
        <section
            class="made"
            aria-label="New passwords"
            hidden=move || is_empty.get()
            data-testid="made"
        >
            <div class="setup-bar made-bar">
                <p id="made-title" tabindex="-1">
                    "New passwords are shown this once: print them, or keep the file, before you leave this page."
                </p>
                <p>
                    <button class="button primary" data-do="print">"Print the cards"</button>
                    <button class="button" data-testid="made-csv" on:click=save_table>
                        "CSV"
                    </button>
                </p>
            </div>
            <ul class="cards" tabindex="0" aria-label="Cards with new passwords" data-testid="cards" {..dynamic_html(move || cards.get())}></ul>
        </section>
    }
}

/// Saves a text as a file. Its address is good for this once, and no browser keeps the text in a list
/// of downloads.
fn save_as(name: &str, text: &str) {
    let parts = js_sys::Array::of1(&JsValue::from_str(text));
    let Ok(blob) = Blob::new_with_str_sequence(&parts) else {
        return;
    };
    let Ok(url) = Url::create_object_url_with_blob(&blob) else {
        return;
    };
    let link = document().create_element("a").ok();
    if let Some(link) = link.and_then(|link| link.dyn_into::<HtmlAnchorElement>().ok()) {
        link.set_href(&url);
        link.set_download(name);
        link.click();
    }
    // It fails only for an address that is good no more.
    let _ = Url::revoke_object_url(&url);
}
