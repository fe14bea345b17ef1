//! The command line of the lab.
// Until it is built for release the engine is a library of its own, so that an edit costs no linking of it.
#[cfg(debug_assertions)]
use homelab_dev as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    homelab_core::cli::run(lab::lab, lab::sites)
}
