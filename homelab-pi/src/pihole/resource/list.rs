//! A list of domains that are blocked, or allowed, by its address. It counts once Pi-hole has loaded it, so it is loaded here.
use super::{Appliance, BEHIND, Behind, rule::Common};
use crate::pihole::{ListRow, Marked, Pihole, client::part, http::Method, reader::rows};
use homelab_core::{Apply, Claim, Failure, Input, Look, Mark, NoOutputs, Owner, Resource, Site, plan::Action};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::time::Duration;

/// A list of domains.
#[derive(Debug, Serialize)]
pub struct BlockList {
    #[serde(skip)]
    key: String,
    #[serde(skip)]
    site: Site<Pihole>,
    address: String,
    kind: &'static str,
    #[serde(flatten)]
    common: Common,
    /// What is not enabled is not loaded either.
    loaded: Option<bool>,
    #[serde(skip_serializing_if = "Behind::is_nothing")]
    behind: Behind,
}

impl BlockList {
    /// Domains of this list are blocked.
    ///
    /// # Panics
    /// When it is no address of the web. Pi-hole itself takes `ftp://`, and never loads it.
    #[must_use]
    #[track_caller]
    pub fn on(pihole: impl Into<Appliance>, address: &str) -> BlockList {
        BlockList::of(pihole.into(), "block", address)
    }

    /// Domains of this list are never blocked.
    ///
    /// # Panics
    /// As [`on`](BlockList::on).
    #[must_use]
    #[track_caller]
    pub fn allow(pihole: impl Into<Appliance>, address: &str) -> BlockList {
        BlockList::of(pihole.into(), "allow", address)
    }

    #[track_caller]
    fn of(on: Appliance, kind: &'static str, address: &str) -> BlockList {
        let is_web = ["https://", "http://"].iter().any(|start| address.starts_with(start));
        assert!(
            is_web && !address.contains(char::is_whitespace),
            "`{address}` is no address of a list: https://HOST/PATH, without white space"
        );
        BlockList {
            key: on.name(&format!("{kind}/{address}")),
            site: on.site(),
            address: address.to_owned(),
            kind,
            common: Common::default(),
            loaded: Some(true),
            behind: Behind::of(on),
        }
    }

    async fn row(&self, pihole: &Pihole) -> Result<Option<ListRow>, Failure> {
        let all = rows::<ListRow>(pihole, "lists").await?;
        Ok(all.into_iter().find(|row| row.kind == self.kind && row.address == self.address))
    }

    /// With these words beside it in the web page.
    #[must_use]
    pub fn comment(mut self, words: impl Into<String>) -> BlockList {
        self.common.comment = words.into();
        self
    }

    /// For these groups instead of the default one.
    #[must_use]
    pub fn groups<G: Into<Input<String>>>(mut self, names: impl IntoIterator<Item = G>) -> BlockList {
        self.common.groups = names.into_iter().map(Into::into).collect();
        self
    }

    /// There, and without effect.
    #[must_use]
    pub fn disabled(mut self) -> BlockList {
        (self.common.enabled, self.loaded) = (false, None);
        self
    }
}

/// A list as it was seen.
#[derive(Debug, Serialize)]
pub struct BlockListState {
    /// Where it comes from.
    pub address: String,
    /// `block` or `allow`.
    pub kind: String,
    /// The words beside it.
    pub comment: String,
    /// The names of its groups.
    pub groups: Vec<String>,
    /// Whether it counts.
    pub enabled: bool,
    /// Whether its domains are there.
    pub loaded: bool,
    /// How many domains it has.
    pub domains: u64,
    #[serde(skip)]
    mark: Option<Mark>,
}

/// How a list is found again.
#[derive(Debug, Serialize, Deserialize)]
pub struct ListId {
    kind: String,
    address: String,
}

/// Loaded, unchanged, or from the copy of before (3: it cannot be had any more, and still blocks).
fn is_loaded(row: &ListRow) -> bool {
    (1..=3).contains(&row.status)
}

