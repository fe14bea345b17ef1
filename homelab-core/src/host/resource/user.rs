//! Users.
use super::{
    group::account_name,
    kept::{Kept, Place, forget, lives_on_a_machine},
};
use crate::{
    Apply, Claim, Failure, Provider, Resource,
    host::{Action, Command, FileKind, Host, HostPath, Hosts, HostsReader, facts, probe},
    outputs,
};
use futures_util::future::try_join4;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A user. It has no password, so nobody can log in with one; keys are [`AuthorizedKeys`](super::AuthorizedKeys).
///
/// When it goes, a user that was not there before is deleted, without the files in its home directory; one that was there before
/// stays as it was, and leaves the groups that it was put into.
///
/// ```
/// # use homelab_core::{Lab, host::{Computer, User}, units::Network};
/// # const LAN: Network = Network::new("LAN", [192, 168, 0, 0], 24);
/// # let mut lab = Lab::named("home");
/// # let web = lab.add(Computer::named("web", LAN.host(11)));
/// lab.add(User::on(web, "deploy").shell("/bin/bash").groups(["sudo"]));
/// lab.add(User::on(web, "exporter").system());
/// ```
#[derive(Clone, Debug, Serialize)]
pub struct User {
    #[serde(skip)]
    host: Host,
    #[serde(skip)]
    name: String,
    exists: bool,
    uid: Option<u32>,
    group: Option<String>,
    home: Option<String>,
    shell: Option<String>,
    comment: Option<String>,
    groups: BTreeMap<String, bool>,
    #[serde(skip)]
    system: bool,
}

impl User {
    /// A user of this name.
    ///
    /// # Panics
    /// On what is no name of a user.
    #[must_use]
    #[track_caller]
    pub fn on(host: impl Into<Host>, name: &str) -> Self {
        User {
            host: host.into(),
            name: account_name(name),
            exists: true,
            uid: None,
            group: None,
            home: None,
            shell: None,
            comment: None,
            groups: BTreeMap::new(),
            system: false,
        }
    }

    /// Its number. Without, the machine chooses one.
    #[must_use]
    pub fn uid(mut self, uid: u32) -> Self {
        self.uid = Some(uid);
        self
    }

    /// Its first group, which must be there. Without, one of its own name is made.
    #[must_use]
    #[track_caller]
    pub fn group(mut self, group: &str) -> Self {
        self.group = Some(account_name(group));
        self
    }

    /// Groups that it is in as well; those that it is in besides are left alone.
    #[must_use]
    #[track_caller]
    pub fn groups<'g>(mut self, groups: impl IntoIterator<Item = &'g str>) -> Self {
        self.groups.extend(groups.into_iter().map(|g| (account_name(g), true)));
        self
    }

    /// Its home directory.
    ///
    /// # Panics
    /// When it is not absolute, or has a colon or a line break.
    #[must_use]
    #[track_caller]
    pub fn home(mut self, home: &str) -> Self {
        assert!(
            home.starts_with('/') && !home.contains([':', '\n', '\0']),
            "`{}` is no home directory",
            home.escape_debug()
        );
        self.home = Some(home.to_owned());
        self
    }

    /// Its shell.
    ///
    /// # Panics
    /// When it is not absolute, or has a colon or a line break.
    #[must_use]
    #[track_caller]
    pub fn shell(mut self, shell: &str) -> Self {
        assert!(shell.starts_with('/') && !shell.contains([':', '\n', '\0']), "`{}` is no shell", shell.escape_debug());
        self.shell = Some(shell.to_owned());
        self
    }

    /// A person's name, or what it is for.
    ///
    /// # Panics
    /// When it has a colon or a line break.
    #[must_use]
    #[track_caller]
    pub fn comment(mut self, comment: &str) -> Self {
        assert!(
            !comment.contains([':', '\n', '\0']),
            "`{}` is no comment: no colon, no line break",
            comment.escape_debug()
        );
        self.comment = Some(comment.to_owned());
        self
    }

    /// One for a service: a number below 1000 if the machine chooses it, no home directory is made, and no shell.
    #[must_use]
    pub fn system(mut self) -> Self {
        self.system = true;
        self.shell.get_or_insert_with(|| "/usr/sbin/nologin".into());
        self
    }

    fn shape(&self) -> Shape {
        Shape {
            uid: self.uid.map(|n| n.to_string()),
            group: self.group.clone(),
            home: self.home.clone(),
            shell: self.shell.clone(),
            comment: self.comment.clone(),
        }
    }
}

