//! Puts the pages for running a class into their document. Everything else is in the library.

fn main() {
    frontend::panic::install();
    leptos::mount::mount_to_body(frontend::manage::ManageApp);
}
