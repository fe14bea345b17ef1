//! What is put on a machine that is made to be copied: a lab of its own, of one machine, inside of a step of another.
//!
//! It is declared with the same resources as what is on a machine that runs, checked when the lab is assembled, and carried out by
//! the same engine: looked at, planned, done, read back. What differs is what it is done to. The machine is new, so what is there
//! came with its image and asks no question; nothing is remembered, for a machine that was cut off is thrown away; and in the
//! end it is sealed: nothing is left on it that is its own.
mod prepare;
mod seal;

use super::{HOSTS, Unsealed};
use crate::{
    Diagnostic, Graph, Handle, Invalid, Lab, graph::Vertex, host::content::sha256, output::NodeId, units::HostAddr,
};
use serde::{Serialize, Serializer};
use std::{fmt, panic::Location};

/// How many hexadecimal digits of a digest tell one part from another.
const SHORT: usize = 8;

/// What is put on a machine before it is copied.
///
/// ```
/// use homelab_core::{host::{Package, Recipe, SshHardening}, units::Network};
/// const LAN: Network = Network::new("LAN", [192, 168, 0, 0], 24);
/// let recipe = Recipe::of("ubuntu", LAN.host(250), "ubuntu", |lab, machine| {
///     lab.add(SshHardening::on(machine));
///     lab.add(Package::on(machine, "htop"));
/// });
/// assert!(recipe.problems().is_empty());
/// assert_eq!(recipe.parts()[1].key, "host/package/ubuntu/htop");
/// ```
///
/// A machine that is copied to everybody holds no secret:
///
/// ```
/// # use homelab_core::{Secret, host::{File, Recipe}, text, units::Network};
/// # const LAN: Network = Network::new("LAN", [192, 168, 0, 0], 24);
/// let recipe = Recipe::of("ubuntu", LAN.host(250), "ubuntu", |lab, machine| {
///     lab.add(File::on(machine, "/etc/token", text![Secret::named("TOKEN")]));
/// });
/// assert!(recipe.problems()[0].message.contains("TOKEN"));
/// ```
pub struct Recipe {
    address: HostAddr,
    login: &'static str,
    graph: Option<Graph>,
    problems: Vec<Diagnostic>,
    parts: Vec<Part>,
}

/// A part of a recipe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Its key: `host/package/ubuntu/htop`.
    pub key: String,
    /// The line that added it.
    pub at: &'static Location<'static>,
    /// What it is and what it says, in short: the digests of its key and of its specification.
    pub digest: String,
}

impl Part {
    /// Whether something of the same key has this digest, whatever it said.
    #[must_use]
    pub fn is_of(&self, digest: &str) -> bool {
        self.digest.get(..SHORT) == digest.get(..SHORT)
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}  {}:{}", self.key, self.at.file(), self.at.line())
    }
}

impl Recipe {
    /// The recipe for a machine of this name, that has an address of its own while it is made and lets in the user `login` of its
    /// image.
    #[track_caller]
    pub fn of(
        name: &str,
        address: HostAddr,
        login: &'static str,
        declare: impl FnOnce(&mut Lab, Handle<Unsealed>),
    ) -> Recipe {
        let mut lab = Lab::recipe();
        let machine = lab.add(Unsealed::new(name, address.ip(), login));
        declare(&mut lab, machine);
        let mut recipe = Recipe { address, login, graph: None, problems: vec![], parts: vec![] };
        match lab.build() {
            Err(Invalid(problems)) => recipe.problems = problems,
            Ok(graph) => {
                recipe.problems = graph.ids().skip(1).filter_map(|id| unfit(&graph, id)).collect();
                recipe.parts = graph.ids().skip(1).map(|id| part(&graph, id)).collect();
                recipe.graph = Some(graph);
            }
        }
        recipe
    }

    /// The address that the machine has while it is made.
    #[must_use]
    pub fn address(&self) -> HostAddr {
        self.address
    }

    /// The user that its image lets in.
    #[must_use]
    pub fn login(&self) -> &'static str {
        self.login
    }

    /// What is wrong with it.
    #[must_use]
    pub fn problems(&self) -> &[Diagnostic] {
        &self.problems
    }

    /// What is put on the machine, in the order of its declaration.
    #[must_use]
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }
}

/// What cannot be on a machine that is copied to everybody.
fn unfit(graph: &Graph, id: NodeId) -> Option<Diagnostic> {
    let vertex = graph.vertex(id);
    let problem = if let Some(secret) = vertex.spec.secrets().first() {
        Diagnostic::error(format!(
            "the secret {secret} would be copied to every guest that is cloned from the template"
        ))
        .hint("put what needs it on the guests themselves: `File::on(guest, ..)`")
    } else if vertex.node.site() != HOSTS.name() || graph.within(id).is_none() {
        Diagnostic::error("it is not on the machine that becomes the template")
            .hint("a recipe takes what is put on the machine that it is given: `Package::on(machine, ..)`")
    } else {
        return None;
    };
    Some(problem.at(&vertex.key, vertex.at))
}

fn part(graph: &Graph, id: NodeId) -> Part {
    let Vertex { key, spec, at, .. } = graph.vertex(id);
    let said = spec.named(&|id| graph.key(id).to_owned()).to_string();
    let short = |text: &str| sha256(text.as_bytes())[..SHORT].to_owned();
    Part { key: key.clone(), at, digest: format!("{}{}", short(key), short(&said)) }
}

/// The digests of its parts: what makes one machine another.
impl Serialize for Recipe {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_seq(self.parts.iter().map(|part| &part.digest))
    }
}

impl fmt::Debug for Recipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.parts.iter().map(|part| &part.key)).finish()
    }
}

#[cfg(test)]
mod tests;
