//! Where a NAS answers.
use std::{fmt, net::IpAddr, str::FromStr};

/// The address of a NAS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    host: String,
    port: u16,
    plain: bool,
}

/// A text that is no address of a NAS.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no address of a TrueNAS: write HOST, HOST:PORT or https://HOST:PORT")]
pub struct BadAddress(String);

impl Address {
    /// The name or number of the host.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether anybody in between can listen.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.plain
    }

    /// Whether it is this machine: the end of a tunnel.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.host == "localhost" || self.host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl FromStr for Address {
    type Err = BadAddress;

    /// Reads `nas.lan`, `192.168.0.20:443`, `[fd00::20]`, `https://nas.lan/`; `http://127.0.0.1:8080` for the end of a tunnel.
    fn from_str(text: &str) -> Result<Self, BadAddress> {
        let wrong = || BadAddress(text.to_owned());
        let rest = text.trim().trim_end_matches('/');
        let (plain, rest) = match rest.split_once("://") {
            Some(("https" | "wss", rest)) => (false, rest),
            Some(("http" | "ws", rest)) => (true, rest),
            Some(_) => return Err(wrong()),
            None => (false, rest),
        };
        let (host, port) = match rest.strip_prefix('[') {
            Some(rest) => rest.split_once(']').ok_or_else(wrong)?,
            None if rest.matches(':').count() > 1 => (rest, ""),
            None => rest.find(':').map_or((rest, ""), |at| rest.split_at(at)),
        };
        let port = match port.strip_prefix(':') {
            Some(port) => port.parse().map_err(|_| wrong())?,
            None if port.is_empty() => {
                if plain {
                    80
                } else {
                    443
                }
            }
            None => return Err(wrong()),
        };
        let symbol = |symbol: char| symbol.is_ascii_alphanumeric() || "-_.:%".contains(symbol);
        if host.is_empty() || !host.chars().all(symbol) {
            return Err(wrong());
        }
        Ok(Address { host: host.to_owned(), port, plain })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_people_write_them() {
        for (text, shown, plain) in [
            ("nas.lan", "nas.lan:443", false),
            ("192.168.0.20:4443", "192.168.0.20:4443", false),
            ("https://nas.lan/", "nas.lan:443", false),
            ("[fd00::20]:444", "[fd00::20]:444", false),
            ("fd00::20", "[fd00::20]:443", false),
            ("http://127.0.0.1:8080", "127.0.0.1:8080", true),
        ] {
            let address: Address = text.parse().unwrap();
            assert_eq!((address.to_string().as_str(), address.is_plain()), (shown, plain), "{text}");
        }
        for wrong in ["", "ftp://nas", "nas:port", "a b", "https://nas/api"] {
            assert!(wrong.parse::<Address>().is_err(), "{wrong}");
        }
        assert!("http://127.0.0.1".parse::<Address>().unwrap().is_loopback());
        assert!(!"192.168.0.20".parse::<Address>().unwrap().is_loopback());
    }
}
