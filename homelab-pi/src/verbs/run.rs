//! What is done with a Pi that runs: asked, gone back with, backed up.
use super::known;
use crate::{
    Pi, Pis,
    deploy::{self, OnThePi},
    pihole::Backup,
    verify::{Report, Verify},
};
use homelab_core::{Failure, Permit, Secrets};
use std::{path::PathBuf, sync::Arc};

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
    pis.answers.ask(spot.address, &[]).await.map_err(|why| Failure {
        message: format!("{} runs generation {number} now, and: {}", pi.name, why.message),
        ..why
    })?;
    Ok(vec![
        format!("{} runs generation {number}, which boots by default, and answers names", pi.name),
        "the next `deploy` brings it to what the code says again".into(),
    ])
}

/// Rehearses the way back: the Pi goes to an older system by its own timer's leave, and comes back by that timer alone.
///
/// # Errors
/// When there is nothing to go to, names were not answered, or it did not come back.
pub async fn rehearse(
    pis: &Pis,
    pi: &Pi,
    permit: &Permit,
    say: &(dyn Fn(&str) + Send + Sync),
) -> Result<Vec<String>, Failure> {
    let spot = pis.spot(pi)?;
    let rehearsed = deploy::rehearse(pis.hosts(), permit, &spot, pis.answers.as_ref(), say).await?;
    Ok(vec![
        format!("{} went to generation {}, and answered names there", pi.name, rehearsed.went_to),
        format!("it came back by itself after {} s, and answers names", rehearsed.after.as_secs()),
    ])
}

/// Asks a Pi everything that shows whether it does what it is there for.
///
/// # Errors
/// When the host key that is set is none. What is wrong with the Pi is in the report.
pub async fn verify(pis: &Pis, pi: &Pi) -> Result<Report, Failure> {
    let spot = pis.spot(pi)?;
    let names = known(pi);
    let aliases = pi.dns.cnames.iter().filter_map(|(alias, of)| Some((alias, names.get(of)?)));
    let verify = Verify::with(pis.answers.prober(spot.address));
    let verify = names.iter().chain(aliases).fold(verify, |verify, (name, ip)| verify.local(name, [*ip]));
    let verify = pi.dns.blocked.iter().fold(verify, |verify, name| verify.blocked(name));
    let verify = pis.apis.get(pi.name).into_iter().fold(verify, |verify, api| verify.api(Arc::new(api.clone())));
    Ok(verify.within(Arc::new(OnThePi { hosts: Arc::clone(&pis.hosts), spot })).run().await)
}

/// Takes a backup of a Pi-hole, encrypted for the identity that opens the lab's secrets: it holds the password's hash.
///
/// # Errors
/// When its API does not let us in, what it gives is no backup, or it cannot be kept.
pub async fn backup(pis: &Pis, pi: &Pi, permit: &Permit, secrets: &Secrets) -> Result<Vec<String>, Failure> {
    let api = pis.apis.get(pi.name).ok_or_else(|| {
        Failure::unusable(format!("nothing lets us into the Pi-hole of {}", pi.name))
            .hint("set PIHOLE_PASSWORD, the password of its web page")
    })?;
    let backup = Backup::read(api.teleporter().await?).map_err(|e| Failure::new(e.to_string()))?;
    let sealed = secrets.seal(backup.expose(), permit)?;
    let path: PathBuf = pis.stage.join(format!("{}-teleporter.zip.age", pi.name));
    let write = || std::fs::create_dir_all(&pis.stage).and_then(|()| std::fs::write(&path, &sealed));
    write().map_err(|e| Failure::new(format!("{} cannot be written: {e}", path.display())))?;
    let files = backup.files().count();
    Ok(vec![
        format!("{files} files of {} are encrypted in {}", pi.name, path.display()),
        "`age -d -i IDENTITY` opens it; its web page restores it (Settings, Teleporter)".into(),
    ])
}