/// What useradd and usermod can be told of a user.
#[derive(Default)]
struct Shape {
    uid: Option<String>,
    group: Option<String>,
    home: Option<String>,
    shell: Option<String>,
    comment: Option<String>,
}

impl Shape {
    /// The options that make a user, or change the one that is there.
    fn options(self, there: Option<&UserState>) -> Vec<String> {
        let have = there.map(UserState::shape).unwrap_or_default();
        let home = if there.is_some() { "--home" } else { "--home-dir" };
        let all = [
            ("--uid", self.uid, have.uid),
            ("--gid", self.group, have.group),
            (home, self.home, have.home),
            ("--shell", self.shell, have.shell),
            ("--comment", self.comment, have.comment),
        ];
        let changed = all.into_iter().filter(|(_, want, have)| want.is_some() && want != have);
        // What is in a home directory goes along to another one.
        let along = |flag: &str| (flag == "--home").then(|| "--move-home".to_owned());
        changed.flat_map(|(flag, want, _)| [along(flag), Some(flag.to_owned()), want]).flatten().collect()
    }
}

/// What a user was before us, as far as we change it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Before {
    user: Option<facts::User>,
    groups: Vec<String>,
    /// Whether there was a group of its name.
    namesake: bool,
}

/// What is seen of a user.
#[derive(Clone, Debug, Serialize)]
pub struct UserState {
    /// Whether it is there.
    pub exists: bool,
    /// Its number.
    pub uid: Option<u32>,
    /// Its first group.
    pub group: Option<String>,
    /// Its home directory.
    pub home: Option<String>,
    /// Its shell.
    pub shell: Option<String>,
    /// A person's name.
    pub comment: Option<String>,
    /// The groups that it is in, the first one too.
    pub groups: BTreeMap<String, bool>,
    #[serde(skip)]
    user: Option<facts::User>,
    #[serde(skip)]
    namesake: Option<facts::Group>,
    #[serde(skip)]
    place: Place,
    #[serde(skip)]
    kept: Option<Kept<Before>>,
}

impl UserState {
    fn shape(&self) -> Shape {
        Shape {
            uid: self.uid.map(|n| n.to_string()),
            group: self.group.clone(),
            home: self.home.clone(),
            shell: self.shell.clone(),
            comment: self.comment.clone(),
        }
    }
}

outputs!(
    /// What is known of a user.
    UserOutputs of UserState {
        /// Its number.
        uid: u32,
        /// Its home directory.
        home: String,
    }
);

async fn see(place: &Place, cx: &HostsReader) -> Result<UserState, Failure> {
    let ids = Command::new("id").args(["-nG", "--", &place.name]).quick();
    let user = cx.ask(&place.spot, probe::user(&place.name));
    let ids = cx.ask(&place.spot, probe::command(ids));
    let namesake = cx.ask(&place.spot, probe::group(&place.name));
    let (kept, user, ids, namesake) = try_join4(Kept::recall(User::KIND, place, cx), user, ids, namesake).await?;
    let groups: Vec<String> = ids.text().split_whitespace().map(str::to_owned).collect();
    Ok(UserState {
        exists: user.is_some(),
        uid: user.as_ref().map(|u| u.uid),
        // `id` names the first group first.
        group: groups.first().cloned(),
        home: user.as_ref().map(|u| u.home.clone()),
        shell: user.as_ref().map(|u| u.shell.clone()),
        comment: user.as_ref().map(|u| u.comment.clone()),
        groups: groups.into_iter().map(|g| (g, true)).collect(),
        user,
        namesake,
        place: place.clone(),
        kept,
    })
}

async fn look(place: &Place, cx: &HostsReader) -> Result<Option<UserState>, Failure> {
    Ok(Some(see(place, cx).await?).filter(|state| state.kept.is_some()))
}

impl Resource for User {
    const KIND: &'static str = "host/user";
    type Outputs = UserOutputs;
    lives_on_a_machine!(UserState);

