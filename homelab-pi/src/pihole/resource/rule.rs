//! A rule for domains of one's own: denied or allowed, one domain or a regular expression.
use super::{Appliance, BEHIND, Behind, record::host_name};
use crate::pihole::{GroupRow, Marked, Pihole, client::part, http::Method, reader::rows};
use homelab_core::{Apply, Claim, Failure, Input, Look, Mark, NoOutputs, Owner, Resource, Site};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The group that everybody is in who is in no other.
const DEFAULT_GROUP: &str = "Default";

/// What lists and rules have in common.
#[derive(Debug, Serialize)]
pub(super) struct Common {
    pub(super) comment: String,
    pub(super) groups: Vec<Input<String>>,
    pub(super) enabled: bool,
}

impl Default for Common {
    fn default() -> Self {
        Common { comment: String::new(), groups: vec![Input::Known(DEFAULT_GROUP.to_owned())], enabled: true }
    }
}

impl Common {
    /// What is sent, with our mark.
    pub(super) async fn body(&self, cx: &Apply<'_, Pihole>) -> Result<Value, Failure> {
        let names: Vec<String> = self.groups.iter().map(|group| cx.get(group)).collect::<Result<_, _>>()?;
        let groups = ids_of(&names, &rows::<GroupRow>(cx, "groups").await?)?;
        Ok(json!({ "comment": Marked::write(&self.comment, cx.mark()), "groups": groups, "enabled": self.enabled }))
    }

    /// Puts the names of groups in the order of the code, for it means nothing to Pi-hole.
    pub(super) fn sort(&self, names: &mut [String], cx: &Look<'_, Pihole>) {
        let declared: Vec<Option<String>> = self.groups.iter().map(|group| cx.get(group)).collect();
        names.sort_by_key(|name| declared.iter().position(|d| d.as_ref() == Some(name)).unwrap_or(usize::MAX));
    }
}

pub(super) fn names_of(ids: &[u32], groups: &[GroupRow]) -> Vec<String> {
    let name = |id: &u32| groups.iter().find(|g| g.id == *id).map_or_else(|| id.to_string(), |g| g.name.clone());
    ids.iter().map(name).collect()
}

fn ids_of(names: &[String], groups: &[GroupRow]) -> Result<Vec<u32>, Failure> {
    let id = |name: &String| {
        groups.iter().find(|g| g.name == *name).map(|g| g.id).ok_or_else(|| {
            Failure::new(format!("there is no group `{name}`")).hint(
                "declare it: `ClientGroup::on(PIHOLE, \"..\")`, and use its `name()` here, so that it is made before",
            )
        })
    };
    names.iter().map(id).collect()
}

/// A rule.
#[derive(Debug, Serialize)]
pub struct DomainRule {
    #[serde(skip)]
    key: String,
    #[serde(skip)]
    site: Site<Pihole>,
    domain: String,
    kind: &'static str,
    form: &'static str,
    #[serde(flatten)]
    common: Common,
    #[serde(skip_serializing_if = "Behind::is_nothing")]
    behind: Behind,
}

impl DomainRule {
    /// This domain is blocked.
    ///
    /// # Panics
    /// When it is no domain.
    #[must_use]
    #[track_caller]
    pub fn deny(pihole: impl Into<Appliance>, domain: &str) -> DomainRule {
        DomainRule::of(pihole.into(), "deny", "exact", host_name(domain))
    }

    /// This domain is never blocked.
    ///
    /// # Panics
    /// When it is no domain.
    #[must_use]
    #[track_caller]
    pub fn allow(pihole: impl Into<Appliance>, domain: &str) -> DomainRule {
        DomainRule::of(pihole.into(), "allow", "exact", host_name(domain))
    }

    /// Domains that match are blocked. The expression is Pi-hole's own kind (POSIX, with `;querytype=` and the like); it says
    /// itself when it is wrong.
    #[must_use]
    pub fn deny_regex(pihole: impl Into<Appliance>, expression: &str) -> DomainRule {
        DomainRule::of(pihole.into(), "deny", "regex", expression.to_owned())
    }

    /// Domains that match are never blocked.
    #[must_use]
    pub fn allow_regex(pihole: impl Into<Appliance>, expression: &str) -> DomainRule {
        DomainRule::of(pihole.into(), "allow", "regex", expression.to_owned())
    }

    fn of(on: Appliance, kind: &'static str, form: &'static str, domain: String) -> DomainRule {
        DomainRule {
            key: on.name(&format!("{kind}/{form}/{domain}")),
            site: on.site(),
            domain,
            kind,
            form,
            common: Common::default(),
            behind: Behind::of(on),
        }
    }

    /// With these words beside it in the web page.
    #[must_use]
    pub fn comment(mut self, words: impl Into<String>) -> DomainRule {
        self.common.comment = words.into();
        self
    }

