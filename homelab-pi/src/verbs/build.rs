//! Building an image, the sources that it is built from, and who builds.
use super::known;
use crate::{
    Pi, Pis,
    builder::{Machine, Manifest, Output, Say},
    config::compare,
    nix::generate,
};
use homelab_core::{Failure, Permit};

/// Builds a card's image, looks into it, and keeps the record of it. An image that would not boot has no record, and is not flashed.
///
/// # Errors
/// When it cannot be built, or would not boot.
pub async fn build(pis: &Pis, pi: &Pi, say: Say<'_>) -> Result<(Manifest, Vec<String>), Failure> {
    pi.problems().map_err(Failure::new)?;
    let who = pis.builder().describe();
    say(&format!("builds with {who}"));
    let built = pis.builder().build(&generate(pi, &known(pi)), Output::Image, say).await?;
    // What was built before says nothing of this one.
    let _ = std::fs::remove_file(Manifest::path(&pis.stage, pi));
    say("looks into the image");
    let (manifest, seen) = Manifest::of(pi, &built, &who, &pis.stage)?;
    let record = manifest.keep(&pis.stage, pi)?;
    let mut lines = vec![
        format!("built by {}", manifest.builder),
        format!("system {}", manifest.toplevel),
        format!("image  {}", manifest.image.display()),
        format!("sha256 {}", manifest.image_sha256),
        format!("record {}", record.display()),
    ];
    lines.extend(seen.to_string().lines().map(ToOwned::to_owned));
    lines.push("write it to a card: `pi flash DEVICE`".into());
    Ok((manifest, lines))
}

/// What newer sources there are; the lock file is written only with leave.
///
/// # Errors
/// When they cannot be asked for, or the file is not found.
pub async fn update(pis: &Pis, pi: &Pi, permit: Option<&Permit>, say: Say<'_>) -> Result<Vec<String>, Failure> {
    let newest = pis.builder().newest(&generate(pi, &known(pi)), say).await?;
    let pins = pi.system.pins;
    let mut lines = compare(pins.text, &newest).map_err(|why| Failure::new(format!("the new lock file {why}")))?;
    if lines.is_empty() {
        return Ok(vec!["nothing is newer".into()]);
    }
    if permit.is_none() {
        lines.push("nothing was changed; take them with `--yes`".into());
        return Ok(lines);
    }
    let file = pins.file().ok_or_else(|| {
        Failure::unusable(format!("the lock file {} is not found", pins.path)).hint("run it within the lab's project")
    })?;
    std::fs::write(&file, newest).map_err(|e| Failure::new(format!("{} cannot be written: {e}", file.display())))?;
    lines.push(format!("written to {}: look at it, commit it, and deploy", file.display()));
    Ok(lines)
}

/// Which builder is taken, and what this machine has.
///
/// # Errors
/// When there is none; the failure says which three ways there are.
pub async fn builder_up(pis: &Pis, say: Say<'_>) -> Result<Vec<String>, Failure> {
    let machine = Machine::here();
    let with = if machine.has_nix { "with Nix" } else { "without Nix" };
    let here = format!("this machine: {} on {}, {with}", machine.arch, machine.os);
    Ok(vec![here, format!("builds with {}", pis.builder().up(say).await?)])
}
