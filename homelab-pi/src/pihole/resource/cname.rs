//! Another name of a host: a line of `dns.cnameRecords`. Each change of them makes FTL start anew, for about a second.
use super::{Appliance, BEHIND, Behind, one_at_a_time, record::host_name};
use crate::pihole::{Pihole, reader::lines};
use homelab_core::{
    Apply, Claim, Failure, Input, Lock, Look, NoOutputs, Resource, Site,
    plan::{Action, Change, Note, NoteKind},
};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// Another name of a host.
#[derive(Debug, Serialize)]
pub struct Cname {
    #[serde(skip)]
    key: String,
    #[serde(skip)]
    site: Site<Pihole>,
    alias: String,
    target: Input<String>,
    ttl: Option<u32>,
    #[serde(skip_serializing_if = "Behind::is_nothing")]
    behind: Behind,
}

impl Cname {
    /// `alias` is another name of `target`: a name, or the `name()` of a record of this lab.
    ///
    /// # Panics
    /// When the alias is no host name.
    #[must_use]
    #[track_caller]
    pub fn on(pihole: impl Into<Appliance>, alias: &str, target: impl Into<Input<String>>) -> Cname {
        let (on, alias) = (pihole.into(), host_name(alias));
        Cname { key: on.name(&alias), site: on.site(), alias, target: target.into(), ttl: None, behind: Behind::of(on) }
    }

    /// How long others may remember it, in seconds.
    #[must_use]
    pub fn ttl(mut self, seconds: u32) -> Cname {
        self.ttl = Some(seconds);
        self
    }
}

/// Another name as it was seen.
#[derive(Debug, Serialize)]
pub struct CnameState {
    /// The name.
    pub alias: String,
    /// What it stands for.
    pub target: String,
    /// How long others may remember it, in seconds.
    pub ttl: Option<u32>,
}

/// How another name is found again.
#[derive(Debug, Serialize, Deserialize)]
pub struct CnameId {
    alias: String,
}

/// A line is `alias[,alias..],target[,ttl]`.
fn parse(line: &str) -> Option<(Vec<&str>, &str, Option<u32>)> {
    let mut fields: Vec<&str> = line.split(',').map(str::trim).collect();
    let ttl = fields.last()?.parse().ok();
    if ttl.is_some() {
        fields.pop();
    }
    let target = fields.pop()?;
    (!fields.is_empty()).then_some((fields, target, ttl))
}

fn state(alias: &str, records: &[String]) -> Option<CnameState> {
    let found = records.iter().filter_map(|line| parse(line)).find(|(aliases, ..)| aliases.contains(&alias));
    found.map(|(_, target, ttl)| CnameState { alias: alias.to_owned(), target: target.to_owned(), ttl })
}

impl Resource for Cname {
    const KIND: &'static str = "pi/cname";
    const WRITE_ONLY: &'static [&'static str] = BEHIND;
    type Provider = Pihole;
    type State = CnameState;
    type Id = CnameId;
    type Outputs = NoOutputs;

    fn name(&self) -> &str {
        &self.key
    }
    fn site(&self) -> Site<Pihole> {
        self.site
    }
    fn claims(&self) -> Vec<Claim> {
        vec![Claim::new("name", &self.alias).within(self.site.name())]
    }
    fn locks(&self) -> Vec<Lock> {
        one_at_a_time(self.site)
    }
    fn review(&self, _: Option<&CnameState>, _: Action, _: &[Change]) -> Vec<Note> {
        vec![Note::new(NoteKind::Downtime, "Pi-hole starts its name service anew: no answers for about a second")]
    }

    async fn read(&self, cx: &Look<'_, Pihole>) -> Result<Option<CnameState>, Failure> {
        if !self.behind.is_open(cx) {
            return Ok(None);
        }
        Ok(state(&self.alias, &cx.cnames().await?))
    }

    async fn find(id: &CnameId, cx: &Look<'_, Pihole>) -> Result<Option<CnameState>, Failure> {
        Ok(state(&id.alias, &cx.cnames().await?))
    }

    fn id(state: &CnameState) -> CnameId {
        CnameId { alias: state.alias.clone() }
    }
    fn planned_id(&self) -> Option<CnameId> {
        Some(CnameId { alias: self.alias.clone() })
    }

    async fn apply(&self, _: Option<&CnameState>, cx: &Apply<'_, Pihole>) -> Result<(), Failure> {
        let target = cx.get(&self.target)?;
        let ttl = self.ttl.map(|ttl| format!(",{ttl}")).unwrap_or_default();
        change(cx, &self.alias, Some(format!("{},{target}{ttl}", self.alias))).await
    }

    async fn delete(state: &CnameState, cx: &Apply<'_, Pihole>) -> Result<(), Failure> {
        change(cx, &state.alias, None).await
    }
}

/// Replaces the alias's line, all in one change: two would be two restarts.
async fn change(cx: &Apply<'_, Pihole>, alias: &str, line: Option<String>) -> Result<(), Failure> {
    let _held = cx.writing().await;
    let records = lines(&cx.fetch("/config/dns/cnameRecords").await?["config"]["dns"]["cnameRecords"]);
    let mut changed: Vec<String> = vec![];
    for old in &records {
        match parse(old) {
            // A person's line may have more aliases: those stay.
            Some((aliases, target, ttl)) if aliases.contains(&alias) => {
                let mut rest: Vec<String> = aliases.into_iter().filter(|a| *a != alias).map(str::to_owned).collect();
                if !rest.is_empty() {
                    rest.push(target.to_owned());
                    rest.extend(ttl.map(|ttl| ttl.to_string()));
                    changed.push(rest.join(","));
                }
            }
            _ => changed.push(old.clone()),
        }
    }
    changed.extend(line);
    if changed == records {
        return Ok(());
    }
    cx.configure(cx.permit(), json!({ "dns": { "cnameRecords": changed } }), true).await.map(drop)
}
