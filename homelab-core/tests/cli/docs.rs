//! `docs/cli.md` is what clap says. After a change: `UPDATE_DOCS=1 cargo test -p homelab-core --test cli docs`.
use clap::Command;
use std::{env, fmt::Write, fs, path::Path};

#[test]
fn the_reference_says_what_the_help_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/cli.md");
    let mut command = homelab_core::cli::command().term_width(100);
    command.build();
    let mut text = String::from(
        "# The command line\n\nEvery lab has these verbs; `lab` stands for the lab's own program (`cargo run -p lab --`).\n\
         This page is generated from the program's help.\n",
    );
    describe(&mut command, 2, &mut text);
    if env::var_os("UPDATE_DOCS").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &text).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert!(written == text, "docs/cli.md is out of date: UPDATE_DOCS=1 cargo test -p homelab-core --test cli docs");
}

fn describe(command: &mut Command, level: usize, text: &mut String) {
    let name = command.get_bin_name().unwrap_or(command.get_name()).to_owned();
    // The global options stand in the first block, and would drown what a verb has of its own.
    let mut own = command.clone();
    if level > 2 {
        own = own.mut_args(|arg| if arg.is_global_set() { arg.hide(true) } else { arg });
    }
    let help = own.render_long_help().to_string();
    let help: Vec<&str> = help.lines().map(str::trim_end).collect();
    writeln!(text, "\n{} `{name}`\n\n```text\n{}\n```", "#".repeat(level), help.join("\n").trim()).unwrap();
    for verb in command.get_subcommands_mut().filter(|verb| verb.get_name() != "help") {
        describe(verb, level + 1, text);
    }
}
