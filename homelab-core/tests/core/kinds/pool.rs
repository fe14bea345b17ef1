//! A pool whose disks come from a controller that was passed to a guest.
use super::vm::{Disk, Vm};
use crate::world::{NAS, Nas};
use homelab_core::{Apply, Claim, Failure, Handle, Input, Look, Mark, Owner, Resource, Site, outputs};
use serde::Serialize;
use std::net::Ipv4Addr;

#[derive(Serialize)]
pub struct Pool {
    #[serde(skip)]
    name: &'static str,
    nas: Input<Ipv4Addr>,
    disks: Vec<&'static str>,
}

impl Pool {
    pub fn of<const N: usize>(name: &'static str, nas: Handle<Vm>, disks: [Disk; N]) -> Pool {
        const { assert!(N >= 2, "a mirror needs two disks") };
        let disks = disks.into_iter().map(|d| d.serial).collect();
        Pool { name, nas: nas.ip().into(), disks }
    }
}

#[derive(Serialize)]
pub struct PoolState {
    name: String,
    disks: Vec<String>,
    #[serde(skip)]
    mark: Option<Mark>,
}
outputs!(PoolOutputs of PoolState { name: String });

impl Resource for Pool {
    const KIND: &'static str = "toy/pool";
    const PROTECTED: bool = true;
    /// Where it is made, and asked about; a pool does not know its NAS.
    const WRITE_ONLY: &'static [&'static str] = &["nas"];
    const REPLACE_ON: &'static [&'static str] = &["disks"];
    type Provider = Nas;
    type State = PoolState;
    type Id = String;
    type Outputs = PoolOutputs;
    fn name(&self) -> &str {
        self.name
    }
    fn site(&self) -> Site<Nas> {
        NAS
    }
    fn claims(&self) -> Vec<Claim> {
        self.disks.iter().map(|d| Claim::new("disk", d)).chain([Claim::new("pool", self.name)]).collect()
    }
    // It needs the guest, but it does not live in it: its disks do not go when the guest is made anew.
    async fn read(&self, cx: &Look<'_, Nas>) -> Result<Option<PoolState>, Failure> {
        // Nobody can ask a NAS that does not exist.
        if cx.get(&self.nas).is_none() {
            return Ok(None);
        }
        Self::find(&self.name.to_owned(), cx).await
    }
    async fn find(name: &String, cx: &Look<'_, Nas>) -> Result<Option<PoolState>, Failure> {
        cx.call(false, |s| {
            Ok(s.pools.get(name).map(|(disks, mark)| PoolState {
                name: name.clone(),
                disks: disks.clone(),
                mark: mark.clone(),
            }))
        })
        .await
    }
    fn id(state: &PoolState) -> String {
        state.name.clone()
    }
    fn owner(state: &PoolState) -> Owner {
        state.mark.clone().map_or(Owner::Unmarked, Owner::Marked)
    }
    fn data(state: &PoolState) -> Vec<String> {
        vec![format!("pool {} on {} disks", state.name, state.disks.len())]
    }
    async fn apply(&self, _: Option<&PoolState>, cx: &Apply<'_, Nas>) -> Result<(), Failure> {
        let (ip, mark) = (cx.get(&self.nas)?, cx.mark().clone());
        // The kernel's names are looked up just before they are used.
        let names =
            cx.0.call(false, |s| {
                let guest = s.guests.values().find(|g| g.ip == ip).ok_or_else(|| Failure::new("the NAS is gone"))?;
                Ok(s.disks_of(guest))
            })
            .await?;
        let kernel: Vec<String> = self
            .disks
            .iter()
            .map(|d| {
                names.get(*d).cloned().ok_or_else(|| Failure::new(format!("disk {d} is not to be seen on the NAS")))
            })
            .collect::<Result<_, _>>()?;
        assert!(kernel.iter().all(|k| k.starts_with("sd")));
        let disks = self.disks.iter().map(ToString::to_string).collect();
        cx.write(cx.permit(), |s| {
            s.pools.insert(self.name.to_owned(), (disks, Some(mark)));
            Ok(())
        })
        .await
    }
    async fn delete(state: &PoolState, cx: &Apply<'_, Nas>) -> Result<(), Failure> {
        cx.write(cx.permit(), |s| {
            s.pools.remove(&state.name);
            Ok(())
        })
        .await
    }
}
