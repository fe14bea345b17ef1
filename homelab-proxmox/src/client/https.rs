//! The real transport: HTTPS to one node.
use crate::http::{Http, Method, Request, Response, TransportError};
use async_trait::async_trait;
use homelab_core::tls::Untrusted;
use hyper::ext::ReasonPhrase;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::{
    Client,
    header::{CONTENT_TYPE, HeaderMap, HeaderValue},
    multipart::{Form, Part},
    redirect,
};
use std::{error::Error, fmt, str::FromStr, time::Duration};

/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// The server closes a connection that was idle for 5 seconds: ours are given up before, so that none is used as it dies.
const IDLE_TIMEOUT: Duration = Duration::from_secs(3);
/// The port of Proxmox VE's API.
const PORT: u16 = 8006;

/// The address of one node's API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    host: String,
    port: u16,
}

impl Endpoint {
    /// The node `host` (a name or an address), on `port`.
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Endpoint { host: host.into(), port }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(to, "[{}]:{}", self.host, self.port)
        } else {
            write!(to, "{}:{}", self.host, self.port)
        }
    }
}

/// A text that is no address of an API.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no address of a Proxmox VE: write HOST, HOST:PORT or https://HOST:PORT")]
pub struct BadEndpoint(String);

impl FromStr for Endpoint {
    type Err = BadEndpoint;

    /// Reads `din`, `192.168.0.11:8006`, `[fd00::11]:8006` or `https://din:8006/`, also with `/api2/json` behind it.
    fn from_str(text: &str) -> Result<Self, BadEndpoint> {
        let wrong = || BadEndpoint(text.to_owned());
        let rest = text.trim();
        let rest = rest.strip_prefix("https://").unwrap_or(rest).trim_end_matches('/');
        let rest = rest.strip_suffix("/api2/json").unwrap_or(rest).trim_end_matches('/');
        let (host, port) = match rest.strip_prefix('[') {
            Some(rest) => rest.split_once(']').ok_or_else(wrong)?,
            None if rest.matches(':').count() > 1 => (rest, ""),
            None => rest.find(':').map_or((rest, ""), |at| rest.split_at(at)),
        };
        let port = match port {
            "" => PORT,
            port => port.strip_prefix(':').and_then(|port| port.parse().ok()).ok_or_else(wrong)?,
        };
        let symbol = |symbol: char| symbol.is_ascii_alphanumeric() || "-_.:%".contains(symbol);
        if host.is_empty() || !host.chars().all(symbol) {
            return Err(wrong());
        }
        Ok(Endpoint::new(host, port))
    }
}

/// HTTPS to one node.
pub(crate) struct Https {
    endpoint: Endpoint,
    client: Client,
}

impl Https {
    /// A transport to `endpoint`. Nothing is sent yet.
    pub(crate) fn new(endpoint: Endpoint, tls: &rustls::ClientConfig) -> Result<Self, String> {
        let client = Client::builder()
            .tls_backend_preconfigured(tls.clone())
            .https_only(true)
            // A lab is reached directly, and a redirect would carry the credential elsewhere.
            .no_proxy()
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .user_agent(concat!("homelab/", env!("CARGO_PKG_VERSION")))
            .build();
        Ok(Https { endpoint, client: client.map_err(|error| innermost(&error))? })
    }

    fn failed(&self, error: &reqwest::Error, timeout: Duration) -> TransportError {
        let host = self.endpoint.to_string();
        if let Some(untrusted) = Untrusted::behind(error) {
            return TransportError::Untrusted(format!("{host} is not who it should be: {untrusted}"));
        }
        if error.is_connect() || error.is_builder() {
            let reason = if error.is_timeout() { "it does not answer".to_owned() } else { innermost(error) };
            return TransportError::Unreached { host, reason };
        }
        let reason = if error.is_timeout() {
            format!("nothing came for {} seconds", timeout.as_secs())
        } else {
            innermost(error)
        };
        TransportError::Lost { host, reason }
    }
}

/// What is at the bottom of an error: "Connection refused (os error 111)".
fn innermost(error: &(dyn Error + 'static)) -> String {
    error.source().map_or_else(|| error.to_string(), innermost)
}

/// In query and form a `+` would be read as a blank, so it is encoded, and so is the blank.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

fn encode(params: &[(String, String)]) -> String {
    let pair = |(key, value): &(String, String)| {
        format!("{}={}", utf8_percent_encode(key, ENCODED), utf8_percent_encode(value, ENCODED))
    };
    params.iter().map(pair).collect::<Vec<_>>().join("&")
}

#[async_trait]
impl Http for Https {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let Request { method, path, params, headers, upload, timeout } = request;
        let mut url = format!("https://{}/api2/json{path}", self.endpoint);
        let in_query = matches!(method, Method::Get | Method::Delete);
        if in_query && !params.is_empty() {
            url.push('?');
            url.push_str(&encode(&params));
        }
        let verb = match method {
            Method::Get => reqwest::Method::GET,
            Method::Post => reqwest::Method::POST,
            Method::Put => reqwest::Method::PUT,
            Method::Delete => reqwest::Method::DELETE,
        };
        let mut call = self.client.request(verb, url).timeout(timeout);
        for (name, value) in headers {
            // A value that no header can hold becomes an error when the call is sent.
            call = match HeaderValue::from_str(&value) {
                Ok(mut value) => {
                    value.set_sensitive(true);
                    call.header(name, value)
                }
                Err(_) => call.header(name, value),
            };
        }
        call = match upload {
            Some(file) => {
                let form = params.into_iter().fold(Form::new(), |form, (key, value)| form.text(key, value));
                let mut headers = HeaderMap::new();
                // The server takes all up to the next blank line for headers of the file, and so a file without any would
                // lose its start.
                headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
                let part = Part::bytes(file.content).file_name(file.name).headers(headers);
                call.multipart(form.part("filename", part))
            }
            None if in_query => call,
            None => call.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(encode(&params)),
        };
        let answer = call.send().await.map_err(|error| self.failed(&error, timeout))?;
        let reason = match answer.extensions().get::<ReasonPhrase>() {
            Some(reason) => String::from_utf8_lossy(reason.as_bytes()).into_owned(),
            None => answer.status().canonical_reason().unwrap_or_default().to_owned(),
        };
        let content_type = answer.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let (status, content_type) = (answer.status().as_u16(), content_type.unwrap_or_default().to_owned());
        let body = answer.bytes().await.map_err(|error| self.failed(&error, timeout))?;
        Ok(Response { status, reason, content_type, body: body.to_vec() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_read_as_people_write_them() {
        for (text, expected) in [
            ("din", "din:8006"),
            ("192.168.0.11", "192.168.0.11:8006"),
            ("din.lan:443", "din.lan:443"),
            ("https://din:8006/", "din:8006"),
            ("https://din:8006/api2/json", "din:8006"),
            ("[fd00::11]:8007", "[fd00::11]:8007"),
            ("fd00::11", "[fd00::11]:8006"),
        ] {
            assert_eq!(text.parse::<Endpoint>().unwrap().to_string(), expected);
        }
        for text in ["", "http://din:8006", "din:port", "user@din", "din/x", "https://"] {
            assert!(text.parse::<Endpoint>().is_err(), "{text}");
        }
    }

    #[test]
    fn plus_and_blank_survive_the_form() {
        let params = [("size".to_owned(), "+4G".to_owned()), ("description".to_owned(), "a b&c=ü".to_owned())];
        assert_eq!(encode(&params), "size=%2B4G&description=a%20b%26c%3D%C3%BC");
    }
}
