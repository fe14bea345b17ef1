//! The command line of the lab.
use std::process::ExitCode;

fn main() -> ExitCode {
    homelab_core::cli::run(lab::lab, lab::sites)
}
