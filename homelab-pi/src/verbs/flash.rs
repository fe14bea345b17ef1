//! Writing a card: only an image that would boot, only to what is a card, and only if somebody typed which.
use crate::{
    Pi, Pis,
    builder::Manifest,
    deploy::{self, mark_of},
    flash::{self, Limits, Progress, Source},
    image::{inject, look, sum},
    nix::PASSWORD,
};
use homelab_core::{Failure, SecretValue};
use std::path::{Path, PathBuf};

/// What a flash is about.
#[derive(Clone, Copy, Debug)]
pub struct Flash<'a> {
    /// The image; the one that was built last if none is named.
    pub image: Option<&'a Path>,
    /// The device.
    pub device: &'a Path,
    /// What was typed to agree: the phrase of the device.
    pub typed: Option<&'a str>,
    /// What may be written although it is unusual.
    pub limits: Limits,
    /// The name of the lab, so that the card is known to be ours.
    pub lab: &'a str,
}

/// Writes a card: the image is looked into, the device is looked at from all sides, named back, and looked at again just before it is
/// written.
///
/// # Errors
/// With everything that forbids it.
pub fn flash(pis: &Pis, pi: &Pi, wish: Flash<'_>, say: &dyn Fn(&str)) -> Result<Vec<String>, Failure> {
    let record = Manifest::kept(&pis.stage, pi);
    let image: PathBuf = match (wish.image, &record) {
        (Some(image), _) => image.to_owned(),
        (None, Some(record)) => record.image.clone(),
        (None, None) => {
            return Err(Failure::unusable(format!("no image of {} was built here", pi.name))
                .hint("`pi build` makes one, or name one: `pi flash DEVICE IMAGE`"));
        }
    };
    let unreadable = |e: std::io::Error| {
        Failure::unusable(format!("the image {} cannot be read: {e}", image.display())).hint("`pi build` makes one")
    };
    let source = Source::open(&image).map_err(unreadable)?;
    let device = pis.cards.find(wish.device)?;
    let refusals = flash::check(&device, source.len().unwrap_or(0), wish.limits);
    if let Some(first) = refusals.first() {
        let all = refusals.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
        return Err(Failure::new(format!("{device} is not written: {all}")).hint(first.hint()));
    }
    if wish.typed != Some(device.phrase().as_str()) {
        return Err(Failure::unusable(format!("everything on {device} would be erased"))
            .hint(format!("if that is the card, say so at the end of the command: `{}`", device.phrase())));
    }
    let known = record.filter(|record| record.image == image);
    let is_the_built_one = match &known {
        Some(record) => record.image_sha256 == sum(&image).map_err(unreadable)?,
        None => false,
    };
    if !is_the_built_one {
        say("looks into the image");
        let faults = look(&image, pi.board, &pis.stage)?.inspection.faults();
        if !faults.is_empty() {
            return Err(Failure::new(format!("the image {} would not boot a {}", image.display(), pi.board))
                .hint("nothing was written; `pi build` makes one that was looked into")
                .detail(faults));
        }
    }
    let secrets = secrets(pis, pi, wish.lab)?;
    pis.cards.unmount(&device)?;
    flash::same(pis.cards.as_ref(), &device)?;
    let mut card = pis.cards.open(&device)?;
    flash::same(pis.cards.as_ref(), &device)?;
    let prepare = |head: &mut [u8]| inject(head, &secrets).map_err(|e| e.to_string());
    let tenths = std::cell::Cell::new(0);
    let watch = |progress: Progress| {
        let (word, done, of) = match progress {
            Progress::Written(done, of) => ("written", done, of),
            Progress::Compared(done, of) => ("read back", done, Some(of)),
        };
        // A line for each tenth, or for each 256 MB where the end is not known.
        let tenth = of.filter(|of| *of > 0).map_or(done >> 28, |of| done * 10 / of);
        if tenths.replace(tenth) != tenth {
            let of = of.map_or_else(String::new, |of| format!(" of {}", of / 1_000_000));
            say(&format!("{word}: {}{of} MB", done / 1_000_000));
        }
    };
    let written =
        flash::write(source, card.as_mut(), &prepare, &watch).map_err(|error| flash::failed(&device, &error))?;
    drop(card);
    Ok(vec![
        format!("{} MB are on {device}, and were read back", written.bytes / 1_000_000),
        format!("sha256 {}", written.sha256),
        format!("put it into {} and switch it on; then `deploy`", pi.name),
    ])
}

/// What goes onto the card beside the image: under the names that they have on the Pi.
fn secrets(pis: &Pis, pi: &Pi, lab: &str) -> Result<Vec<(&'static str, SecretValue)>, Failure> {
    let mut all = vec![];
    if let Some(key) = pi.host_key.and_then(|secret| pis.secrets.get(secret.name())) {
        deploy::public_half(key.expose())?;
        all.push(("ssh_host_ed25519_key", SecretValue::from(format!("{}\n", key.expose().trim_end()))));
    }
    if let Some(hash) = pi.password.and_then(|secret| pis.secrets.get(secret.name())) {
        let name = Path::new(PASSWORD).file_name().and_then(|n| n.to_str()).unwrap_or("pihole.env");
        all.push((name, SecretValue::from(deploy::password_line(hash))));
    }
    all.push(("mark.json", SecretValue::from(mark_of(lab, pi)?)));
    Ok(all)
}
