//! Making a dataset, changing it, and what a plan says of both.
use super::{
    Dataset, DatasetId, DatasetOutputs, DatasetState, datasets,
    property::{INHERIT, sent},
    users,
};
use crate::{Nas, resource::mark};
use homelab_core::{
    AnyHandle, Apply, Failure, Field, Lock, Look, Owner, Resource, Site,
    plan::{Action, Change, Note},
    units::Size,
};
use serde_json::{Map, Value, json};

/// What can be set only when a dataset is made.
const FIXED: [&str; 2] = ["case_sensitive", "encryption"];

impl Resource for Dataset {
    const KIND: &'static str = "truenas/dataset";
    const PROTECTED: bool = true;
    type Provider = Nas;
    type State = DatasetState;
    type Id = DatasetId;
    type Outputs = DatasetOutputs;

    fn name(&self) -> &str {
        &self.name
    }
    fn site(&self) -> Site<Nas> {
        self.within.site
    }
    fn lives_in(&self) -> Option<AnyHandle> {
        Some(self.within.handle)
    }
    fn locks(&self) -> Vec<Lock> {
        vec![Lock::shared(format!("{}/datasets", self.within.site.name()), 4)]
    }
    fn review(&self, now: Option<&DatasetState>, action: Action, changes: &[Change]) -> Vec<Note> {
        let Some(now) = now else { return vec![] };
        let mut notes = vec![];
        if action == Action::Delete || changes.iter().any(|change| change.field == "dataset") {
            notes.extend(now.used_by.iter().map(|user| Note::info(format!("{user} goes with it"))));
            notes.extend(now.children.iter().map(|child| Note::info(format!("dataset {child} goes with it"))));
        }
        let fixed = changes.iter().map(Change::top).filter(|field| FIXED.contains(field));
        notes.extend(fixed.map(|field| {
            Note::refused(format!("{field} is set when a dataset is made and cannot be changed"))
                .hint("make another dataset and copy what is in this one, or change the code to match it")
        }));
        notes
    }
    async fn read(&self, cx: &Look<'_, Nas>) -> Result<Option<DatasetState>, Failure> {
        let Some(all) = datasets(cx).await? else { return Ok(None) };
        let named = cx.filled(&self.dataset)?;
        let marked = all.iter().find(|row| row.kind == "FILESYSTEM" && row.owner() == Owner::Marked(cx.mark().clone()));
        let Some(row) = marked.or_else(|| all.iter().find(|row| named.as_ref() == Some(&json!(row.id)))) else {
            return Ok(None);
        };
        if row.kind != "FILESYSTEM" {
            return Err(Failure::new(format!("{} is a volume and not a file system", row.id))
                .hint("give the dataset another name, or declare it as a `Zvol`"));
        }
        Ok(Some(DatasetState::of(row, &all, users::of(&row.id, cx).await?)))
    }
    /// Who is connected to what a new name would take away.
    async fn inspect(&self, now: Option<&DatasetState>, cx: &Look<'_, Nas>) -> Result<Vec<Note>, Failure> {
        let named = cx.filled(&self.dataset)?;
        let Some(now) = now.filter(|now| named.is_some_and(|named| named != json!(now.dataset))) else {
            return Ok(vec![]);
        };
        let users = users::with_clients(&now.dataset, cx).await?;
        let clients = users.into_iter().filter(|user| !now.used_by.contains(user));
        Ok(clients.map(|client| Note::info(format!("{client} breaks"))).collect())
    }
    async fn find(id: &DatasetId, cx: &Look<'_, Nas>) -> Result<Option<DatasetState>, Failure> {
        let Some(all) = datasets(cx).await? else { return Ok(None) };
        let same = |guid: Option<String>| id.guid.is_none() || guid.is_none() || guid == id.guid;
        let Some(row) = all.iter().find(|row| row.id == id.dataset && row.kind == "FILESYSTEM" && same(row.guid()))
        else {
            return Ok(None);
        };
        Ok(Some(DatasetState::of(row, &all, users::with_clients(&row.id, cx).await?)))
    }
    async fn survey(cx: &Look<'_, Nas>) -> Result<Vec<DatasetState>, Failure> {
        let Some(all) = datasets(cx).await? else { return Ok(vec![]) };
        let mut ours = vec![];
        for row in all.iter() {
            if matches!(row.owner(), Owner::Marked(mark) if mark.key.starts_with(Self::KIND)) {
                ours.push(DatasetState::of(row, &all, users::of(&row.id, cx).await?));
            }
        }
        Ok(ours)
    }
    fn id(state: &DatasetState) -> DatasetId {
        DatasetId { dataset: state.dataset.clone(), guid: state.guid.clone() }
    }
    fn owner(state: &DatasetState) -> Owner {
        state.owner.clone()
    }
    fn data(state: &DatasetState) -> Vec<String> {
        state.lost()
    }
    async fn apply(&self, now: Option<&DatasetState>, cx: &Apply<'_, Nas>) -> Result<(), Failure> {
        let name = cx.text(&self.dataset)?.expose().to_owned();
        let mark = json!([{"key": mark::PROPERTY, "value": mark::value(cx.mark())}]);
        let Some(now) = now else {
            let mut body = self.body(None);
            body.insert("name".into(), name.into());
            body.insert("type".into(), "FILESYSTEM".into());
            body.insert("user_properties".into(), mark);
            if let Some(sensitive) = self.case_sensitive {
                body.insert("casesensitivity".into(), if sensitive { "SENSITIVE" } else { "INSENSITIVE" }.into());
            }
            if let Some(encryption) = &self.encryption {
                let options = encryption.options(&cx.secret(encryption.secret())?)?;
                body.extend([("encryption".into(), true.into()), ("inherit_encryption".into(), false.into())]);
                body.insert("encryption_options".into(), options);
            }
            cx.write(cx.permit(), "pool.dataset.create", vec![body.into()]).await?;
            return Ok(());
        };
        if now.dataset != name {
            rename(cx, &now.dataset, &name, &now.used_by).await?;
        }
        if let Some(encryption) = self.encryption.filter(|_| now.locked) {
            encryption.unlock(&name, cx).await?;
        }
        let mut body = self.body(Some(now));
        if now.owner != Owner::Marked(cx.mark().clone()) {
            body.insert("user_properties_update".into(), mark);
        }
        if !body.is_empty() {
            cx.write(cx.permit(), "pool.dataset.update", vec![name.into(), body.into()]).await?;
        }
        Ok(())
    }
    async fn delete(state: &DatasetState, cx: &Apply<'_, Nas>) -> Result<(), Failure> {
        destroy(cx, &state.dataset).await
    }
}

