//! [`User`]: a person or a service with an account.
use super::{
    Fields, Parent,
    group::{ACCOUNT, Group, flag, is_account},
    row::{Entry, Row, RowState, at_site, by_id},
};
use crate::Nas;
use homelab_core::{Claim, Handle, Input, Secret, Site, Text, outputs, text};
use serde::Serialize;
use serde_json::{Value, json};

/// A local user with a number of its own choice, so that files belong to the same user on every machine.
///
/// ```
/// # use homelab_core::{Lab, Secret, Site};
/// # use homelab_truenas::{Nas, resource::{Group, User}};
/// # const NAS: Site<Nas> = Site::named("nas");
/// # let mut lab = Lab::named("home");
/// const PASSWORD: Secret = Secret::named("NAS_USER_PASSWORD");
/// let media = lab.add(Group::named("media", 3001).on(NAS));
/// lab.add(User::named("jellyfin", 3001).on(NAS).group(media).password(PASSWORD).smb());
/// ```
///
/// Without a password nobody can log in with one. A password is sent when the user is made, and cannot be read back: to change it
/// later, change it on the NAS.
pub type User = Entry<UserRow>;

/// A user without a NAS.
#[derive(Clone, Debug)]
pub struct UserOf {
    username: String,
    uid: u32,
}

/// What a user is.
#[derive(Clone, Debug, Serialize)]
pub struct UserRow {
    username: String,
    uid: u32,
    full_name: String,
    group: Option<Input<u64>>,
    groups: Option<Vec<Input<u64>>>,
    smb: bool,
    password: Option<Secret>,
    password_disabled: bool,
    home: Option<Text>,
    shell: Option<String>,
    sshpubkey: Option<Text>,
    sudo_commands_nopasswd: Option<Vec<String>>,
    email: Option<String>,
    locked: Option<bool>,
    #[serde(skip)]
    home_made_in: Option<Text>,
    #[serde(skip)]
    name: String,
    #[serde(skip)]
    site: Site<Nas>,
}

outputs!(
    /// What a user is known by.
    UserOutputs of RowState {
        /// Its number in the table.
        id: u64,
        /// Its number.
        uid: u32,
    }
);

impl User {
    /// The user of this name and number: 1000 to 90 000 000.
    ///
    /// # Panics
    /// On numbers of the system and on names that Unix does not take.
    #[must_use]
    #[track_caller]
    pub fn named(username: impl Into<String>, uid: u32) -> UserOf {
        let username = username.into();
        assert!(is_account(&username), "`{username}` is no name of a user: {ACCOUNT}");
        assert!(
            (1000..=90_000_000).contains(&uid),
            "a user's number is from 1000 to 90 000 000; lower ones are the system's"
        );
        UserOf { username, uid }
    }
}

impl UserOf {
    /// On this NAS.
    #[must_use]
    pub fn on(self, site: Site<Nas>) -> User {
        Entry(UserRow {
            name: at_site(site, &self.username),
            full_name: self.username.clone(),
            username: self.username,
            uid: self.uid,
            group: None,
            groups: None,
            smb: false,
            password: None,
            password_disabled: true,
            home: None,
            shell: None,
            sshpubkey: None,
            sudo_commands_nopasswd: None,
            email: None,
            locked: None,
            home_made_in: None,
            site,
        })
    }
}

