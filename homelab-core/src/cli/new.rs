//! `new`: the beginning of a module that declares a resource.
use super::{exit::Exit, session::Console, stop::Stop};
use crate::{Scaffold, Sites};

pub(super) fn run(console: &Console, sites: &Sites, what: &str, name: &str) -> Result<Exit, Stop> {
    let known: Vec<&Scaffold> = sites.scaffolds().collect();
    let Some(scaffold) = known.iter().find(|s| s.what == what) else {
        let words: Vec<&str> = known.iter().map(|s| s.what).collect();
        return Err(Stop::usage(
            format!("there is no code to begin a `{what}` with"),
            if words.is_empty() {
                "the sites of this lab offer none".to_owned()
            } else {
                format!("there is: {}", words.join(", "))
            },
        ));
    };
    let is_name = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    if !is_name {
        return Err(Stop::usage(
            format!("`{name}` is no name for a `{what}`"),
            "use lower case letters, digits and `-`, beginning with a letter",
        ));
    }
    console.out.text(scaffold.code.replace("NAME", name).replace("IDENT", &name.replace('-', "_")));
    Ok(Exit::Done)
}
