//! Everyone in the list, and the servers of all.

use leptos::prelude::*;
use shared::users::{ListedUser, UsersResponse};

use super::add_class::AddClass;
use super::controller::UsersController;
use super::made::MadePasswords;
use super::question::QuestionDialog;
use crate::html::{Html, dynamic_html};
use crate::model::users;

/// The list, and for instructors what changes it.
#[component]
pub fn Body(
    /// The page.
    page: UsersController,
) -> impl IntoView {
    let of_list = move |draw: fn(&UsersResponse) -> Html| {
        let memo = Memo::new(move |_| page.list.get().map(|list| draw(&list)));
        dynamic_html(move || memo.get().unwrap_or_default())
    };
    let names = Memo::new(move |_| {
        let list = page.list.get();
        let names = list.iter().flat_map(|list| &list.users);
        names.map(|user| user.username.clone()).collect::<Vec<_>>()
    });
    view! {
        <section class="setup-head">
            <p class="headline" role="status" data-testid="users-headline" {..of_list(users::headline)}></p>
            <div class="add-hint" data-testid="users-passwords" {..of_list(users::who_makes_passwords)}></div>
        </section>
        <div class="setup-hub" data-testid="users-problems" {..of_list(users::problems)}></div>
        <p class="problem" role="alert" data-testid="users-failure" hidden=move || page.failure.with(String::is_empty)>
            {move || page.failure.get()}
        </p>
        {page.may_change.then(|| view! { <AddClass page /> })}
        <MadePasswords page />
        <ServersBar page />
        // With its roles, which elements lose whose `display` is another, as on a narrow screen.
        <table
            class="setup-table users-table"
            role="table"
            hidden=move || names.with(Vec::is_empty)
        >
            <caption class="visually-hidden">"Everyone in the list, and what is known of them"</caption>
            <thead role="rowgroup">
                <tr role="row">
                    <th scope="col" role="columnheader">"Name"</th>
                    <th scope="col" role="columnheader">"Account"</th>
                    <th scope="col" role="columnheader">"Server"</th>
                    <th scope="col" role="columnheader">"Last save"</th>
                    <th scope="col" role="columnheader">
                        <span class="visually-hidden">"Change"</span>
                    </th>
                </tr>
            </thead>
            <tbody role="rowgroup">
                <For each=move || names.get() key=String::clone let(name)>
                    <UserRow page name />
                </For>
            </tbody>
        </table>
        <QuestionDialog page />
    }
}

/// How many servers run, and the buttons that start and stop all; nothing where the steward can do
/// neither.
#[component]
fn ServersBar(
    /// The page.
    page: UsersController,
) -> impl IntoView {
    let has_servers = Memo::new(move |_| {
        let list = page.list.get();
        list.is_some_and(|list| list.servers_waiting.is_some() && !list.users.is_empty())
    });
    let said = Memo::new(move |_| {
        let list = page.list.get();
        list.map(|list| page.servers.with(|rows| users::servers(&list, rows)))
    });
    let buttons = page.may_change.then(|| {
        view! {
            <p>
                <button class="button" data-do="start-all">"Start all servers"</button>
                <button class="button" data-do="stop-all">"Stop all servers"</button>
            </p>
        }
    });
    view! {
        <div class="setup-bar made-bar" hidden=move || !has_servers.get()>
            <p
                role="status"
                data-testid="users-servers"
                {..dynamic_html(move || said.get().unwrap_or_default())}
            ></p>
            {buttons}
        </div>
    }
}

/// The row of one user.
#[component]
fn UserRow(
    /// The page.
    page: UsersController,
    /// The user.
    name: String,
) -> impl IntoView {
    let of_user = name.clone();
    let user = Memo::new(move |_| {
        let list = page.list.get();
        let mut users = list.iter().flat_map(|list| &list.users);
        users.find(|user| user.username == of_user).cloned()
    });
    let of_user = name.clone();
    let server = Memo::new(move |_| page.servers.with(|all| all.get(&of_user).cloned()));
    let cell = move |draw: fn(&ListedUser) -> Html| {
        let memo = Memo::new(move |_| user.get().map(|user| draw(&user)));
        dynamic_html(move || memo.get().unwrap_or_default())
    };
    let state = Memo::new(move |_| {
        let failure = user.with(|user| user.as_ref().and_then(|it| it.server_failure.clone()));
        server.with(|row| users::server(row.as_ref(), failure.as_deref()))
    });
    let saves =
        Memo::new(move |_| server.with(|row| users::saves(row.as_ref(), page.clock.now_ms())));
    let actions = Memo::new(move |_| {
        let user = user.get().filter(|_| page.may_change);
        let buttons = user.map(|user| users::actions(&user, &page.accounts.get()));
        buttons.unwrap_or_default()
    });
    view! {
        <tr role="row" data-user=name>
            <th scope="row" role="rowheader" {..cell(users::name)}></th>
            <td role="cell" {..cell(users::account)}></td>
            <td role="cell" {..dynamic_html(move || state.get())}></td>
            <td role="cell" {..dynamic_html(move || saves.get())}></td>
            <td role="cell" {..dynamic_html(move || actions.get())}></td>
        </tr>
    }
}