    /// For these groups instead of the default one.
    #[must_use]
    pub fn groups<G: Into<Input<String>>>(mut self, names: impl IntoIterator<Item = G>) -> DomainRule {
        self.common.groups = names.into_iter().map(Into::into).collect();
        self
    }

    /// There, and without effect.
    #[must_use]
    pub fn disabled(mut self) -> DomainRule {
        self.common.enabled = false;
        self
    }
}

/// A rule as it was seen.
#[derive(Debug, Serialize)]
pub struct DomainRuleState {
    /// The domain or the expression.
    pub domain: String,
    /// `deny` or `allow`.
    pub kind: String,
    /// `exact` or `regex`.
    pub form: String,
    /// The words beside it.
    pub comment: String,
    /// The names of its groups.
    pub groups: Vec<String>,
    /// Whether it counts.
    pub enabled: bool,
    #[serde(skip)]
    mark: Option<Mark>,
}

/// How a rule is found again.
#[derive(Debug, Serialize, Deserialize)]
pub struct RuleId {
    kind: String,
    form: String,
    domain: String,
}

async fn state(id: &RuleId, cx: &Look<'_, Pihole>) -> Result<Option<DomainRuleState>, Failure> {
    let rows = cx.domains().await?;
    let row = rows.iter().find(|row| row.kind == id.kind && row.form == id.form && row.domain == id.domain);
    let Some(row) = row else { return Ok(None) };
    let Marked { words, mark } = Marked::read(row.comment.as_deref());
    Ok(Some(DomainRuleState {
        domain: row.domain.clone(),
        kind: row.kind.clone(),
        form: row.form.clone(),
        comment: words,
        groups: names_of(&row.groups, cx.groups().await?),
        enabled: row.enabled,
        mark,
    }))
}

impl Resource for DomainRule {
    const KIND: &'static str = "pi/domain-rule";
    const WRITE_ONLY: &'static [&'static str] = BEHIND;
    type Provider = Pihole;
    type State = DomainRuleState;
    type Id = RuleId;
    type Outputs = NoOutputs;

    fn name(&self) -> &str {
        &self.key
    }
    fn site(&self) -> Site<Pihole> {
        self.site
    }
    fn claims(&self) -> Vec<Claim> {
        // The same domain allowed and denied is a mistake of somebody's.
        vec![Claim::new("rule", format!("{} {}", self.form, self.domain)).within(self.site.name())]
    }

    async fn read(&self, cx: &Look<'_, Pihole>) -> Result<Option<DomainRuleState>, Failure> {
        if !self.behind.is_open(cx) {
            return Ok(None);
        }
        let id = RuleId { kind: self.kind.into(), form: self.form.into(), domain: self.domain.clone() };
        Ok(state(&id, cx).await?.map(|mut state| {
            self.common.sort(&mut state.groups, cx);
            state
        }))
    }

    async fn find(id: &RuleId, cx: &Look<'_, Pihole>) -> Result<Option<DomainRuleState>, Failure> {
        state(id, cx).await
    }

    async fn survey(cx: &Look<'_, Pihole>) -> Result<Vec<DomainRuleState>, Failure> {
        let mut found = vec![];
        for row in cx.domains().await? {
            let id = RuleId { kind: row.kind.clone(), form: row.form.clone(), domain: row.domain.clone() };
            found.extend(state(&id, cx).await?.filter(|state| state.mark.is_some()));
        }
        Ok(found)
    }

    fn id(state: &DomainRuleState) -> RuleId {
        RuleId { kind: state.kind.clone(), form: state.form.clone(), domain: state.domain.clone() }
    }
    fn planned_id(&self) -> Option<RuleId> {
        Some(RuleId { kind: self.kind.into(), form: self.form.into(), domain: self.domain.clone() })
    }
    fn owner(state: &DomainRuleState) -> Owner {
        state.mark.clone().map_or(Owner::Unmarked, Owner::Marked)
    }

    async fn apply(&self, now: Option<&DomainRuleState>, cx: &Apply<'_, Pihole>) -> Result<(), Failure> {
        let mut body = self.common.body(cx).await?;
        let path = format!("/domains/{}/{}", self.kind, self.form);
        if now.is_none() {
            body["domain"] = json!(self.domain);
            cx.write(cx.permit(), Method::Post, &path, Some(body)).await?;
        } else {
            cx.write(cx.permit(), Method::Put, &format!("{path}/{}", part(&self.domain)), Some(body)).await?;
        }
        Ok(())
    }

    async fn delete(state: &DomainRuleState, cx: &Apply<'_, Pihole>) -> Result<(), Failure> {
        let path = format!("/domains/{}/{}/{}", state.kind, state.form, part(&state.domain));
        cx.write(cx.permit(), Method::Delete, &path, None).await.map(drop)
    }
}