async fn state(kind: &str, address: &str, cx: &Look<'_, Pihole>) -> Result<Option<BlockListState>, Failure> {
    let Some(row) = cx.lists().await?.iter().find(|row| row.kind == kind && row.address == address) else {
        return Ok(None);
    };
    let Marked { words, mark } = Marked::read(row.comment.as_deref());
    Ok(Some(BlockListState {
        address: row.address.clone(),
        kind: row.kind.clone(),
        comment: words,
        groups: super::rule::names_of(&row.groups, cx.groups().await?),
        enabled: row.enabled,
        loaded: is_loaded(row),
        domains: row.number,
        mark,
    }))
}

impl Resource for BlockList {
    const KIND: &'static str = "pi/blocklist";
    const WRITE_ONLY: &'static [&'static str] = BEHIND;
    type Provider = Pihole;
    type State = BlockListState;
    type Id = ListId;
    type Outputs = NoOutputs;

    fn name(&self) -> &str {
        &self.key
    }
    fn site(&self) -> Site<Pihole> {
        self.site
    }
    fn claims(&self) -> Vec<Claim> {
        vec![Claim::new("list", format!("{} {}", self.kind, self.address)).within(self.site.name())]
    }
    fn estimate(&self, action: Action) -> Duration {
        Duration::from_secs(if action == Action::Delete { 1 } else { 60 })
    }

    async fn read(&self, cx: &Look<'_, Pihole>) -> Result<Option<BlockListState>, Failure> {
        if !self.behind.is_open(cx) {
            return Ok(None);
        }
        let state = state(self.kind, &self.address, cx).await?;
        Ok(state.map(|mut state| {
            self.common.sort(&mut state.groups, cx);
            state
        }))
    }

    async fn find(id: &ListId, cx: &Look<'_, Pihole>) -> Result<Option<BlockListState>, Failure> {
        state(&id.kind, &id.address, cx).await
    }

    async fn survey(cx: &Look<'_, Pihole>) -> Result<Vec<BlockListState>, Failure> {
        let mut found = vec![];
        for row in cx.lists().await? {
            found.extend(state(&row.kind, &row.address, cx).await?.filter(|state| state.mark.is_some()));
        }
        Ok(found)
    }

    fn id(state: &BlockListState) -> ListId {
        ListId { kind: state.kind.clone(), address: state.address.clone() }
    }
    fn planned_id(&self) -> Option<ListId> {
        Some(ListId { kind: self.kind.to_owned(), address: self.address.clone() })
    }
    fn owner(state: &BlockListState) -> Owner {
        state.mark.clone().map_or(Owner::Unmarked, Owner::Marked)
    }

    async fn apply(&self, now: Option<&BlockListState>, cx: &Apply<'_, Pihole>) -> Result<(), Failure> {
        let mut body = self.common.body(cx).await?;
        let query = format!("?type={}", self.kind);
        if now.is_none() {
            body["address"] = json!(self.address);
            cx.write(cx.permit(), Method::Post, &format!("/lists{query}"), Some(body)).await?;
        } else {
            cx.write(cx.permit(), Method::Put, &format!("/lists/{}{query}", part(&self.address)), Some(body)).await?;
        }
        if self.loaded.is_none() {
            return Ok(());
        }
        // Whoever loads them serves all that were added before: the next one finds its own loaded already.
        let held = cx.loading().await;
        if !self.row(cx).await?.is_some_and(|row| is_loaded(&row)) {
            cx.progress("loads the lists", None);
            cx.load_lists(cx.permit()).await?;
        }
        drop(held);
        match self.row(cx).await? {
            Some(row) if row.status == 4 => Err(Failure::new(format!("the list {} cannot be loaded", self.address)).hint(
                "is the address right, and can the Pi reach it? `pihole -g` there says more; a list that is gone for good must leave the code",
            )),
            Some(row) if row.status == 3 => {
                cx.warn(format!("{} cannot be loaded any more; the copy of before is used", self.address));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    async fn delete(state: &BlockListState, cx: &Apply<'_, Pihole>) -> Result<(), Failure> {
        let path = format!("/lists/{}?type={}", part(&state.address), state.kind);
        cx.write(cx.permit(), Method::Delete, &path, None).await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "no address of a list")]
    fn an_address_that_pi_hole_would_take_and_never_load_is_refused() {
        let _ = BlockList::on(Site::named("pihole"), "ftp://lists.example/hosts");
    }
}
