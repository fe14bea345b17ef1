//! What the command line does with Pis beside planning and deploying: building, flashing, updating, going back.
use crate::{
    Pi, Pis,
    builder::{Machine, Manifest, Output},
    config::compare,
    deploy::{self, mark_of},
    flash::{self, Limits, Progress, Source},
    image::{inject, inspect},
    nix::{Addresses, PASSWORD, generate},
};
use homelab_core::{Failure, Input, Permit, SecretValue};
use std::{
    fs::File,
    io::{Read, Seek, SeekFrom},
    os::unix::fs::FileExt,
    path::Path,
    sync::Arc,
};

/// The Pi of this name, or the only one.
///
/// # Errors
/// When there is none, or it is not clear which.
pub fn chosen<'a>(pis: &'a Pis, name: Option<&str>) -> Result<&'a Pi, Failure> {
    let names = pis.pis.iter().map(|pi| pi.name).collect::<Vec<_>>().join(", ");
    let found = match name {
        Some(name) => pis.pis.iter().find(|pi| pi.name == name),
        None => pis.pis.first().filter(|_| pis.pis.len() == 1),
    };
    found.ok_or_else(|| Failure::unusable("it is not clear which Pi is meant").hint(format!("there are: {names}")))
}

/// The names whose addresses stand in the code. Those that other resources will have come with the first deploy.
fn known(pi: &Pi) -> Addresses {
    let address = |(name, address): (&String, &Input<_>)| match address {
        Input::Known(address) => Some((name.clone(), *address)),
        Input::From(_) => None,
    };
    pi.dns.records.iter().filter_map(address).collect()
}

/// Builds a card's image, looks into it, and keeps the record of it beside it.
///
/// # Errors
/// When it cannot be built, or would not boot.
pub async fn build(pis: &Pis, pi: &Pi, say: &(dyn Fn(&str) + Send + Sync)) -> Result<(Manifest, Vec<String>), Failure> {
    pi.problems().map_err(Failure::new)?;
    let built = pis.builder().build(&generate(pi, &known(pi)), Output::Image, say).await?;
    let manifest = Manifest::of(pi, &built, &pis.builder().describe())?;
    let mut lines = vec![format!("built by {}", manifest.builder), format!("system {}", manifest.toplevel)];
    if let Some(image) = &built.image {
        lines.push(format!("image  {}", image.display()));
        lines.push(format!("sha256 {}", manifest.image_sha256.clone().unwrap_or_default()));
        let record = image.with_extension("json");
        let text = serde_json::to_string_pretty(&manifest).map_err(|e| Failure::new(e.to_string()))?;
        // An image in the store cannot have a file beside it.
        if std::fs::write(&record, text).is_ok() {
            lines.push(format!("record {}", record.display()));
        }
    }
    Ok((manifest, lines))
}

/// What newer sources there are; the lock file is written only with leave.
///
/// # Errors
/// When they cannot be asked for, or the file is not found.
pub async fn update(
    pis: &Pis,
    pi: &Pi,
    permit: Option<&Permit>,
    say: &(dyn Fn(&str) + Send + Sync),
) -> Result<Vec<String>, Failure> {
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

/// Which builder is taken, and what it needs.
///
/// # Errors
/// When there is none; the hint has the three ways.
pub fn builder_up() -> Result<Vec<String>, Failure> {
    let machine = Machine::here();
    let way = machine.choose()?;
    Ok(vec![
        format!(
            "this machine: {} on {}, {}",
            machine.arch,
            machine.os,
            if machine.has_nix { "with Nix" } else { "without Nix" }
        ),
        format!("builds with {}", way.describe()),
    ])
}

/// What a flash is about.
#[derive(Clone, Copy, Debug)]
pub struct Flash<'a> {
    /// The image.
    pub image: &'a Path,
    /// The device.
    pub device: &'a Path,
    /// What was typed to agree: the phrase of the device.
    pub typed: Option<&'a str>,
    /// What may be written although it is unusual.
    pub limits: Limits,
    /// The name of the lab, so that the card is known to be ours.
    pub lab: Option<&'a str>,
}

