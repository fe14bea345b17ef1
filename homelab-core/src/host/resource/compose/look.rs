//! What is seen of a stack: its files, and how its containers are.
use crate::{
    Failure,
    host::{Command, HostPath, HostsReader, Output, Place, content::sha256, probe, resource::kept::Kept},
};
use futures_util::future::{try_join, try_join_all, try_join3};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Where stacks have their files.
pub(super) const STACKS: &str = "/opt/stacks";
/// A service as it should be.
pub(super) const RUNNING: &str = "running";

/// What the machine's note of a stack says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Before {
    /// The files that are ours, below the stack's directory.
    pub(super) files: Vec<String>,
    /// What the containers were last started with.
    pub(super) applied: Option<Applied>,
}

/// The hashes of what containers were started with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Applied {
    /// Of all files.
    pub(super) all: String,
    /// Of those that Compose does not watch: a container that has one of them mounted must be made anew.
    pub(super) mounted: String,
}

impl Applied {
    /// Of these files.
    pub(super) fn of<'f>(files: impl Iterator<Item = (&'f str, &'f [u8])>) -> Self {
        let (mut all, mut mounted) = (String::new(), String::new());
        for (name, content) in files {
            let line = format!("{} {name}\n", sha256(content));
            all.push_str(&line);
            if name != COMPOSE && name != ENV {
                mounted.push_str(&line);
            }
        }
        Applied { all: sha256(all.as_bytes()), mounted: sha256(mounted.as_bytes()) }
    }
}

/// The Compose file, below the stack's directory.
pub(super) const COMPOSE: &str = "compose.yaml";
/// The values that it uses.
pub(super) const ENV: &str = ".env";

/// The directory of a stack.
pub(super) fn dir(name: &str) -> String {
    format!("{STACKS}/{name}")
}

/// A path below the directory of a stack.
///
/// # Errors
/// When it has a NUL.
pub(super) fn path(stack: &str, file: &str) -> Result<HostPath, Failure> {
    HostPath::new(format!("{}/{file}", dir(stack))).map_err(Into::into)
}

/// `docker compose` about a stack.
pub(super) fn compose(stack: &str) -> Command {
    Command::new("docker").args(["compose", "--project-name", stack])
}

/// What is seen of a stack.
#[derive(Clone, Debug, Serialize)]
pub struct StackState {
    /// The Compose file.
    pub compose: Option<String>,
    /// The values that it uses and that may be seen.
    pub env: BTreeMap<String, String>,
    /// How those stand that may not.
    pub secrets: BTreeMap<String, String>,
    /// Values that somebody else added.
    pub more: Vec<String>,
    /// The other files that may be seen.
    pub files: BTreeMap<String, String>,
    /// How each service is: `running`, `running (unhealthy)`, `exited (1)`.
    pub services: BTreeMap<String, String>,
    /// Services that run and are in the file no more.
    pub orphans: Vec<String>,
    /// Whether the containers were started with just these files.
    pub applied: bool,
    /// The stack's directory.
    pub directory: String,
    #[serde(skip)]
    pub(super) has_docker: bool,
    #[serde(skip)]
    pub(super) has_directory: bool,
    #[serde(skip)]
    pub(super) place: Place,
    #[serde(skip)]
    pub(super) kept: Option<Kept<Before>>,
}

impl StackState {
    /// What was found, as far as it can be told without what was declared.
    pub(super) fn of(found: Found, place: Place) -> Self {
        let shown = found.files.keys().filter(|name| *name != COMPOSE && *name != ENV);
        StackState {
            compose: found.text(COMPOSE),
            env: BTreeMap::new(),
            secrets: BTreeMap::new(),
            more: vec![],
            files: shown.filter_map(|name| Some((name.clone(), found.text(name)?))).collect(),
            applied: found.is_applied(),
            directory: dir(&place.name),
            orphans: vec![],
            has_docker: found.has_docker,
            has_directory: found.has_directory,
            services: found.services,
            place,
            kept: found.kept,
        }
    }
}

/// A stack as it is on the machine, before it is compared with what was declared.
pub(super) struct Found {
    pub(super) kept: Option<Kept<Before>>,
    pub(super) files: BTreeMap<String, Vec<u8>>,
    pub(super) services: BTreeMap<String, String>,
    pub(super) has_docker: bool,
    pub(super) has_directory: bool,
}

