//! The verbs that Pis bring to the command line: `pi build`, `pi flash`, `verify pi`.
use super::Pis;
use crate::{flash::Limits, verbs};
use homelab_core::{Doing, Failure, Said, Verb, Words};
use std::path::Path;

/// All of them.
pub(super) const VERBS: &[Verb<Pis>] = &[
    verb("build", "Build a card's image, and look into it", "[NAME]", build),
    verb(
        "flash",
        "Write the image to a card, and read it back",
        "[NAME] DEVICE [IMAGE] [erase SERIAL] [--any-size] [--virtual]",
        flash,
    ),
    verb("update", "Show what newer sources there are; take them with --yes", "[NAME]", update),
    verb("builder", "Bring up what builds here: Nix, another machine, a container", "up", builder),
    verb("generations", "List the systems that a Pi has kept", "[NAME]", generations),
    verb(
        "rollback",
        "Go back to the system before, or to this one; or rehearse it",
        "[NUMBER] [NAME] [--rehearse]",
        rollback,
    ),
    verb("backup", "Take a backup of Pi-hole, encrypted as the lab's secrets are", "[NAME]", backup),
    verb("verify", "Ask a Pi all that shows whether names are answered", "", verify),
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

/// The words that are no flags, and whether this flag is among them.
fn split<'w>(words: &'w Words, flag: &str) -> (Vec<&'w str>, bool) {
    let (flags, rest): (Vec<&str>, Vec<&str>) =
        words.words().iter().map(String::as_str).partition(|word| word.starts_with("--"));
    (rest, flags.contains(&flag))
}

/// The one word that may follow a verb: a Pi's name.
fn named<'a>(pis: &'a Pis, words: &Words) -> Result<&'a crate::Pi, Failure> {
    match words.words() {
        [] => verbs::chosen(pis, None),
        [name] => verbs::chosen(pis, Some(name)),
        [_, more, ..] => {
            Err(Failure::unusable(format!("`{more}` is too much")).hint("one Pi at a time: give its name alone"))
        }
    }
}

fn build(pis: &Pis, words: Words) -> Doing<'_> {
    Box::pin(async move {
        let pi = named(pis, &words)?;
        let (manifest, lines) = verbs::build(pis, pi, &|line| words.say(line)).await?;
        Ok(Said { value: serde_json::json!(manifest), lines, ..Said::default() })
    })
}

fn flash(pis: &Pis, words: Words) -> Doing<'_> {
    Box::pin(async move {
        let (rest, any_size) = split(&words, "--any-size");
        let limits = Limits { any_size, virtual_too: split(&words, "--virtual").1 };
        // A device is a path, and no name of a Pi is one.
        let (name, rest) = match rest.split_first() {
            Some((first, rest)) if !first.contains('/') => (Some(*first), rest),
            _ => (None, rest.as_slice()),
        };
        let pi = verbs::chosen(pis, name)?;
        let (device, image, typed) = match rest {
            [] => return Err(Failure::unusable("a device is needed").hint("`pi flash /dev/sdb`")),
            [device, "erase", serial @ ..] => (device, None, Some(serial)),
            [device, image, "erase", serial @ ..] => (device, Some(Path::new(*image)), Some(serial)),
            [device] => (device, None, None),
            [device, image] => (device, Some(Path::new(*image)), None),
            [_, _, more, ..] => {
                return Err(Failure::unusable(format!("`{more}` is neither a device nor an image"))
                    .hint("`pi flash [NAME] DEVICE [IMAGE] erase SERIAL`, on one line"));
            }
        };
        let typed = typed.map(|serial| format!("erase {}", serial.join(" ")));
        let lab = words.graph().lab();
        let wish = verbs::Flash { image, device: Path::new(device), typed: typed.as_deref(), limits, lab };
        Ok(said(verbs::flash(pis, pi, wish, &|line| words.say(line))?))
    })
}

fn update(pis: &Pis, words: Words) -> Doing<'_> {
    Box::pin(async move {
        let pi = named(pis, &words)?;
        Ok(said(verbs::update(pis, pi, words.permit().ok(), &|line| words.say(line)).await?))
    })
}

fn builder(pis: &Pis, words: Words) -> Doing<'_> {
    Box::pin(async move {
        match words.words() {
            [up] if up == "up" => Ok(said(verbs::builder_up(pis, &|line| words.say(line)).await?)),
            _ => Err(Failure::unusable("a builder can only be brought up").hint("`pi builder up`")),
        }
    })
}

fn generations(pis: &Pis, words: Words) -> Doing<'_> {
    Box::pin(async move { Ok(said(verbs::generations(pis, named(pis, &words)?).await?)) })
}

fn rollback(pis: &Pis, words: Words) -> Doing<'_> {
    Box::pin(async move {
        let (rest, is_rehearsal) = split(&words, "--rehearse");
        let (numbers, names): (Vec<&str>, Vec<&str>) = rest.iter().partition(|word| word.parse::<u32>().is_ok());
        if numbers.len() > 1 || names.len() > 1 || (is_rehearsal && !numbers.is_empty()) {
            return Err(Failure::unusable("that is more than one generation of one Pi")
                .hint("`pi rollback [NUMBER] [NAME]`, or `pi rollback --rehearse`, which goes to the one before"));
        }
        let pi = verbs::chosen(pis, names.first().copied())?;
        let permit = words.permit()?;
        if is_rehearsal {
            return Ok(said(verbs::rehearse(pis, pi, permit, &|line| words.say(line)).await?));
        }
        let number = numbers.first().and_then(|number| number.parse().ok());
        Ok(said(verbs::rollback(pis, pi, permit, number).await?))
    })
}

fn backup(pis: &Pis, words: Words) -> Doing<'_> {
    Box::pin(async move { Ok(said(verbs::backup(pis, named(pis, &words)?, words.permit()?, words.secrets()).await?)) })
}

fn verify(pis: &Pis, _: Words) -> Doing<'_> {
    Box::pin(async move {
        let (mut out, mut reports) = (Said::default(), serde_json::Map::new());
        for pi in &pis.pis {
            let report = verbs::verify(pis, pi).await?;
            out.lines.extend(report.to_string().lines().map(ToOwned::to_owned));
            let wrong =
                report.failures().map(|(probe, why, fix)| format!("{}, {}: {why}; {fix}", pi.name, probe.word()));
            out.wrong.extend(wrong);
            reports.insert(pi.name.to_owned(), serde_json::json!(report));
        }
        out.value = reports.into();
        Ok(out)
    })
}
