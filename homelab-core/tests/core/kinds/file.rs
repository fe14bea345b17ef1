//! A file on a machine whose address is an output.
use super::vm::Vm;
use crate::world::{FLEET, Fleet};
use homelab_core::{AnyHandle, Apply, Claim, Failure, Handle, Input, Look, Resource, Site, outputs};
use serde::Serialize;
use std::net::Ipv4Addr;

/// A file on a machine of which nobody knows the address before it runs. It bears no mark: the ledger is the witness.
#[derive(Serialize)]
pub struct File {
    #[serde(skip)]
    name: String,
    on: Input<Ipv4Addr>,
    content: String,
    #[serde(skip)]
    machine: AnyHandle,
}

pub fn file(on: Handle<Vm>, name: &str, content: &str) -> File {
    File { name: name.into(), on: on.ip().into(), content: content.into(), machine: on.into() }
}

#[derive(Serialize)]
pub struct FileState {
    on: Ipv4Addr,
    #[serde(skip)]
    path: String,
    content: String,
}
outputs!(FileOutputs of FileState { content: String });

impl Resource for File {
    const KIND: &'static str = "toy/file";
    const COMMON: bool = true;
    type Provider = Fleet;
    type State = FileState;
    type Id = (Ipv4Addr, String);
    type Outputs = FileOutputs;
    fn name(&self) -> &str {
        &self.name
    }
    fn site(&self) -> Site<Fleet> {
        FLEET
    }
    fn lives_in(&self) -> Option<AnyHandle> {
        Some(self.machine)
    }
    /// A content that begins with `pool ` names one.
    fn uses(&self) -> Vec<Claim> {
        self.content.strip_prefix("pool ").map(|pool| Claim::new("pool", pool)).into_iter().collect()
    }
    async fn read(&self, cx: &Look<'_, Fleet>) -> Result<Option<FileState>, Failure> {
        match cx.get(&self.on) {
            Some(on) => Self::find(&(on, self.name.clone()), cx).await,
            None => Ok(None),
        }
    }
    async fn find((on, path): &Self::Id, cx: &Look<'_, Fleet>) -> Result<Option<FileState>, Failure> {
        cx.call(false, |s| {
            if s.silent.contains(on) {
                return Err(Failure::passing(format!("{on} does not answer")));
            }
            let content = s.files.get(on).and_then(|m| m.get(path)).cloned();
            Ok(content.map(|content| FileState { on: *on, path: path.clone(), content }))
        })
        .await
    }
    fn id(state: &FileState) -> Self::Id {
        (state.on, state.path.clone())
    }
    async fn apply(&self, _: Option<&FileState>, cx: &Apply<'_, Fleet>) -> Result<(), Failure> {
        let on = cx.get(&self.on)?;
        cx.write(cx.permit(), |s| {
            if !s.guests.values().any(|g| g.ip == on) {
                return Err(Failure::passing(format!("{on} does not answer")));
            }
            s.files.entry(on).or_default().insert(self.name.clone(), self.content.clone());
            Ok(())
        })
        .await
    }
    async fn delete(state: &FileState, cx: &Apply<'_, Fleet>) -> Result<(), Failure> {
        cx.write(cx.permit(), |s| {
            if let Some(machine) = s.files.get_mut(&state.on) {
                machine.remove(&state.path);
                if machine.is_empty() {
                    s.files.remove(&state.on);
                }
            }
            Ok(())
        })
        .await
    }
}
