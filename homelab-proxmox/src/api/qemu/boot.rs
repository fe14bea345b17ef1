//! What a guest boots from, and when the node starts it: `boot` and `startup`.
use crate::api::property::{ConfigError, ConfigString, Options, Other, Printer, as_text};
use std::{
    fmt::{self, Display},
    str::FromStr,
};

/// The boot order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Boot {
    /// `order=scsi0;ide2;net0`: devices by the name of their key. Empty: the guest boots from nothing, which the server
    /// stores as a blank.
    Order(Vec<String>),
    /// The old form, some of `a`, `c`, `d`, `n` (floppy, disk, CD, network).
    Legacy(String),
}

impl Boot {
    /// Boots from these devices, in order.
    pub fn order<D: Display>(devices: impl IntoIterator<Item = D>) -> Self {
        Boot::Order(devices.into_iter().map(|device| device.to_string()).collect())
    }
}

impl ConfigString for Boot {
    fn canonical(&self) -> Self {
        self.clone()
    }
}

impl Display for Boot {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Boot::Order(devices) => write!(to, "order={}", devices.join(";")),
            Boot::Legacy(letters) => to.write_str(letters),
        }
    }
}

impl FromStr for Boot {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        let mut options = Options::read("boot order", text, "legacy")?;
        match (options.take("order"), options.take("legacy")) {
            // With both, the server goes by the order.
            (Some(order), _) => Ok(Boot::order(order.split(';').filter(|device| !device.is_empty()))),
            (None, Some(letters)) => Ok(Boot::Legacy(letters)),
            (None, None) => Ok(Boot::Order(Vec::new())),
        }
    }
}

/// When the node starts and stops the guest: `order=2,up=30,down=60`. Setting it needs `Sys.Modify` on `/`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Startup {
    /// The place in the order of starting; guests without one come last.
    pub order: Option<u32>,
    /// Seconds to wait after starting this guest.
    pub up: Option<u32>,
    /// Seconds to wait for this guest to shut down.
    pub down: Option<u32>,
    /// Options that are not modelled here.
    pub other: Other,
}

impl Startup {
    /// The place in the order, and how long to wait after this guest.
    #[must_use]
    pub fn at(order: u32, wait: Option<homelab_core::units::Span>) -> Startup {
        let up = wait.map(|wait| u32::try_from(std::time::Duration::from(wait).as_secs()).unwrap_or(u32::MAX));
        Startup { order: Some(order), up, ..Startup::default() }
    }
}

impl ConfigString for Startup {
    fn canonical(&self) -> Self {
        self.clone()
    }
}

impl Display for Startup {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut printer = Printer::new();
        if let Some(order) = self.order {
            printer = printer.first(format_args!("order={order}"));
        }
        printer.set("up", self.up).set("down", self.down).print(&self.other, to)
    }
}

impl FromStr for Startup {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        let mut options = Options::read("startup order", text, "order")?;
        Ok(Startup {
            order: options.parsed("order")?,
            up: options.parsed("up")?,
            down: options.parsed("down")?,
            other: options.other(),
        })
    }
}
as_text!(Boot, Startup);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::qemu::Slot;

    #[test]
    fn boot_orders_print_and_parse() {
        let order = Boot::order([Slot::scsi(0), Slot::ide(2)]);
        assert_eq!(order.to_string(), "order=scsi0;ide2");
        assert_eq!("order=scsi0;ide2".parse::<Boot>().unwrap(), order);
        assert_eq!("cdn".parse::<Boot>().unwrap(), Boot::Legacy("cdn".into()));
        assert_eq!(" ".parse::<Boot>().unwrap(), Boot::Order(vec![]));
    }

    #[test]
    fn startup_orders_print_and_parse() {
        let startup: Startup = "up=30,order=2,down=60".parse().unwrap();
        assert_eq!(startup, Startup { order: Some(2), up: Some(30), down: Some(60), other: Other::new() });
        assert!(startup.same(&"order=2,up=30,down=60".parse().unwrap()));
        assert!("3".parse::<Startup>().unwrap().same(&"order=3".parse().unwrap()));
        assert!("order=x".parse::<Startup>().is_err());
    }
}
