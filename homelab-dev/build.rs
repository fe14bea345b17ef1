//! How the shared library is linked.
use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux") {
        // What it needs of itself is bound now: else 20 ms of each start go into looking symbols up.
        println!("cargo::rustc-link-arg=-Wl,-Bsymbolic");
    }
}
