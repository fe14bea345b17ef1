//! Who asks: API tokens and tickets, and how each is refused.
use super::answer::Fail;
use super::random;
use super::world::{Identity, World};
use crate::http::Method;
use percent_encoding::percent_decode_str;
use sha2::{Digest as _, Sha256};

/// A ticket is good for two hours, in seconds (pve-notes section 2).
const TICKET_LIFE: u64 = 7_200;

const REFUSED: Fail = Fail::Unauthorized("Authentication failed!");

impl World {
    /// The caller that the headers name. A cookie wins over a token (pve-notes section 2).
    pub(crate) fn caller(&self, method: Method, headers: &[(&str, String)]) -> Result<Identity, Fail> {
        let find = |name: &str| {
            headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
        };
        let cookie = find("Cookie")
            .and_then(|cookies| cookies.split(';').find_map(|cookie| cookie.trim().strip_prefix("PVEAuthCookie=")));
        if let Some(cookie) = cookie.filter(|cookie| !cookie.is_empty()) {
            let ticket = percent_decode_str(cookie).decode_utf8_lossy().into_owned();
            let user = self.ticket_user(&ticket).ok_or(REFUSED)?;
            if method != Method::Get {
                let csrf = find("CSRFPreventionToken").unwrap_or_default();
                if !self.is_csrf(&user, csrf) {
                    return Err(Fail::Unauthorized("Permission denied - invalid csrf token"));
                }
            }
            return Ok(Identity::user(&user));
        }
        let header = find("Authorization").unwrap_or_default();
        let Some(token) = header.strip_prefix("PVEAPIToken=") else { return Err(Fail::Unauthorized("No ticket")) };
        let token = percent_decode_str(token).decode_utf8_lossy().into_owned();
        let (id, secret) = token.rsplit_once('=').or_else(|| token.rsplit_once(':')).ok_or(REFUSED)?;
        let (user, name) = id.split_once('!').ok_or(REFUSED)?;
        let known = self.access.token(user, name).ok_or(REFUSED)?;
        let expired = known.expire != 0 && known.expire < self.seconds();
        if known.secret != secret || expired || !self.is_active(user) {
            return Err(REFUSED);
        }
        Ok(Identity { user: user.to_owned(), token: Some(name.to_owned()) })
    }

    /// Whether a user exists, is enabled and not expired.
    pub(crate) fn is_active(&self, user: &str) -> bool {
        self.access
            .users
            .get(user)
            .is_some_and(|user| user.enable && (user.expire == 0 || user.expire > self.seconds()))
    }

    /// What is kept of a password.
    pub(crate) fn password_hash(&self, user: &str, password: &str) -> String {
        random::hex(&Sha256::digest(format!("{}:{user}:{password}", self.seed).as_bytes()))
    }

    /// A ticket and its CSRF token.
    pub(crate) fn new_ticket(&self, user: &str) -> (String, String) {
        let time = format!("{:08X}", self.seconds());
        (format!("PVE:{user}:{time}::{}", self.sign(&format!("{user}:{time}"), 3)), self.csrf(user, &time))
    }

    fn csrf(&self, user: &str, time: &str) -> String {
        format!("{time}:{}", self.sign(&format!("csrf:{user}:{time}"), 1))
    }

    fn sign(&self, text: &str, blocks: u32) -> String {
        let bytes: Vec<u8> = (0..blocks)
            .flat_map(|block| Sha256::digest(format!("{}:{block}:{text}", self.seed).as_bytes()).to_vec())
            .collect();
        random::base64(&bytes)
    }

    /// The user of a ticket that is genuine, young enough, and whose user is still enabled.
    pub(crate) fn ticket_user(&self, ticket: &str) -> Option<String> {
        let (head, signature) = ticket.strip_prefix("PVE:")?.split_once("::")?;
        let (user, time) = head.rsplit_once(':')?;
        let genuine = signature == self.sign(&format!("{user}:{time}"), 3);
        (genuine && self.is_young(time) && self.is_active(user)).then(|| user.to_owned())
    }

    fn is_csrf(&self, user: &str, csrf: &str) -> bool {
        csrf.split_once(':').is_some_and(|(time, _)| self.is_young(time) && csrf == self.csrf(user, time))
    }

    fn is_young(&self, time: &str) -> bool {
        u64::from_str_radix(time, 16).is_ok_and(|made| self.seconds() < made + TICKET_LIFE)
    }
}
