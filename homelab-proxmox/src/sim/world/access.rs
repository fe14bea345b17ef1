//! Users, tokens, groups, roles and the access list.
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Identity {
    /// `root@pam`
    pub(crate) user: String,
    /// The token's own name, when one was used.
    pub(crate) token: Option<String>,
}

impl Identity {
    /// A user without a token.
    pub(crate) fn user(user: &str) -> Identity {
        Identity { user: user.to_owned(), token: None }
    }

    /// The id that root-only checks compare: `root@pam!ci` is not `root@pam` (pve-notes section 2).
    pub(crate) fn full(&self) -> String {
        match &self.token {
            Some(token) => format!("{}!{token}", self.user),
            None => self.user.clone(),
        }
    }

    /// Whether it is root@pam itself.
    pub(crate) fn is_root(&self) -> bool {
        self.user == "root@pam" && self.token.is_none()
    }
}

/// An API token.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Token {
    pub(crate) secret: String,
    pub(crate) privsep: bool,
    pub(crate) expire: u64,
    pub(crate) comment: Option<String>,
}

/// A user.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct User {
    pub(crate) enable: bool,
    pub(crate) expire: u64,
    /// comment, email, firstname, lastname, keys
    pub(crate) texts: BTreeMap<String, String>,
    /// A digest of the password, never the password.
    pub(crate) password: Option<String>,
    pub(crate) tokens: BTreeMap<String, Token>,
}

/// A group of users.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Group {
    pub(crate) comment: Option<String>,
    pub(crate) members: BTreeSet<String>,
}

/// One line of the access list: who has which role, and whether paths below have it too.
pub(crate) type AclKey = (String, String, String);

/// Everything about access.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Access {
    pub(crate) users: BTreeMap<String, User>,
    pub(crate) groups: BTreeMap<String, Group>,
    /// Roles that are not built in, with their privileges.
    pub(crate) roles: BTreeMap<String, BTreeSet<String>>,
    /// By path: kind (`user`, `group`, `token`), id, role, and whether it is inherited.
    pub(crate) acl: BTreeMap<String, Vec<(AclKey, bool)>>,
    /// Realms beside pam and pve.
    pub(crate) realms: BTreeMap<String, BTreeMap<String, String>>,
}

impl Access {
    /// The token of a full id (`user@realm!name`).
    pub(crate) fn token(&self, user: &str, name: &str) -> Option<&Token> {
        self.users.get(user)?.tokens.get(name)
    }

    /// Forgets every line of the access list that names this user, group or token.
    pub(crate) fn forget(&mut self, kind: &str, id: &str) {
        for lines in self.acl.values_mut() {
            lines.retain(|((what, who, _), _)| !(what == kind && who == id));
        }
        self.acl.retain(|_, lines| !lines.is_empty());
    }
}