/// Deletes a dataset that has no children: never recursively.
pub(crate) async fn destroy(cx: &Apply<'_, Nas>, dataset: &str) -> Result<(), Failure> {
    let params = vec![json!(dataset), json!({"recursive": false, "force": false})];
    match cx.write(cx.permit(), "pool.dataset.delete", params).await {
        Err(error) if error.is_missing() => Ok(()),
        other => Ok(other.map(|_| ())?),
    }
}

/// Renames a dataset that nothing uses: the NAS itself does not look (truenas-notes section 7).
async fn rename(cx: &Apply<'_, Nas>, from: &str, to: &str, used_by: &[String]) -> Result<(), Failure> {
    if !used_by.is_empty() {
        return Err(Failure::stuck(format!("rename of {from} to {to}: it is used by {}", used_by.join(", ")))
            .hint("take these out of the code first and deploy, then rename it, then put them back"));
    }
    cx.write(cx.permit(), "pool.dataset.rename", vec![json!(from), json!({"new_name": to})]).await?;
    Ok(())
}

impl Dataset {
    /// What is to be sent: everything that is declared, or what differs from what is there.
    fn body(&self, now: Option<&DatasetState>) -> Map<String, Value> {
        let mut body = Map::new();
        for (name, property) in &self.properties {
            let want = sent(name, property);
            let have = now.and_then(|now| now.properties.get(name));
            let is = match property {
                super::Property::Set(value) => have == Some(value),
                super::Property::Inherit => now.is_none() || have.is_none_or(|have| have == INHERIT),
            };
            if !is {
                body.insert((*name).to_owned(), want);
            }
        }
        let sizes = [
            ("quota", &self.quota, now.and_then(|now| now.quota)),
            ("refquota", &self.refquota, now.and_then(|now| now.refquota)),
            ("reservation", &self.reservation, now.and_then(|now| now.reservation)),
        ];
        for (name, want, have) in sizes {
            // These take no INHERIT: nothing is zero.
            let want = match want {
                Field::Unmanaged => continue,
                Field::Set(size) => *size,
                Field::Cleared => Size::ZERO,
            };
            if have.unwrap_or_default() != want {
                body.insert(name.to_owned(), want.as_bytes().into());
            }
        }
        let want = match &self.comments {
            Field::Unmanaged => None,
            Field::Set(text) => Some(text.as_str()),
            // "INHERIT" would be kept as the text.
            Field::Cleared => Some(""),
        };
        let have = now.and_then(|now| now.comments.as_deref()).unwrap_or_default();
        if let Some(text) = want.filter(|want| *want != have) {
            body.insert("comments".to_owned(), text.into());
        }
        body
    }
}