impl Found {
    /// The content of a file as text.
    pub(super) fn text(&self, file: &str) -> Option<String> {
        self.files.get(file).map(|bytes| String::from_utf8_lossy(bytes).into_owned())
    }

    /// Whether anything of the stack is there.
    pub(super) fn is_there(&self) -> bool {
        self.kept.is_some() || self.files.contains_key(COMPOSE) || !self.services.is_empty()
    }

    /// Whether the containers were started with these files.
    pub(super) fn is_applied(&self) -> bool {
        let now = Applied::of(self.files.iter().map(|(name, content)| (name.as_str(), content.as_slice())));
        self.kept.as_ref().and_then(|k| k.before.applied.as_ref()).is_some_and(|applied| applied.all == now.all)
    }
}

/// Looks, in one message if the declared files are all that there are.
pub(super) async fn observe(
    place: &Place,
    declared: impl Iterator<Item = &str>,
    cx: &HostsReader,
) -> Result<Found, Failure> {
    let stack = &place.name;
    let read = |file: String| async move {
        let content = cx.ask(&place.spot, probe::read(path(stack, &file)?)).await?;
        Ok::<_, Failure>(content.map(|content| (file, content)))
    };
    let list = compose(stack).args(["ps", "--all", "--format", "json"]);
    let containers = cx.ask(&place.spot, probe::command(list));
    let directory = cx.ask(&place.spot, probe::stat(HostPath::new(dir(stack))?));
    let kept = Kept::<Before>::recall(super::stack::KIND, place, cx);
    let declared: Vec<String> = declared.map(str::to_owned).collect();
    let known = try_join_all(declared.iter().cloned().map(read));
    let ((kept, containers, directory), known) = try_join(try_join3(kept, containers, directory), known).await?;
    let others = kept.iter().flat_map(|k| &k.before.files).filter(|file| !declared.contains(file)).cloned();
    let others = try_join_all(others.map(read)).await?;
    let files = known.into_iter().chain(others).flatten().collect();
    let (has_docker, has_directory) = (containers.status != 127, directory.is_some());
    Ok(Found { kept, files, services: services(&containers), has_docker, has_directory })
}

/// A container as `docker compose ps` lists it. Source: Docker's documentation of `docker compose ps --format json`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    service: String,
    state: String,
    #[serde(default)]
    health: String,
    #[serde(default)]
    exit_code: i64,
}

/// How each service is. Newer releases print an object a line, older ones an array.
fn services(listed: &Output) -> BTreeMap<String, String> {
    let text = listed.text();
    let all: Vec<Listed> = match text.starts_with('[') {
        true => serde_json::from_str(&text).unwrap_or_default(),
        false => text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect(),
    };
    let mut services = BTreeMap::new();
    for container in all {
        let word = match (container.state.as_str(), container.health.as_str()) {
            ("running", "" | "healthy") => RUNNING.to_owned(),
            ("running", health) => format!("running ({health})"),
            ("exited", _) => format!("exited ({})", container.exit_code),
            (state, _) => state.to_owned(),
        };
        // Of several containers of a service the one that is worst off counts.
        let entry = services.entry(container.service).or_insert_with(|| word.clone());
        if word != RUNNING {
            *entry = word;
        }
    }
    services
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containers_are_read_from_lines_and_from_an_array() {
        let one = r#"{"Service":"web","State":"running","Health":"healthy","ExitCode":0}"#;
        let two = r#"{"Service":"db","State":"exited","Health":"","ExitCode":1}"#;
        let said = |text: String| Output { status: 0, stdout: text.into_bytes(), stderr: vec![] };
        let wanted = BTreeMap::from([("db".to_owned(), "exited (1)".to_owned()), ("web".into(), "running".into())]);
        assert_eq!(services(&said(format!("{one}\n{two}\n"))), wanted);
        assert_eq!(services(&said(format!("[{one},{two}]"))), wanted);
        assert_eq!(services(&said(String::new())), BTreeMap::new());
    }

    #[test]
    fn a_service_is_as_well_as_its_worst_container() {
        let text = "{\"Service\":\"w\",\"State\":\"running\",\"Health\":\"unhealthy\"}\n{\"Service\":\"w\",\"State\":\"running\"}";
        let found = services(&Output { status: 0, stdout: text.into(), stderr: vec![] });
        assert_eq!(found["w"], "running (unhealthy)");
    }
}
