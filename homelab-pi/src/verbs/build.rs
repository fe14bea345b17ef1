//! Building an image, and who builds.
use super::known;
use crate::{
    Pi, Pis,
    builder::{Machine, Manifest, Output, Say},
    nix::generate,
};
use homelab_core::Failure;

/// Builds a card's image, looks into it, and keeps the record of it. An image that would not boot has no record, and is not flashed.
///
/// # Errors
/// When it cannot be built, or would not boot.
pub async fn build(pis: &Pis, pi: &Pi, say: Say<'_>) -> Result<(Manifest, Vec<String>), Failure> {
    pi.problems().map_err(Failure::new)?;
    let who = pis.builder().describe();
    say(&format!("builds with {who}"));
    let mut built = pis.builder().build(&generate(pi, &known(pi)), Output::Image, say).await?;
    if let Some(image) = built.image.as_mut().filter(|image| image.starts_with(&pis.stage)) {
        // That of the next Pi would take its place.
        let own = pis.stage.join(format!("{}.img.zst", pi.name));
        std::fs::rename(&image, &own).map_err(|e| Failure::new(format!("{} cannot be written: {e}", own.display())))?;
        *image = own;
    }
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
    let which = if pis.pis.len() > 1 { format!("{} ", pi.name) } else { String::new() };
    lines.push(format!("write it to a card: `pi flash {which}DEVICE`"));
    Ok((manifest, lines))
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
