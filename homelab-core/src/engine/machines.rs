//! The machines of a lab that can be logged in to: looked at without what is inside of them.
use super::Engine;
use crate::{Failure, facts::Facts, host::Spot, kind::Looking};
use futures_util::future::join_all;

/// A machine of the lab.
#[derive(Clone, Debug)]
pub struct Machine {
    /// Its key.
    pub key: String,
    /// Where it is logged in to; nothing while it is not made, or is off.
    pub spot: Result<Option<Spot>, Failure>,
}

impl Engine<'_> {
    /// Every machine, in the order of declaration. Reads only, and nothing but the machines and what they need.
    pub async fn machines(&self) -> Vec<Machine> {
        let mut wanted = vec![false; self.graph.len()];
        let ids: Vec<_> = self.graph.ids().collect();
        for id in ids.iter().rev() {
            wanted[id.index()] |= self.graph.vertex(*id).node.about().machine;
            if wanted[id.index()] {
                self.graph.needs(*id).for_each(|(need, _)| wanted[need.index()] = true);
            }
        }
        let readers = self.providers.readers();
        let (mut facts, mut machines) = (Facts::said_by(self.graph), vec![]);
        for wave in self.waves() {
            let wave: Vec<_> = wave.into_iter().filter(|id| wanted[id.index()]).collect();
            let (facts_so_far, readers) = (&facts, &readers);
            let reads = wave.iter().map(|id| async move {
                let vertex = self.graph.vertex(*id);
                let mark = self.mark(&vertex.key);
                vertex.node.read(Looking { readers, known: self.around(facts_so_far, &mark) }).await
            });
            for (id, seen) in wave.iter().zip(join_all(reads).await) {
                let vertex = self.graph.vertex(*id);
                if vertex.node.about().machine {
                    let login = |seen: Option<&crate::facts::Observed>| seen.and_then(|seen| seen.login.clone());
                    let spot = seen.as_ref().map(|seen| login(seen.as_ref())).map_err(Clone::clone);
                    machines.push((*id, Machine { key: vertex.key.clone(), spot }));
                }
                facts.set(*id, seen.unwrap_or_default());
            }
        }
        machines.sort_by_key(|(id, _)| *id);
        machines.into_iter().map(|(_, machine)| machine).collect()
    }
}
