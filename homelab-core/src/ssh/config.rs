//! `~/.ssh/config`: the part of ssh_config(5) that says how a host is reached and by which keys. For each keyword the first value wins.
//!
//! Followed are `Host`, `Match` (`all`, `host`, `originalhost`, `user`, `localuser`; a block with any other condition is left out),
//! `Include`, and the keywords in [`Settings`]. `ProxyCommand` is refused for the hosts that it applies to. Everything else is
//! about things that we do not do.
use super::{SshError, pattern};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// How deep files may include each other.
const DEPTH: usize = 16;

/// What the files say of one host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Settings {
    pub(super) host_name: Option<String>,
    pub(super) port: Option<u16>,
    pub(super) user: Option<String>,
    pub(super) identity_files: Vec<String>,
    pub(super) identity_agent: Option<String>,
    pub(super) identities_only: Option<bool>,
    pub(super) proxy_jump: Option<String>,
    proxy_command: Option<(String, PathBuf, usize)>,
    pub(super) known_hosts: Option<Vec<String>>,
    pub(super) global_known_hosts: Option<Vec<String>>,
    pub(super) host_key_alias: Option<String>,
}

/// Who asks, and for which host.
#[derive(Clone, Debug)]
pub(super) struct Asked<'a> {
    pub(super) host: &'a str,
    pub(super) user: Option<&'a str>,
    pub(super) local_user: &'a str,
    pub(super) home: &'a Path,
}

impl Settings {
    /// What these files say; one that does not exist says nothing.
    ///
    /// # Errors
    /// A line that cannot be followed, with its place.
    pub(super) fn read(files: &[PathBuf], asked: &Asked<'_>) -> Result<Self, SshError> {
        let mut settings = Settings::default();
        for file in files {
            settings.file(file, asked, true, DEPTH)?;
        }
        if let (Some((command, file, line)), None) = (&settings.proxy_command, &settings.proxy_jump)
            && command != "none"
        {
            let message =
                "ProxyCommand is not supported; where it goes through another host, ProxyJump says the same".into();
            return Err(SshError::Config { file: file.clone(), line: *line, message });
        }
        Ok(settings)
    }

    fn file(&mut self, file: &Path, asked: &Asked<'_>, mut applies: bool, depth: usize) -> Result<(), SshError> {
        let Ok(text) = fs::read_to_string(file) else { return Ok(()) };
        let outer = applies;
        for (n, line) in text.lines().enumerate() {
            let wrong = |message: String| SshError::Config { file: file.to_owned(), line: n + 1, message };
            let words = words(line).ok_or_else(|| wrong("a quotation mark is not closed".into()))?;
            let Some((keyword, values)) = words.split_first() else { continue };
            let Some(first) = values.first() else { return Err(wrong(format!("{keyword} has no value"))) };
            match keyword.to_ascii_lowercase().as_str() {
                "host" => applies = outer && pattern::matches(values.iter().map(String::as_str), asked.host),
                "match" => applies = outer && self.matches(values, asked),
                _ if !applies => {}
                "include" => {
                    if depth == 0 {
                        return Err(wrong("files include each other too deeply".into()));
                    }
                    for value in values {
                        let path = expand_home(value, asked.home);
                        let base = if file.starts_with("/etc/ssh") {
                            PathBuf::from("/etc/ssh")
                        } else {
                            asked.home.join(".ssh")
                        };
                        for found in globbed(&base.join(path)) {
                            self.file(&found, asked, true, depth - 1)?;
                        }
                    }
                }
                "hostname" => set(&mut self.host_name, || first.clone()),
                "user" => set(&mut self.user, || first.clone()),
                "port" => {
                    let port = first.parse().map_err(|_| wrong(format!("`{first}` is no port")))?;
                    set(&mut self.port, || port);
                }
                "identityfile" => self.identity_files.push(first.clone()),
                "identityagent" => set(&mut self.identity_agent, || first.clone()),
                "identitiesonly" => {
                    let yes = match first.to_ascii_lowercase().as_str() {
                        "yes" | "true" => true,
                        "no" | "false" => false,
                        other => return Err(wrong(format!("IdentitiesOnly is `yes` or `no`, not `{other}`"))),
                    };
                    set(&mut self.identities_only, || yes);
                }
                "proxyjump" => set(&mut self.proxy_jump, || first.clone()),
                "proxycommand" => set(&mut self.proxy_command, || (values.join(" "), file.to_owned(), n + 1)),
                "userknownhostsfile" => set(&mut self.known_hosts, || values.to_vec()),
                "globalknownhostsfile" => set(&mut self.global_known_hosts, || values.to_vec()),
                "hostkeyalias" => set(&mut self.host_key_alias, || first.clone()),
                _ => {}
            }
        }
        Ok(())
    }