    fn claims(&self) -> Vec<Claim> {
        let claim = |uid| Claim::new("uid", uid).within(self.host.scope());
        self.uid.map(claim).into_iter().collect()
    }

    async fn apply(&self, now: Option<&UserState>, cx: &Apply<'_, Hosts>) -> Result<(), Failure> {
        let place = Place { spot: self.host.spot_now(cx)?, name: self.name.clone() };
        let seen = match now {
            Some(now) => now.clone(),
            None => see(&place, &cx.reader()).await?,
        };
        let there = Some(&seen).filter(|seen| seen.exists);
        let before = seen.kept.clone().map_or_else(
            || Before {
                user: seen.user.clone(),
                groups: seen.groups.keys().cloned().collect(),
                namesake: seen.namesake.is_some(),
            },
            |kept| kept.before,
        );
        let missing: Vec<&str> =
            self.groups.keys().filter(|g| !seen.groups.contains_key(*g)).map(String::as_str).collect();
        let mut actions = vec![Kept::new(cx.mark(), before).write(Self::KIND, &self.name)];
        let fields = self.shape().options(there);
        match there {
            None => {
                let mut command = Command::new("useradd").quick().args(fields);
                let home = if self.system { "--no-create-home" } else { "--create-home" };
                command = command.arg(home);
                if self.system {
                    command = command.arg("--system");
                }
                if !missing.is_empty() {
                    command = command.args(["--groups", &missing.join(",")]);
                }
                actions.push(Action::Run(command.arg(&self.name)));
            }
            Some(_) => {
                if !fields.is_empty() {
                    actions.push(Action::Run(Command::new("usermod").quick().args(fields).arg(&self.name)));
                }
                if !missing.is_empty() {
                    let command = Command::new("usermod").quick().args(["--append", "--groups", &missing.join(",")]);
                    actions.push(Action::Run(command.arg(&self.name)));
                }
            }
        }
        cx.carry_out(cx.permit(), &place.spot, actions).await
    }

    async fn delete(state: &UserState, cx: &Apply<'_, Hosts>) -> Result<(), Failure> {
        let name = &state.place.name;
        let Some(before) = state.kept.as_ref().map(|kept| &kept.before) else { return Ok(()) };
        let mut actions = vec![];
        match &before.user {
            None if state.exists => actions.push(Action::Run(Command::new("userdel").arg(name))),
            Some(user) if state.exists => {
                let back = Shape {
                    uid: Some(user.uid.to_string()),
                    // The number, where it is another: its name may be gone.
                    group: state.user.as_ref().filter(|now| now.gid != user.gid).map(|_| user.gid.to_string()),
                    home: Some(user.home.clone()),
                    shell: Some(user.shell.clone()),
                    comment: Some(user.comment.clone()),
                };
                let options = back.options(Some(state));
                if !options.is_empty() {
                    actions.push(Action::Run(Command::new("usermod").quick().args(options).arg(name)));
                }
                let first = state.group.as_ref();
                for group in state.groups.keys().filter(|g| !before.groups.contains(g) && Some(*g) != first) {
                    actions.push(Action::Run(Command::new("gpasswd").args(["--delete", name, group])));
                }
            }
            _ => {}
        }
        if let (None, Some(group), false) = (&before.user, &state.namesake, before.namesake) {
            // userdel takes the group along that was made with the user, unless the user has another first group by now.
            if state.user.as_ref().is_some_and(|user| user.gid != group.gid) {
                actions.push(Action::Run(Command::new("groupdel").arg(name)));
            }
        }
        if let (None, Some(home)) = (&before.user, state.home.as_deref().and_then(|home| HostPath::new(home).ok())) {
            let there = cx.reader().ask(&state.place.spot, probe::stat(home.clone())).await?;
            if there.is_some_and(|stat| stat.kind == FileKind::Dir) {
                // An empty home directory holds nobody's data; one that is not empty stays.
                let empty = Command::new("rmdir").args(["--ignore-fail-on-non-empty", "--"]).arg(home.as_bytes());
                actions.push(Action::Run(empty));
            }
        }
        actions.push(forget(Self::KIND, name));
        cx.carry_out(cx.permit(), &state.place.spot, actions).await
    }
}
