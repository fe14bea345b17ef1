//! The password of the web page and the API: set, and proven by logging in with it.
use super::{Appliance, BEHIND, Behind, one_at_a_time};
use crate::pihole::Pihole;
use homelab_core::{Apply, Failure, Lock, Look, Mark, NoOutputs, Owner, Resource, Secret, Site, Text};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// The password. To change it, set `PIHOLE_PASSWORD` to the new one and `PIHOLE_PASSWORD_PREVIOUS` to the one that still lets in.
///
/// It is sent to be hashed by Pi-hole and never as a hash: Pi-hole takes any text for one, and then nobody can log in any more.
/// Setting it ends all sessions.
#[derive(Debug, Serialize)]
pub struct Password {
    #[serde(skip)]
    key: String,
    #[serde(skip)]
    site: Site<Pihole>,
    accepted: bool,
    password: Secret,
    #[serde(skip_serializing_if = "Behind::is_nothing")]
    behind: Behind,
}

impl Password {
    /// This is the password.
    #[must_use]
    pub fn on(pihole: impl Into<Appliance>, password: Secret) -> Password {
        let on = pihole.into();
        Password { key: on.name("web"), site: on.site(), accepted: true, password, behind: Behind::of(on) }
    }
}

/// The password as it was proven.
#[derive(Debug, Serialize)]
pub struct PasswordState {
    /// It lets in.
    pub accepted: bool,
    #[serde(skip)]
    mark: Mark,
}

/// There is one.
#[derive(Debug, Serialize, Deserialize)]
pub struct PasswordId {}

impl Resource for Password {
    const KIND: &'static str = "pi/password";
    const WRITE_ONLY: &'static [&'static str] = &["password", BEHIND[0]];
    type Provider = Pihole;
    type State = PasswordState;
    type Id = PasswordId;
    type Outputs = NoOutputs;

    fn name(&self) -> &str {
        &self.key
    }
    fn site(&self) -> Site<Pihole> {
        self.site
    }
    fn locks(&self) -> Vec<Lock> {
        one_at_a_time(self.site)
    }

    async fn read(&self, cx: &Look<'_, Pihole>) -> Result<Option<PasswordState>, Failure> {
        if !self.behind.is_open(cx) {
            return Ok(None);
        }
        let Some(password) = cx.text(&Text::from(self.password))? else { return Ok(None) };
        // Whoever logs in with it has nothing to take over.
        let accepted = cx.accepts(password.expose()).await?;
        Ok(accepted.then(|| PasswordState { accepted, mark: cx.mark().clone() }))
    }

    /// Without its code it is whatever it is: nobody would want an appliance without a password back.
    async fn find(_: &PasswordId, _: &Look<'_, Pihole>) -> Result<Option<PasswordState>, Failure> {
        Ok(None)
    }

    fn id(_: &PasswordState) -> PasswordId {
        PasswordId {}
    }
    fn owner(state: &PasswordState) -> Owner {
        Owner::Marked(state.mark.clone())
    }

    async fn apply(&self, _: Option<&PasswordState>, cx: &Apply<'_, Pihole>) -> Result<(), Failure> {
        let password = cx.secret(&self.password)?;
        let settings = json!({ "webserver": { "api": { "password": password.expose() } } });
        cx.configure(cx.permit(), settings, false).await?;
        cx.forget_session().await;
        Ok(())
    }

    async fn delete(_: &PasswordState, _: &Apply<'_, Pihole>) -> Result<(), Failure> {
        Ok(())
    }
}
