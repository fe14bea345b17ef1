//! The part of the Nix language that is generated, as data.
use std::net::IpAddr;

/// A name in a set, and what it is bound to. The name may be a path: `networking.hostName`.
pub type Binding = (String, Expr);

/// An expression.
#[derive(Clone, Debug, PartialEq)]
pub enum Expr {
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A string.
    Str(String),
    /// A string of several lines, in which `${..}` is taken as it stands.
    Lines(String),
    /// A list.
    List(Vec<Expr>),
    /// A set, in this order.
    Set(Vec<Binding>),
    /// What the file `constants.nix` says under a name, and what that is.
    Constant(&'static str, Box<Expr>),
    /// A value that wins over those of imported modules.
    Force(Box<Expr>),
    /// A package: `pkgs.util-linux`.
    Package(&'static str),
    /// A path beside the file: `./description.json`.
    Path(&'static str),
    /// A function of the package set with its arguments.
    Call(&'static str, Box<Expr>),
}

impl Expr {
    /// A set of bindings.
    pub fn set<N: Into<String>>(bindings: impl IntoIterator<Item = (N, Expr)>) -> Expr {
        Expr::Set(bindings.into_iter().map(|(name, value)| (name.into(), value)).collect())
    }

    /// A list.
    pub fn list<E: Into<Expr>>(items: impl IntoIterator<Item = E>) -> Expr {
        Expr::List(items.into_iter().map(Into::into).collect())
    }

    /// What it is when `constants.nix` and `mkForce` are looked through.
    #[must_use]
    pub fn value(&self) -> &Expr {
        match self {
            Expr::Constant(_, value) | Expr::Force(value) => value.value(),
            plain => plain,
        }
    }
}

/// A binding: `bind("networking.hostName", "pihole")`.
pub(super) fn bind(name: impl Into<String>, value: impl Into<Expr>) -> Binding {
    (name.into(), value.into())
}

impl From<bool> for Expr {
    fn from(value: bool) -> Self {
        Expr::Bool(value)
    }
}
impl From<u32> for Expr {
    fn from(value: u32) -> Self {
        Expr::Int(value.into())
    }
}
impl From<u16> for Expr {
    fn from(value: u16) -> Self {
        Expr::Int(value.into())
    }
}
impl From<u8> for Expr {
    fn from(value: u8) -> Self {
        Expr::Int(value.into())
    }
}
impl From<&str> for Expr {
    fn from(value: &str) -> Self {
        Expr::Str(value.to_owned())
    }
}
impl From<String> for Expr {
    fn from(value: String) -> Self {
        Expr::Str(value)
    }
}
impl From<IpAddr> for Expr {
    fn from(value: IpAddr) -> Self {
        Expr::Str(value.to_string())
    }
}
impl From<Vec<Expr>> for Expr {
    fn from(value: Vec<Expr>) -> Self {
        Expr::List(value)
    }
}
