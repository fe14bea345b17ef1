//! What a machine remembers of the things that we set on it: whose they are, and what was there before.
//!
//! Most of what is set inside a machine can bear no mark of its own: a package, a kernel parameter, the host's name. So the machine
//! keeps a note of each in `/var/lib/misc` (FHS 5.11: variable data that has no directory of its own; Debian's base-files brings
//! it). It is written in the same message as the change, before it. That makes ownership provable without our ledger, and what was
//! there before can be brought back when the thing goes. A note holds no secret.
use crate::{
    Failure, Owner,
    host::{Action, HostPath, HostsReader, Ownership, Spot, content::sha256, probe},
    resource::Mark,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// Where a thing inside a machine is: the machine, and its name there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The machine.
    pub spot: Spot,
    /// The name on it.
    pub name: String,
}

/// A note: whose a thing is, and what was there before it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Kept<B> {
    pub(super) mark: Mark,
    pub(super) before: B,
}

/// The longest name that stands in a note's path as it is; file systems take 255 bytes.
const LONGEST: usize = 120;

/// Where the note of a thing is.
pub(super) fn note(kind: &str, name: &str) -> HostPath {
    let word = kind.rsplit('/').next().unwrap_or(kind);
    let mut file = String::new();
    for byte in name.bytes() {
        match byte {
            b if b.is_ascii_alphanumeric() || b"._-@".contains(&b) => file.push(char::from(b)),
            b => file.push_str(&format!("%{b:02x}")),
        }
    }
    if file.len() > LONGEST {
        file = sha256(name.as_bytes());
    }
    HostPath::at(&format!("/var/lib/misc/homelab-{word}-{file}"))
}

impl<B: Serialize + DeserializeOwned> Kept<B> {
    /// A note of what is about to be made.
    pub(super) fn new(mark: &Mark, before: B) -> Self {
        Kept { mark: mark.clone(), before }
    }

    /// What the machine remembers of a thing.
    pub(super) async fn recall(kind: &str, at: &Place, cx: &HostsReader) -> Result<Option<Self>, Failure> {
        let path = note(kind, &at.name);
        let Some(bytes) = cx.ask(&at.spot, probe::read(path.clone())).await? else { return Ok(None) };
        serde_json::from_slice(&bytes).map(Some).map_err(|e| {
            Failure::stuck(format!("{path} on {} is no note of ours any more: {e}", at.spot))
                .hint("somebody changed it; remove it by hand, then take the thing over with `--adopt`")
        })
    }

    /// Writes the note down.
    pub(super) fn write(&self, kind: &str, name: &str) -> Action {
        let text = serde_json::to_string(self).unwrap_or_default();
        let owner = Some(Ownership::root());
        Action::Write { path: note(kind, name), content: format!("{text}\n").into(), mode: 0o600, owner }
    }
}

/// Removes a note.
pub(super) fn forget(kind: &str, name: &str) -> Action {
    Action::Remove(note(kind, name))
}

/// Whose a thing is, by its note.
pub(super) fn owner<B>(kept: Option<&Kept<B>>) -> Owner {
    kept.map_or(Owner::Unmarked, |kept| Owner::Marked(kept.mark.clone()))
}

/// What all resources that live on a machine and leave a note there answer alike. The module has `look`, which sees the thing at a
/// [`Place`]; with a note or without.
macro_rules! lives_on_a_machine {
    ($state:ty) => {
        $crate::host::resource::kept::lives_on_a_machine!($state, own read);

        async fn read(&self, cx: &$crate::Look<'_, $crate::host::Hosts>) -> Result<Option<$state>, $crate::Failure> {
            match self.host.spot(cx) {
                Some(spot) => look(&$crate::host::Place { spot, name: self.name.clone() }, cx).await,
                None => Ok(None),
            }
        }
    };
    ($state:ty, own read) => {
        type Provider = $crate::host::Hosts;
        type State = $state;
        type Id = $crate::host::Place;

        fn name(&self) -> &str {
            &self.name
        }
        fn site(&self) -> $crate::Site<$crate::host::Hosts> {
            $crate::host::HOSTS
        }
        fn lives_in(&self) -> Option<$crate::AnyHandle> {
            Some(self.host.machine())
        }
        async fn find(
            place: &$crate::host::Place,
            cx: &$crate::Look<'_, $crate::host::Hosts>,
        ) -> Result<Option<$state>, $crate::Failure> {
            Ok(look(place, cx).await?.filter(|state| state.kept.is_some()))
        }
        fn id(state: &$state) -> $crate::host::Place {
            state.place.clone()
        }
        fn owner(state: &$state) -> $crate::Owner {
            $crate::host::resource::kept::owner(state.kept.as_ref())
        }
    };
}
pub(super) use lives_on_a_machine;

#[cfg(test)]
mod tests {
    use super::note;

    #[test]
    fn a_note_has_a_path_of_its_own_whatever_the_name() {
        assert_eq!(note("host/package", "libstdc++6").to_string(), "/var/lib/misc/homelab-package-libstdc%2b%2b6");
        assert_eq!(note("host/cron", "a b/\n").to_string(), "/var/lib/misc/homelab-cron-a%20b%2f%0a");
        assert_eq!(note("host/x", &"y".repeat(300)).as_bytes().len(), "/var/lib/misc/homelab-x-".len() + 64);
    }
}