    fn matches(&self, conditions: &[String], asked: &Asked<'_>) -> bool {
        let mut conditions = conditions.iter();
        while let Some(condition) = conditions.next() {
            let (not, condition) = condition.strip_prefix('!').map_or((false, condition.as_str()), |c| (true, c));
            let name = match condition.to_ascii_lowercase().as_str() {
                "all" => continue,
                "host" => self.host_name.as_deref().unwrap_or(asked.host),
                "originalhost" => asked.host,
                "user" => asked.user.or(self.user.as_deref()).unwrap_or(asked.local_user),
                "localuser" => asked.local_user,
                _ => return false,
            };
            let Some(patterns) = conditions.next() else { return false };
            if pattern::matches(patterns.split(','), name) == not {
                return false;
            }
        }
        true
    }
}

fn set<T>(slot: &mut Option<T>, value: impl FnOnce() -> T) {
    if slot.is_none() {
        *slot = Some(value());
    }
}

/// The words of a line: separated by white space (the first also by `=`), joined by double quotes, ended by a comment.
fn words(line: &str) -> Option<Vec<String>> {
    let (mut words, mut rest) = (vec![], line.trim());
    while !rest.is_empty() && !rest.starts_with('#') {
        let (word, after) = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => {
                let end =
                    rest.find(|c: char| c.is_whitespace() || (c == '=' && words.is_empty())).unwrap_or(rest.len());
                rest.split_at(end)
            }
        };
        words.push(word.to_owned());
        rest = after.trim_start();
        if words.len() == 1 {
            rest = rest.strip_prefix('=').unwrap_or(rest).trim_start();
        }
    }
    Some(words)
}

/// `~` and `~/...` below the home directory.
pub(super) fn expand_home(path: &str, home: &Path) -> PathBuf {
    match path.strip_prefix('~') {
        Some("") => home.to_owned(),
        Some(rest) if rest.starts_with('/') => home.join(&rest[1..]),
        _ => PathBuf::from(path),
    }
}

/// The files that a path with wildcards in its last part means, sorted.
fn globbed(path: &Path) -> Vec<PathBuf> {
    let (Some(dir), Some(name)) = (path.parent(), path.file_name().map(|n| n.to_string_lossy().into_owned())) else {
        return vec![];
    };
    if !name.contains(['*', '?']) {
        return vec![path.to_owned()];
    }
    let fits = |file: &str| {
        pattern::glob(name.as_bytes(), file.as_bytes()) && (name.starts_with('.') || !file.starts_with('.'))
    };
    let mut found: Vec<PathBuf> = fs::read_dir(dir)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|e| fits(&e.file_name().to_string_lossy()))
        .map(|e| e.path())
        .collect();
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(files: &[(&str, &str)], host: &str) -> Result<Settings, SshError> {
        let home = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = home.path().join(".ssh").join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let asked = Asked { host, user: None, local_user: "me", home: home.path() };
        Settings::read(&[home.path().join(".ssh/config")], &asked)
    }

    #[test]
    fn the_first_value_of_a_keyword_wins_and_key_files_add_up() {
        let text = "Host web *.lan !nas.lan\n  HostName 10.0.0.7\n User=root # me\n IdentityFile \"~/a b\"\nHost *\n User other\n\tPort 2222\n IdentityFile ~/.ssh/id\n";
        let web = read(&[("config", text)], "web").unwrap();
        assert_eq!(web.host_name.as_deref(), Some("10.0.0.7"));
        assert_eq!((web.user.as_deref(), web.port), (Some("root"), Some(2222)));
        assert_eq!(web.identity_files, ["~/a b", "~/.ssh/id"]);
        assert_eq!(read(&[("config", text)], "nas.lan").unwrap().user.as_deref(), Some("other"));
    }

    #[test]
    fn files_are_included_by_pattern_and_only_where_their_block_applies() {
        let files = [
            ("config", "Include conf.d/*.conf\nHost web\n Include web\n"),
            ("conf.d/b.conf", "Host *\nPort 2\n"),
            ("conf.d/a.conf", "Host nas\nPort 1\n"),
            ("web", "User admin\n"),
        ];
        let web = read(&files, "web").unwrap();
        assert_eq!((web.port, web.user.as_deref()), (Some(2), Some("admin")));
        let nas = read(&files, "nas").unwrap();
        assert_eq!((nas.port, nas.user), (Some(1), None));
    }

    #[test]
    fn blocks_match_by_what_we_know_and_are_left_out_otherwise() {
        let text = "Match originalhost web localuser me\n User a\nMatch exec true\n Port 9\nMatch host !web\n Port 8\nMatch all\n Port 7\n";
        let web = read(&[("config", text)], "web").unwrap();
        assert_eq!((web.user.as_deref(), web.port), (Some("a"), Some(7)));
    }

    #[test]
    fn what_cannot_be_followed_is_named_with_its_line() {
        let said = |text: &str| read(&[("config", text)], "web").unwrap_err().to_string();
        assert!(said("User x\nPort many\n").ends_with("config:2: `many` is no port"));
        assert!(said("ProxyCommand nc %h %p\n").contains("config:1: ProxyCommand is not supported"));
        assert!(said("User \"x\n").ends_with("a quotation mark is not closed"));
        assert!(read(&[("config", "ProxyCommand none\n")], "web").is_ok());
        assert!(read(&[("config", "Host nas\nProxyCommand nc\n")], "web").is_ok());
    }
}
