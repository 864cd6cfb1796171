//! Puts the app into the page. Everything else is in the library of the same name.

fn main() {
    frontend::panic::install();
    leptos::mount::mount_to_body(frontend::app::App);
}