/// Writes a card: the device is looked at from all sides, named back, and looked at again just before it is written.
///
/// # Errors
/// With everything that forbids it.
pub fn flash(pis: &Pis, pi: &Pi, wish: Flash<'_>, say: &dyn Fn(Progress)) -> Result<Vec<String>, Failure> {
    let unreadable = |e: std::io::Error| {
        Failure::unusable(format!("the image {} cannot be read: {e}", wish.image.display()))
            .hint("`pi build` makes one")
    };
    let source = Source::open(wish.image).map_err(unreadable)?;
    let device = flash::find(wish.device)?;
    let refusals = flash::check(&device, source.len().unwrap_or(0), wish.limits);
    if let Some(first) = refusals.first() {
        let all = refusals.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
        return Err(Failure::new(format!("{device} is not written: {all}")).hint(first.hint()));
    }
    if wish.typed != Some(device.phrase().as_str()) {
        return Err(Failure::unusable(format!("everything on {device} would be erased"))
            .hint(format!("if that is the card, say so at the end of the command: `{}`", device.phrase())));
    }
    let secrets = secrets(pis, pi, wish.lab)?;
    flash::unmount(&device)?;
    let mut card = flash::open(&device)?;
    flash::same(&device)?;
    let prepare = |head: &mut [u8]| inject(head, &secrets).map_err(|e| e.to_string());
    let written = flash::write(source, &mut card, &prepare, say).map_err(|e| {
        Failure::new(format!("{device}: {e}")).hint("the card does not boot as it is; try again, or take another card")
    })?;
    drop(card);
    Ok(vec![
        format!("{} MB are on {device}, and were read back", written.bytes / 1_000_000),
        format!("sha256 {}", written.sha256),
        format!("put it into {} and switch it on; then `deploy`", pi.name),
    ])
}

/// What goes onto the card beside the image: under the names that they have on the Pi.
fn secrets(pis: &Pis, pi: &Pi, lab: Option<&str>) -> Result<Vec<(&'static str, SecretValue)>, Failure> {
    let mut all = vec![];
    if let Some(key) = pi.host_key.and_then(|secret| pis.secrets.get(secret.name())) {
        deploy::public_half(key.expose())?;
        all.push(("ssh_host_ed25519_key", SecretValue::from(format!("{}\n", key.expose().trim_end()))));
    }
    if let Some(hash) = pi.password.and_then(|secret| pis.secrets.get(secret.name())) {
        let name = Path::new(PASSWORD).file_name().and_then(|n| n.to_str()).unwrap_or("pihole.env");
        all.push((name, SecretValue::from(deploy::password_line(hash))));
    }
    if let Some(lab) = lab {
        all.push(("mark.json", SecretValue::from(mark_of(lab, pi)?)));
    }
    Ok(all)
}

/// Looks into an image that is not packed.
///
/// # Errors
/// When it cannot be read, or would not boot.
pub fn look_into(pi: &Pi, image: &Path) -> Result<Vec<String>, Failure> {
    let unreadable =
        |e: std::io::Error| Failure::unusable(format!("the image {} cannot be read: {e}", image.display()));
    let file = Shared { file: Arc::new(File::open(image).map_err(unreadable)?), at: 0 };
    let seen = inspect(file, pi.board).map_err(unreadable)?;
    match seen.faults().as_slice() {
        [] => Ok(seen.to_string().lines().map(ToOwned::to_owned).collect()),
        faults => Err(Failure::new(format!("{} would not boot", image.display())).detail(faults.to_vec())),
    }
}

/// A file that several read at places of their own.
#[derive(Clone)]
struct Shared {
    file: Arc<File>,
    at: u64,
}

impl Read for Shared {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        let n = self.file.read_at(buf, self.at)?;
        self.at += n as u64;
        Ok(n)
    }
}

impl Seek for Shared {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        let from = match to {
            SeekFrom::Start(n) => i128::from(n),
            SeekFrom::Current(n) => i128::from(self.at) + i128::from(n),
            SeekFrom::End(n) => i128::from(self.file.metadata()?.len()) + i128::from(n),
        };
        self.at = u64::try_from(from).map_err(|_| std::io::Error::from(std::io::ErrorKind::InvalidInput))?;
        Ok(self.at)
    }
}

/// What a Pi has kept, a line each.
///
/// # Errors
/// When it cannot be asked.
pub async fn generations(pis: &Pis, pi: &Pi) -> Result<Vec<String>, Failure> {
    let spot = pis.spot(pi)?;
    let all = deploy::generations(pis.hosts(), &spot).await?;
    let line = |g: &deploy::Generation| {
        format!("{:>4}  {}{}", g.number, g.made, if g.default { "  boots by default" } else { "" })
    };
    Ok(all.iter().map(line).collect())
}

/// Goes back to a generation, and asks for names afterwards.
///
/// # Errors
/// When there is none such, or names are not answered then.
pub async fn rollback(pis: &Pis, pi: &Pi, permit: &Permit, to: Option<u32>) -> Result<Vec<String>, Failure> {
    let spot = pis.spot(pi)?;
    let number = deploy::rollback(pis.hosts(), permit, &spot, to).await?;
    pis.answers.ask(spot.address, &[]).await?;
    Ok(vec![format!("{} runs generation {number}, which boots by default, and answers names", pi.name)])
}

/// Asks a Pi for names.
///
/// # Errors
/// With the layer that is broken.
pub async fn verify(pis: &Pis, pi: &Pi) -> Result<String, Failure> {
    let names: Vec<_> = known(pi).into_iter().collect();
    pis.answers.ask(pi.address.ip(), &names).await?;
    Ok(format!("{} answers: a public name, and {} names of the lab", pi.name, names.len()))
}
