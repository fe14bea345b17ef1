//! The Pis of a sandbox: machines of its network, each with its name server on loopback, and a reader with one card.
use super::{
    SimBuilder, SimCards, SimPi,
    pihole::{Loopback, server},
};
use crate::{
    Pi, Pis,
    deploy::{Answers, FromHere},
};
use homelab_core::{
    Connecting, Failure, Sandbox,
    host::Hosts,
    sim::{Net, Wire},
};
use std::sync::Arc;

/// Starts, or goes on with, the simulated Pis below the sandbox's directory.
pub(crate) fn sandbox<'a>(pis: &'a [Pi], sandbox: &'a Sandbox) -> Connecting<'a, Pis> {
    Box::pin(begin(pis, sandbox))
}

async fn begin(pis: &[Pi], sandbox: &Sandbox) -> Result<Pis, Failure> {
    let net = Net::of(sandbox)?;
    let failed = |e: std::io::Error| Failure::new(format!("the sandbox cannot keep its Pis: {e}"));
    let stage = sandbox.dir().join("pi");
    std::fs::create_dir_all(&stage).map_err(failed)?;
    let (mut all, mut servers, mut apis) = (vec![], vec![], vec![]);
    for pi in pis {
        let lists: Vec<String> = pi.dns.lists.keys().cloned().collect();
        let blocked: Vec<String> = pi.dns.blocked.iter().cloned().collect();
        let server = server(sandbox, pi.address.ip(), &[], &lists, &blocked).await?;
        let file = sandbox.dir().join(format!("pi-{}.json", pi.name));
        all.push(SimPi::kept(&net, pi, file, server.sim.clone())?);
        apis.push((pi.name, server.client()));
        servers.push(server);
    }
    let answers: Arc<dyn Answers> = Arc::new(FromHere::over(Arc::new(Loopback(servers))));
    let builder = SimBuilder::new(all).into_dir(&stage);
    let site = Pis::new(Hosts::of(Wire(net)), Arc::new(builder), answers);
    let site = site.with(pis.to_vec()).cards(Arc::new(SimCards::within(&stage))).stage(&stage);
    Ok(apis.into_iter().fold(site, |site, (name, api)| site.api(name, api)))
}
