//! The API token of a lab: made, shown and renewed for the person who runs it, by root, who is all that a fresh node has: with his
//! password, or by his login to a node over SSH.
//!
//! It belongs to a user of its own, [`USER`], whose role, [`ROLE`], allows what the lab's code needs and no more
//! ([`privileges`](crate::privileges)). A new one is made, tried, kept in the lab's encrypted store in one step with its id, and only
//! then are the older ones of this user taken back. So a run that is cut off anywhere leaves a token that works, and what it left
//! over the next one takes back; tokens of other users are never touched.
use crate::{
    Pve,
    api::FromScalar,
    client::{Credential, Params},
    root::Root,
    site::{TOKEN_ID, TOKEN_SECRET},
};
use homelab_core::{Failure, Permit, SecretValue, Secrets};
use serde_json::Value;
use std::{collections::BTreeSet, time::Duration};

/// The user that the tokens are of.
pub const USER: &str = "homelab@pve";
/// The role with the privileges.
pub const ROLE: &str = "Homelab";
/// A token that is older should be renewed.
pub const OLD: Duration = Duration::from_secs(90 * 24 * 3600);

/// Tokens are called so, with a number behind it.
const NAME: &str = "homelab-";
/// The user's token list.
const TOKENS: &str = "/access/users/homelab%40pve/token";

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// The token's id, `homelab@pve!homelab-1`.
    pub id: String,
    /// Whether it is new; else the one that is there works.
    pub is_new: bool,
    /// The older tokens that were taken back.
    pub revoked: Vec<String>,
}

/// Makes sure that there is a token that works and may do what `privileges` says.
///
/// # Errors
/// When the credentials of root are missing or refused; when a new token does not work, which then is taken back.
pub async fn create(
    pve: &Pve,
    secrets: &Secrets,
    permit: &Permit,
    privileges: &BTreeSet<&'static str>,
) -> Result<Made, Failure> {
    let root = pve.root()?;
    allow(&root, permit, privileges).await?;
    let Some((id, secret)) = kept(secrets) else { return renew(pve, &root, secrets, permit).await };
    if works(pve, &id, &secret).await? {
        let revoked = revoke_others(&root, permit, &id).await?;
        return Ok(Made { id, is_new: false, revoked });
    }
    renew(pve, &root, secrets, permit).await
}

/// Makes a new token in place of the one that is there.
///
/// # Errors
/// As [`create`].
pub async fn rotate(
    pve: &Pve,
    secrets: &Secrets,
    permit: &Permit,
    privileges: &BTreeSet<&'static str>,
) -> Result<Made, Failure> {
    let root = pve.root()?;
    allow(&root, permit, privileges).await?;
    renew(pve, &root, secrets, permit).await
}

/// The major release of the cluster, 8 or 9: which privileges there are depends on it.
///
/// # Errors
/// When it does not answer.
pub async fn release(pve: &Pve) -> Result<u32, Failure> {
    let said = match (pve.version().await, pve.root()) {
        (Ok(version), _) => return Ok(version.major().unwrap_or(9)),
        (Err(_), Ok(root @ Root::Shell(_))) => root.get("/version", Params::new()).await?,
        (Err(error), _) => return Err(error.into()),
    };
    let release = said.get("release").and_then(String::from_scalar).unwrap_or_default();
    Ok(release.split('.').next().and_then(|major| major.parse().ok()).unwrap_or(9))
}

/// The token of ours that the store has.
#[must_use]
pub fn kept(secrets: &Secrets) -> Option<(String, SecretValue)> {
    let id = secrets.kept(&TOKEN_ID)?.expose().to_owned();
    Some((id, secrets.kept(&TOKEN_SECRET)?))
}

/// Create, test, switch, revoke.
async fn renew(pve: &Pve, root: &Root, secrets: &Secrets, permit: &Permit) -> Result<Made, Failure> {
    let taken = names(root).await?;
    let name = (1..).map(|n: u32| format!("{NAME}{n}")).find(|name| !taken.contains(name)).unwrap_or_default();
    let id = format!("{USER}!{name}");
    let params = Params::new().flag("privsep", true).set("comment", "homelab");
    let made = root.post(permit, &format!("{TOKENS}/{name}"), params).await?;
    let value = made.get("value").and_then(String::from_scalar);
    let secret = SecretValue::from(value.ok_or_else(|| Failure::new(format!("the answer has no secret of {id}")))?);
    let right = Params::new().set("path", "/").set("roles", ROLE).set("tokens", &id).flag("propagate", true);
    root.put(permit, "/access/acl", right).await?;
    if !works(pve, &id, &secret).await? {
        root.delete(permit, &format!("{TOKENS}/{name}"), Params::new()).await?;
        return Err(Failure::new(format!("the new token {id} may do nothing, so it was taken back"))
            .hint("the token that was there before is untouched; `pveum user token permissions` on a node shows why"));
    }
    // Both at once: half of a new token would be none.
    secrets.keep_together(&[(&TOKEN_ID, &SecretValue::from(id.clone())), (&TOKEN_SECRET, &secret)], permit)?;
    let revoked = revoke_others(root, permit, &id).await?;
    Ok(Made { id, is_new: true, revoked })
}

/// Whether somebody who shows this token may do anything.
async fn works(pve: &Pve, id: &str, secret: &SecretValue) -> Result<bool, Failure> {
    let token = pve.with_credential(Credential::token(id, secret.expose()));
    match token.permissions().await {
        Ok(held) => Ok(!held.is_empty()),
        Err(error) if error.is_unauthorised() => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Takes back every token of our user but this one, which works and is kept.
async fn revoke_others(root: &Root, permit: &Permit, id: &str) -> Result<Vec<String>, Failure> {
    let mut revoked = vec![];
    for name in names(root).await? {
        let other = format!("{USER}!{name}");
        if other != id && name.starts_with(NAME) {
            root.delete(permit, &format!("{TOKENS}/{name}"), Params::new()).await?;
            revoked.push(other);
        }
    }
    Ok(revoked)
}

fn column(rows: &Value, key: &str) -> Vec<String> {
    rows.as_array().into_iter().flatten().filter_map(|row| row.get(key).and_then(String::from_scalar)).collect()
}

async fn names(root: &Root) -> Result<Vec<String>, Failure> {
    Ok(column(&root.get(TOKENS, Params::new()).await?, "tokenid"))
}

/// The role with exactly these privileges, the user, and that it has the role everywhere.
async fn allow(root: &Root, permit: &Permit, privileges: &BTreeSet<&'static str>) -> Result<(), Failure> {
    let list = privileges.iter().copied().collect::<Vec<_>>().join(",");
    let roles = root.get("/access/roles", Params::new()).await?;
    if column(&roles, "roleid").iter().any(|role| role == ROLE) {
        root.put(permit, &format!("/access/roles/{ROLE}"), Params::new().set("privs", list)).await?;
    } else {
        root.post(permit, "/access/roles", Params::new().set("roleid", ROLE).set("privs", list)).await?;
    }
    let users = root.get("/access/users", Params::new()).await?;
    if !column(&users, "userid").iter().any(|user| user == USER) {
        let params = Params::new().set("userid", USER).set("comment", "homelab: the lab's tokens are this user's");
        root.post(permit, "/access/users", params).await?;
    }
    let right = Params::new().set("path", "/").set("roles", ROLE).set("users", USER).flag("propagate", true);
    root.put(permit, "/access/acl", right).await?;
    Ok(())
}
