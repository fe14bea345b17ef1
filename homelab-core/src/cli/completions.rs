//! `completions`: a script that lets a shell complete verbs and flags.
use super::{exit::Exit, session::Console};
use clap_complete::Shell;

pub(super) fn run(console: &Console, shell: Shell, program: &str) -> Exit {
    let mut script = vec![];
    clap_complete::generate(shell, &mut super::command(), program, &mut script);
    console.out.text(String::from_utf8_lossy(&script));
    Exit::Done
}
