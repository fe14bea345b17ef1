//! [`ApiKey`]: a key by which a program uses the API.
use crate::{Nas, resource::row::at_site};
use homelab_core::{Apply, Claim, Failure, Lock, Look, NoOutputs, Resource, Secret, SecretValue, Site};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A key by which a program uses the API as a user. The NAS tells it once, when it is made: it goes straight into the secret store,
/// under the name of the secret that is given, and nowhere else.
///
/// Should a run be killed between the two, the next one has the NAS draw it anew.
#[derive(Debug, Serialize)]
pub struct ApiKey {
    #[serde(rename = "name")]
    key: String,
    username: String,
    /// Whether the secret store has it, and the NAS takes it.
    usable: bool,
    #[serde(skip)]
    secret: Secret,
    #[serde(skip)]
    name: String,
    #[serde(skip)]
    site: Site<Nas>,
}

/// A key without a user.
#[derive(Clone, Debug)]
pub struct ApiKeyOf(String);

impl ApiKey {
    /// The key of this name.
    #[must_use]
    pub fn named(name: impl Into<String>) -> ApiKeyOf {
        ApiKeyOf(name.into())
    }
}

impl ApiKeyOf {
    /// Of this user of this NAS, kept as this secret.
    #[must_use]
    pub fn on(self, site: Site<Nas>, username: impl Into<String>, kept_as: Secret) -> ApiKey {
        ApiKey {
            name: at_site(site, &self.0),
            key: self.0,
            username: username.into(),
            usable: true,
            secret: kept_as,
            site,
        }
    }
}

/// The record of a key, as it was observed. The key itself is told once and never again.
#[derive(Clone, Debug, Serialize)]
pub struct ApiKeyState {
    name: String,
    username: String,
    usable: bool,
    #[serde(skip)]
    id: u64,
}

/// What it is found by when its code is gone.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ApiKeyId {
    name: String,
    id: Option<u64>,
}

#[derive(Deserialize)]
struct Listed {
    id: u64,
    name: String,
    #[serde(default)]
    username: Option<String>,
    #[serde(default)]
    revoked: bool,
}

impl Listed {
    fn state(&self, kept: bool) -> ApiKeyState {
        ApiKeyState {
            name: self.name.clone(),
            username: self.username.clone().unwrap_or_default(),
            usable: kept && !self.revoked,
            id: self.id,
        }
    }
}

impl Resource for ApiKey {
    const KIND: &'static str = "truenas/api-key";
    /// The NAS never gives a key to another user.
    const REPLACE_ON: &'static [&'static str] = &["username"];
    type Provider = Nas;
    type State = ApiKeyState;
    type Id = ApiKeyId;
    type Outputs = NoOutputs;

    fn name(&self) -> &str {
        &self.name
    }
    fn site(&self) -> Site<Nas> {
        self.site
    }
    fn claims(&self) -> Vec<Claim> {
        vec![Claim::secret(&self.secret)]
    }
    fn locks(&self) -> Vec<Lock> {
        vec![Lock::exclusive(format!("{}/api_key", self.site.name()))]
    }
    async fn read(&self, cx: &Look<'_, Nas>) -> Result<Option<ApiKeyState>, Failure> {
        let rows = cx.query::<Listed>("api_key.query").await?;
        let row = rows.iter().flat_map(|rows| rows.iter()).find(|row| row.name == self.key);
        Ok(row.map(|row| row.state(cx.kept(&self.secret).is_some())))
    }
    async fn find(id: &ApiKeyId, cx: &Look<'_, Nas>) -> Result<Option<ApiKeyState>, Failure> {
        let rows = cx.query::<Listed>("api_key.query").await?;
        let same = |row: &&Listed| row.name == id.name && id.id.is_none_or(|id| id == row.id);
        Ok(rows.iter().flat_map(|rows| rows.iter()).find(same).map(|row| row.state(true)))
    }
    fn id(state: &ApiKeyState) -> ApiKeyId {
        ApiKeyId { name: state.name.clone(), id: Some(state.id) }
    }
    fn planned_id(&self) -> Option<ApiKeyId> {
        Some(ApiKeyId { name: self.key.clone(), id: None })
    }
    async fn apply(&self, now: Option<&ApiKeyState>, cx: &Apply<'_, Nas>) -> Result<(), Failure> {
        let answer = match now {
            Some(now) if now.usable => return Ok(()),
            // Nobody can be told a key again: it is drawn anew, and the one that nobody knows is worth nothing from then on.
            Some(now) => cx.write(cx.permit(), "api_key.update", vec![now.id.into(), json!({"reset": true})]).await?,
            None => {
                let body = json!({"name": self.key, "username": self.username});
                cx.write(cx.permit(), "api_key.create", vec![body]).await?
            }
        };
        let key = answer.get("key").and_then(Value::as_str).ok_or_else(|| {
            Failure::new("the NAS made an API key and did not tell it").hint("run again: it is drawn anew then")
        })?;
        cx.keep(&self.secret, SecretValue::from(key))
    }
    async fn delete(state: &ApiKeyState, cx: &Apply<'_, Nas>) -> Result<(), Failure> {
        match cx.write(cx.permit(), "api_key.delete", vec![state.id.into()]).await {
            Err(error) if error.is_missing() => Ok(()),
            other => Ok(other.map(|_| ())?),
        }
    }
}
