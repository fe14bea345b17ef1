//! Newer sources: what they would bring, told before they are taken.
use super::known;
use crate::{
    Pi, Pis,
    builder::{Say, Versions},
    config::compare,
    nix::{generate, versions},
};
use homelab_core::{Failure, Permit};

/// What newer sources there are, and what changes in versions; the lock file is written only with leave.
///
/// # Errors
/// When they cannot be asked for, they make no system, or the file is not found.
pub async fn update(pis: &Pis, pi: &Pi, permit: Option<&Permit>, say: Say<'_>) -> Result<Vec<String>, Failure> {
    let mut tree = generate(pi, &known(pi));
    let newest = pis.builder().newest(&tree, say).await?;
    let pins = pi.system.pins;
    let mut lines = compare(pins.text, &newest).map_err(|why| Failure::new(format!("the new lock file {why}")))?;
    if lines.is_empty() {
        return Ok(vec!["nothing is newer".into()]);
    }
    say("asks both for their versions; that evaluates the system twice");
    let function = versions(pi);
    // The sources of now may lack what the code wants by now: that is what an update is for.
    let before = pis.builder().versions(&tree, &function, say).await.unwrap_or_default();
    tree.insert("flake.lock", newest.clone());
    let after = pis.builder().versions(&tree, &function, say).await.map_err(|why| Failure {
        message: format!("the newer sources make no system, and are not taken: {}", why.message),
        ..why
    })?;
    lines.extend(changes(&before, &after));
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

/// What changes in versions, a line each: `  Unbound 1.24.1 -> 1.24.2`. Of what was not there before only what comes is told.
fn changes(before: &Versions, after: &Versions) -> Vec<String> {
    let line = |(name, new): (&String, &String)| match before.get(name) {
        Some(old) if old == new => None,
        Some(old) => Some(format!("  {name} {old} -> {new}")),
        None => Some(format!("  {name} {new}")),
    };
    let lines: Vec<String> = after.iter().filter_map(line).collect();
    match lines.is_empty() {
        true => vec![format!("  the same versions of {}", after.keys().cloned().collect::<Vec<_>>().join(", "))],
        false => lines,
    }
}
