//! The page *Packages*: what participants can import, and changing it: the plan first, then the
//! change with its log.
//!
//! What is typed is read here, by the parser that the steward has, too. Where packages go into an
//! image, the page writes the lines for it and asks for nothing.

pub mod add;
mod answers;
pub mod controller;
pub mod image;
pub mod job;
pub mod lists;
pub mod plan;

use leptos::prelude::*;
use shared::packages::PackagePlace;

use self::add::AddPackages;
use self::controller::PackagesController;
use self::image::ImageLines;
use self::job::JobPanel;
use self::lists::{InstalledList, RequirementList};
use self::plan::PlanPanel;
use super::ManageBar;
use super::focus::Announcement;
use super::loading::by_phase;
use crate::html::dynamic_html;
use crate::model::packages;

/// The page.
#[component]
pub fn PackagesPage(
    /// Where the wall is.
    wall: String,
    /// Whether the reader is an instructor, who may change packages.
    may_change: bool,
) -> impl IntoView {
    let page = PackagesController::new(may_change);
    page.start();
    let keep = move || page.text.with(|text| !text.trim().is_empty()).then_some("");
    view! {
        <ManageBar name="Packages" wall age=Signal::derive(String::new) />
        <main
            class="manage-main"
            data-testid="packages-page"
            data-keep=keep
            on:click=move |event| page.clicked(&event)
        >
            <Announcement said=page.said />
            {by_phase(page.phase, "Packages cannot be shown", page.refetcher, move || view! { <Body page /> }.into_any())}
        </main>
    }
}

/// Where packages go, and the parts below.
#[component]
fn Body(
    /// The page.
    page: PackagesController,
) -> impl IntoView {
    let of_list = move |draw: fn(&shared::packages::PackagesResponse) -> crate::html::Html| {
        let memo = Memo::new(move |_| page.list.get().map(|list| draw(&list)));
        dynamic_html(move || memo.get().unwrap_or_default())
    };
    let image = Memo::new(move |_| {
        let list = page.list.get()?;
        match &list.place {
            PackagePlace::Image { image, spawner } => Some((image.clone(), spawner.clone())),
            PackagePlace::Environment { .. } => None,
        }
    });
    let parts = move || match image.get() {
        Some((image, spawner)) => view! { <ImageLines page image spawner /> }.into_any(),
        None => view! {
            <PlanPanel page />
            <JobPanel page />
            <RequirementList page />
            <InstalledList page />
        }
        .into_any(),
    };
    view! {
        <section class="setup-head" data-testid="packages-place" {..of_list(packages::place)}></section>
        <div class="setup-hub" data-testid="packages-problems" {..of_list(packages::problems)}></div>
        <p class="problem" role="alert" data-testid="packages-failure" hidden=move || page.failure.with(String::is_empty)>
            {move || page.failure.get()}
        </p>
        {page.may_change.then(|| view! { <AddPackages page /> })}
        {parts}
    }
}
