//! The provider of everything that lives inside machines: all of them, each connected to when it is first asked something.
use super::{
    Action, Answer, Batch, Gather, Machine, NoAnswer, OneOff, Query, Reply, Spot, apt::Queues, cloud_init,
    together::Together,
};
use crate::{Failure, Kind, Permit, Provider, Site, ssh::SshError};
use futures_util::future::join;
use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
};

/// The site of all machines. A lab connects it with `Sites::with(HOSTS, Ssh::new())`.
pub const HOSTS: Site<Hosts> = Site::named("hosts");

/// How machines are found: over SSH, or in a simulated network.
pub trait Network: Send + Sync {
    /// The machine at a spot. Nothing is connected yet.
    ///
    /// # Errors
    /// When there can be none.
    fn machine(&self, spot: &Spot) -> Result<Arc<dyn Machine>, SshError>;

    /// A key for one machine that is about to be made, which nobody else will know.
    ///
    /// # Errors
    /// When there are no random numbers to make it from, and where nobody makes machines.
    fn one_off(&self) -> Result<Arc<dyn OneOff>, SshError> {
        Err(SshError::Handshake {
            host: "a new machine".into(),
            reason: "nobody makes machines in this network".into(),
        })
    }
}

/// All machines that can be logged in to.
pub struct Hosts(Arc<Fleet>);

struct Fleet {
    network: Box<dyn Network>,
    machines: Mutex<HashMap<Spot, Arc<dyn Machine>>>,
    queues: Queues,
    /// Machines that cloud-init has done with, or never had anything to do with.
    set_up: Mutex<HashSet<Spot>>,
}

impl Fleet {
    /// A machine, the same for all who ask, so that one connection serves them all.
    fn machine(&self, spot: &Spot) -> Result<Arc<dyn Machine>, Failure> {
        let mut machines = self.machines.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(machine) = machines.get(spot) {
            return Ok(Arc::clone(machine));
        }
        let machine: Arc<dyn Machine> = Arc::new(Together::of(self.network.machine(spot)?));
        machines.insert(spot.clone(), Arc::clone(&machine));
        Ok(machine)
    }
}

impl Hosts {
    /// The machines of a network.
    #[must_use]
    pub fn of(network: impl Network + 'static) -> Self {
        Hosts(Arc::new(Fleet {
            network: Box::new(network),
            machines: Mutex::default(),
            queues: Queues::default(),
            set_up: Mutex::default(),
        }))
    }

    pub(super) fn network(&self) -> &dyn Network {
        self.0.network.as_ref()
    }

    /// apt's queues on all machines.
    pub(super) fn queues(&self) -> &Queues {
        &self.0.queues
    }

    /// The machine at a spot for somebody who has not logged in yet: over a connection of his own.
    pub(super) fn newcomer(&self, spot: &Spot) -> Result<Arc<dyn Machine>, Failure> {
        Ok(self.0.network.machine(spot)?)
    }

    /// Asks a machine, at once and afresh.
    ///
    /// # Errors
    /// When it cannot be reached, or the batch would change something.
    pub async fn ask(&self, spot: &Spot, batch: &Batch) -> Result<Vec<Reply>, Failure> {
        if !batch.is_reading() {
            return Err(Failure::new(format!("a question to {spot} would change it")));
        }
        Ok(self.0.machine(spot)?.run(batch).await?)
    }

    /// Changes a machine.
    ///
    /// # Errors
    /// When it cannot be reached, or is lost before it has answered.
    pub async fn run(&self, _permit: &Permit, spot: &Spot, batch: &Batch) -> Result<Vec<Reply>, Failure> {
        Ok(self.0.machine(spot)?.run(batch).await?)
    }

    /// The same, and an item that fails is an error; of commands only those that are [barriers](Batch::barrier) have to succeed.
    ///
    /// # Errors
    /// As [`run`](Hosts::run), and the first failure.
    pub async fn all(&self, permit: &Permit, spot: &Spot, batch: &Batch) -> Result<(), Failure> {
        for (item, reply) in batch.items().iter().zip(self.run(permit, spot, batch).await?) {
            match reply? {
                Answer::Output(output) if item.barrier && !output.is_success() => {
                    return Err(NoAnswer::output(&item.what, &output).into());
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The same for changes of which each needs those before it: the first that fails is the end of it.
    ///
    /// # Errors
    /// As [`run`](Hosts::run), and the first failure of a change, a command's status other than 0 included.
    pub async fn carry_out(
        &self,
        permit: &Permit,
        spot: &Spot,
        actions: impl IntoIterator<Item = Action>,
    ) -> Result<(), Failure> {
        let mut batch = Batch::new();
        for action in actions {
            batch.act(permit, action);
            batch.barrier();
        }
        if batch.is_empty() { Ok(()) } else { self.all(permit, spot, &batch).await }
    }
}

impl Provider for Hosts {
    type Reader = HostsReader;

    fn reader(&self) -> HostsReader {
        HostsReader { fleet: Arc::clone(&self.0), gathers: Mutex::default() }
    }

    fn kinds() -> Vec<Kind<Hosts>> {
        super::resource::kinds()
    }
}

/// One look at all machines: what is asked of one of them at the same time travels in one message.
pub struct HostsReader {
    fleet: Arc<Fleet>,
    gathers: Mutex<HashMap<Spot, Arc<Gather>>>,
}

impl HostsReader {
    /// Asks a machine. One that cloud-init still sets up is not looked at: what is seen there would not stay so.
    ///
    /// # Errors
    /// When it cannot be reached, is still being set up, or has no answer to this question.
    pub async fn ask<T>(&self, spot: &Spot, query: Query<T>) -> Result<T, Failure> {
        let gather = {
            let mut gathers = self.gathers.lock().unwrap_or_else(PoisonError::into_inner);
            match gathers.get(spot) {
                Some(gather) => Arc::clone(gather),
                None => {
                    let gather = Arc::new(Gather::of(self.fleet.machine(spot)?));
                    gathers.insert(spot.clone(), Arc::clone(&gather));
                    gather
                }
            }
        };
        let known =
            |set_up: &Mutex<HashSet<Spot>>| set_up.lock().unwrap_or_else(PoisonError::into_inner).contains(spot);
        if known(&self.fleet.set_up) {
            return gather.ask(query).await;
        }
        let (answer, set_up) = join(gather.ask(query), cloud_init::is_done(spot, &gather)).await;
        let answer = answer?;
        set_up?;
        self.fleet.set_up.lock().unwrap_or_else(PoisonError::into_inner).insert(spot.clone());
        Ok(answer)
    }
}
