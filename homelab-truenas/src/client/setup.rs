//! The first meeting with a NAS: its certificate, its first administrator, the lab's key (notes section 10).
use super::{
    line::Line,
    socket::{Live, Socket},
};
use crate::rpc::{Call, First, Keys, RpcError};
use homelab_core::{
    SecretValue,
    tls::{Fingerprint, Trust},
};
use serde_json::{Value, json};

/// The administrator that an installation may have; he cannot be renamed.
const ADMIN: &str = "truenas_admin";

/// Sets a NAS up. Each step looks first, so it is finished by the next run wherever it was cut off; only a key that nobody kept is
/// made anew.
pub(super) async fn set_up(socket: &Socket, first: &First) -> Result<Keys, RpcError> {
    let known = (socket.trust)().map_err(|failure| RpcError::Untrusted(failure.message))?;
    // Nothing has this one, so that the refusal tells what there is.
    let nobody = Trust::Pinned(vec![Fingerprint::of(b"")]);
    let fingerprint = Line { address: &socket.address, trust: &nobody }.shown(&nobody).await?;
    let trust = match known {
        // Nobody vouches for a certificate that the NAS has just made for itself: it is pinned from this first meeting on.
        Trust::System => Trust::Pinned(vec![fingerprint]),
        known => known,
    };
    let live = &socket.open(&trust).await?;
    let call = async |method: &str, params: Vec<Value>| socket.exchange(live, &Call::new(method, params)).await;
    if call("user.has_local_administrator_set_up", vec![]).await? != json!(true) {
        // Whoever asks first gets it.
        call("user.setup_local_administrator", vec![json!(ADMIN), json!(first.password.expose())]).await?;
    }
    let data = json!({"mechanism": "PASSWORD_PLAIN", "username": ADMIN, "password": first.password.expose()});
    socket.log_in(live, data).await?;
    let key = key(socket, live, &first.key_name).await?;
    Ok(Keys { key, fingerprint })
}

/// A key of this name. One that is there already was not kept by anybody, or this would not be asked: it gets another value.
async fn key(socket: &Socket, live: &Live, name: &str) -> Result<SecretValue, RpcError> {
    let call = async |method: &str, params: Vec<Value>| socket.exchange(live, &Call::new(method, params)).await;
    let there = call("api_key.query", vec![json!([["name", "=", name]])]).await?;
    let made = match there.get(0).and_then(|row| row.get("id")) {
        Some(id) => call("api_key.update", vec![id.clone(), json!({"reset": true})]).await?,
        None => call("api_key.create", vec![json!({"name": name, "username": ADMIN})]).await?,
    };
    let key = made.get("key").and_then(Value::as_str).map(SecretValue::from);
    key.ok_or_else(|| RpcError::Lost { host: socket.address.to_string(), reason: "the answer has no key".into() })
}