impl User {
    /// What people call it.
    #[must_use]
    pub fn full_name(mut self, name: impl Into<String>) -> User {
        self.0.full_name = name.into();
        self
    }
    /// Its main group; without one it gets a group of its own.
    #[must_use]
    pub fn group(mut self, group: Handle<Group>) -> User {
        self.0.group = Some(group.id().into());
        self
    }
    /// The other groups that it is in.
    #[must_use]
    pub fn groups(mut self, groups: impl IntoIterator<Item = Handle<Group>>) -> User {
        self.0.groups = Some(groups.into_iter().map(|group| group.id().into()).collect());
        self
    }
    /// The password, sent when it is made.
    #[must_use]
    pub fn password(mut self, password: Secret) -> User {
        (self.0.password, self.0.password_disabled) = (Some(password), false);
        self
    }
    /// It can use SMB shares. That takes a password, in the same call that makes it (truenas-notes section 8).
    ///
    /// # Panics
    /// Without a password.
    #[must_use]
    #[track_caller]
    pub fn smb(mut self) -> User {
        assert!(self.0.password.is_some(), "SMB needs a password: `.password(SECRET)` before `.smb()`");
        self.0.smb = true;
        self
    }
    /// Its home, a directory of its name in this pool or dataset, which is made.
    #[must_use]
    pub fn home_in(mut self, parent: impl Parent) -> User {
        let home = parent.within().path;
        self.0.home = Some(text![home.clone(), "/", self.0.username.clone()]);
        self.0.home_made_in = Some(home);
        self
    }
    /// Its home, a directory that is there.
    #[must_use]
    pub fn home(mut self, path: impl Into<Text>) -> User {
        (self.0.home, self.0.home_made_in) = (Some(path.into()), None);
        self
    }
    /// The program that it gets when it logs in.
    #[must_use]
    pub fn shell(mut self, path: impl Into<String>) -> User {
        self.0.shell = Some(path.into());
        self
    }
    /// It logs in over SSH with this key. It needs a home: keys lie in it.
    ///
    /// # Panics
    /// Without a home.
    #[must_use]
    #[track_caller]
    pub fn authorized_key(mut self, key: impl Into<Text>) -> User {
        assert!(self.0.home.is_some(), "keys lie in the home: `.home_in(dataset)` before `.authorized_key(..)`");
        self.0.sshpubkey = Some(key.into());
        self
    }
    /// It may run these programs as root without a password.
    #[must_use]
    pub fn sudo_without_password<S: Into<String>>(mut self, commands: impl IntoIterator<Item = S>) -> User {
        let mut commands: Vec<String> = commands.into_iter().map(Into::into).collect();
        commands.sort();
        self.0.sudo_commands_nopasswd = Some(commands);
        self
    }
    /// Where the NAS writes to it.
    #[must_use]
    pub fn email(mut self, address: impl Into<String>) -> User {
        self.0.email = Some(address.into());
        self
    }
    /// It cannot log in for the time being.
    #[must_use]
    pub fn locked(mut self, locked: bool) -> User {
        self.0.locked = Some(locked);
        self
    }
}

impl Row for UserRow {
    const KIND: &'static str = "truenas/user";
    const TABLE: &'static str = "user";
    const KEY: &'static [&'static str] = &["username"];
    /// Files know the number and not the name.
    const REPLACE_ON: &'static [&'static str] = &["uid"];
    const WRITE_ONLY: &'static [&'static str] = &["password"];
    const HIDDEN: &'static [&'static str] = &["unixhash", "smbhash", "password"];
    type Outputs = UserOutputs;

    fn name(&self) -> &str {
        &self.name
    }
    fn site(&self) -> Site<Nas> {
        self.site
    }
    fn key(&self) -> impl Serialize + Send {
        (&self.username,)
    }
    fn claims(&self) -> Vec<Claim> {
        vec![Claim::new("UID", self.uid).within(self.site.name())]
    }
    fn is_kind(row: &Fields) -> bool {
        !flag(row, "builtin") && row.get("local").and_then(Value::as_bool) != Some(false)
    }
    /// Groups come as objects and go as their numbers in the table.
    fn observed(row: Fields) -> Fields {
        by_id(row, &["group", "groups"])
    }
    async fn create_only(&self, cx: &homelab_core::Apply<'_, Nas>) -> Result<Fields, homelab_core::Failure> {
        let mut more = Fields::new();
        more.insert("group_create".into(), self.group.is_none().into());
        if let Some(parent) = &self.home_made_in {
            // What is sent is where it is made: the NAS puts the user's name behind it.
            more.insert("home".into(), cx.text(parent)?.expose().into());
            more.insert("home_create".into(), true.into());
        }
        Ok(more)
    }
    fn body(&self, mut spec: Fields, now: Option<&RowState>) -> Fields {
        if now.is_some() {
            // The number cannot be sent again.
            spec.remove("uid");
            // A home that is made is sent as the place where it is made: the NAS puts the user's name behind it.
            let home = spec.get("home").and_then(Value::as_str).filter(|_| self.home_made_in.is_some());
            let parent = home.and_then(|home| home.rsplit_once('/')).map(|(parent, _)| parent.to_owned());
            if let Some(parent) = parent {
                spec.insert("home".into(), parent.into());
                spec.insert("home_create".into(), true.into());
            }
        }
        spec
    }
    fn deleting() -> Vec<Value> {
        vec![json!({"delete_group": true})]
    }
}
