//! The verbs that Pis bring to the command line: `pi build`, `pi flash`, `verify pi`.
use super::Pis;
use crate::{
    flash::{Limits, Progress},
    verbs,
};
use homelab_core::{Doing, Failure, Said, Verb, Words};
use std::path::Path;

/// All of them.
pub(super) const VERBS: &[Verb<Pis>] = &[
    verb("build", "Build a card's image", "[NAME]", build),
    verb("flash", "Write an image to a card, and read it back", "DEVICE IMAGE [erase SERIAL]", flash),
    verb("update", "Show what newer sources there are; take them with --yes", "[NAME]", update),
    verb("builder", "Find what builds here: Nix, another machine, a container", "up", builder),
    verb("generations", "List the systems that a Pi has kept", "[NAME]", generations),
    verb("rollback", "Go back to the system before, or to this one", "[NUMBER] [NAME]", rollback),
    verb("verify", "Ask for names", "", verify),
];

const fn verb(
    name: &'static str,
    about: &'static str,
    words: &'static str,
    run: fn(&Pis, Words) -> Doing<'_>,
) -> Verb<Pis> {
    Verb { domain: "pi", name, about, words, run }
}

fn said(lines: Vec<String>) -> Said {
    Said { value: serde_json::json!(lines), lines, ..Said::default() }
}

fn silent(_: &str) {}

fn build(pis: &Pis, words: Words) -> Doing<'_> {
    Box::pin(async move {
        let pi = verbs::chosen(pis, words.words().first().map(String::as_str))?;
        Ok(said(verbs::build(pis, pi, &silent).await?.1))
    })
}

fn flash(pis: &Pis, words: Words) -> Doing<'_> {
    Box::pin(async move {
        let (options, words): (Vec<&str>, Vec<&str>) =
            words.words().iter().map(String::as_str).partition(|word| word.starts_with("--"));
        let [device, image, typed @ ..] = words.as_slice() else {
            return Err(Failure::unusable("a device and an image are needed").hint("`pi flash /dev/sdb IMAGE`"));
        };
        let limits = Limits { any_size: options.contains(&"--any-size"), virtual_too: options.contains(&"--virtual") };
        let typed = (!typed.is_empty()).then(|| typed.join(" "));
        let wish = verbs::Flash {
            image: Path::new(image),
            device: Path::new(device),
            typed: typed.as_deref(),
            limits,
            lab: None,
        };
        let nobody = |_: Progress| {};
        Ok(said(verbs::flash(pis, verbs::chosen(pis, None)?, wish, &nobody)?))
    })
}

fn update(pis: &Pis, words: Words) -> Doing<'_> {
    Box::pin(async move {
        let pi = verbs::chosen(pis, words.words().first().map(String::as_str))?;
        Ok(said(verbs::update(pis, pi, words.permit().ok(), &silent).await?))
    })
}

fn builder(_: &Pis, words: Words) -> Doing<'_> {
    Box::pin(async move {
        match words.words() {
            [up] if up == "up" => Ok(said(verbs::builder_up()?)),
            _ => Err(Failure::unusable("a builder can only be brought up").hint("`pi builder up`")),
        }
    })
}

fn generations(pis: &Pis, words: Words) -> Doing<'_> {
    Box::pin(async move {
        let pi = verbs::chosen(pis, words.words().first().map(String::as_str))?;
        Ok(said(verbs::generations(pis, pi).await?))
    })
}

fn rollback(pis: &Pis, words: Words) -> Doing<'_> {
    Box::pin(async move {
        let number = words.words().first().and_then(|word| word.parse().ok());
        let name = words.words().iter().find(|word| word.parse::<u32>().is_err());
        let pi = verbs::chosen(pis, name.map(String::as_str))?;
        Ok(said(verbs::rollback(pis, pi, words.permit()?, number).await?))
    })
}

fn verify(pis: &Pis, _: Words) -> Doing<'_> {
    Box::pin(async move {
        let mut out = Said::default();
        for pi in &pis.pis {
            match verbs::verify(pis, pi).await {
                Ok(line) => out.lines.push(line),
                Err(failure) => out.wrong.push(failure.message),
            }
        }
        out.value = serde_json::json!({ "answers": out.lines, "wrong": out.wrong });
        Ok(out)
    })
}
