//! Makes a release build notice a new build of the frontend, which it embeds.

fn main() {
    // A debug build reads the frontend's files when it runs, so it need not know.
    if std::env::var("PROFILE").as_deref() == Ok("release") {
        println!("cargo::rerun-if-changed=../frontend/dist");
    } else {
        println!("cargo::rerun-if-changed=build.rs");
    }
}
