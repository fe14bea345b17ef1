//! Ports of a host.
use super::{UnitError, serde_as_text};
use std::{fmt, str::FromStr};

/// How a port is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// Streams.
    Tcp,
    /// Datagrams.
    Udp,
}

/// A port, 1 to 65535, of one protocol. Prints as `443/tcp`; read without a protocol it is TCP, as Docker has it.
///
/// ```
/// use homelab_core::units::Port;
/// const HTTPS: Port = Port::tcp(443);
/// assert_eq!("53/udp".parse(), Ok(Port::udp(53)));
/// assert_eq!("443".parse(), Ok(HTTPS));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Port {
    number: u16,
    protocol: Protocol,
}

impl Port {
    /// A TCP port.
    ///
    /// # Panics
    /// On port 0; in a constant that is a compile error.
    #[must_use]
    #[track_caller]
    pub const fn tcp(number: u16) -> Port {
        Port::new(number, Protocol::Tcp)
    }

    /// A UDP port.
    ///
    /// # Panics
    /// On port 0; in a constant that is a compile error.
    #[must_use]
    #[track_caller]
    pub const fn udp(number: u16) -> Port {
        Port::new(number, Protocol::Udp)
    }

    #[track_caller]
    const fn new(number: u16, protocol: Protocol) -> Port {
        assert!(number != 0, "a port is a number from 1 to 65535");
        Port { number, protocol }
    }

    /// The number.
    #[must_use]
    pub const fn number(self) -> u16 {
        self.number
    }

    /// How it is spoken to.
    #[must_use]
    pub const fn protocol(self) -> Protocol {
        self.protocol
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Protocol::Tcp => "tcp",
            Protocol::Udp => "udp",
        })
    }
}
impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.protocol)
    }
}
impl FromStr for Port {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Port, UnitError> {
        let (number, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
        let protocol = match protocol {
            "tcp" => Protocol::Tcp,
            "udp" => Protocol::Udp,
            _ => return Err(UnitError::new("a port", text, "its protocol is neither tcp nor udp")),
        };
        match number.parse() {
            Ok(number @ 1..) => Ok(Port { number, protocol }),
            _ => Err(UnitError::new("a port", text, "it is no number from 1 to 65535")),
        }
    }
}
serde_as_text!(Port);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_printed_is_read_back(number in 1..=u16::MAX, udp: bool) {
            let port = if udp { Port::udp(number) } else { Port::tcp(number) };
            prop_assert_eq!(port.to_string().parse(), Ok(port));
            prop_assert_eq!(serde_json::from_str::<Port>(&serde_json::to_string(&port).unwrap()).unwrap(), port);
        }
    }

    #[test]
    fn what_is_no_port_says_why() {
        assert_eq!("0".parse::<Port>().unwrap_err().to_string(), "`0` is not a port: it is no number from 1 to 65535");
        assert!("70000/tcp".parse::<Port>().is_err());
        assert!("80/http".parse::<Port>().unwrap_err().to_string().ends_with("neither tcp nor udp"));
    }
}
