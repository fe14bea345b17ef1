//! [`Row`]: a kind whose things are rows, and [`Entry`]: such a row as a resource.
use super::state::{RowId, RowState, sort};
use crate::{
    Nas, NasReader,
    resource::{mark, release, service},
    work,
};
use homelab_core::{
    AnyHandle, Apply, Claim, Failure, Lock, Look, NodeId, Owner, Resource, Site,
    plan::{Action, Change, Note},
};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};
use std::{future::Future, ops::Deref, sync::Arc};

/// The fields of a row.
pub type Fields = Map<String, Value>;

/// A kind whose things are rows.
pub trait Row: Serialize + Send + Sync + 'static {
    /// The kind: `truenas/nfs`.
    const KIND: &'static str;
    /// The table: `sharing.nfs`. Its methods are `.query`, `.create`, `.update`, `.delete`.
    const TABLE: &'static str;
    /// The fields that together name one row, when no mark does.
    const KEY: &'static [&'static str];
    /// The field of text that bears the mark, if there is one.
    const MARK: Option<&'static str> = None;
    /// Fields whose change means a new row.
    const REPLACE_ON: &'static [&'static str] = &[];
    /// Fields that are sent and cannot be observed.
    const WRITE_ONLY: &'static [&'static str] = &[];
    /// Fields that are never looked at: secrets.
    const HIDDEN: &'static [&'static str] = &[];
    /// Whether releases before 25.10 have other words for it: [`in_old_words`](Row::in_old_words).
    const HAS_OLD_WORDS: bool = false;
    /// Which of `create`, `update` and `delete` are jobs.
    const JOBS: &'static [&'static str] = &[];
    /// Whether an update has to carry everything (truenas-notes section 12).
    const WHOLE: bool = false;
    /// The service that serves it, if one does: it has to run.
    const SERVICE: Option<&'static str> = None;
    /// Its outputs.
    type Outputs: From<NodeId> + Copy;

    /// Its name within what it lives in, or within the site.
    fn name(&self) -> &str;
    /// Which NAS.
    fn site(&self) -> Site<Nas>;
    /// The values of [`KEY`](Row::KEY), in its order.
    fn key(&self) -> impl Serialize + Send;
    /// What it lives in: it is gone when that is.
    fn lives_in(&self) -> Option<AnyHandle> {
        None
    }
    /// What no other resource may hold too.
    fn claims(&self) -> Vec<Claim> {
        vec![]
    }
    /// Where clients find it.
    fn address(&self, row: &Fields) -> Option<String> {
        let _ = row;
        None
    }
    /// What a person must know of a planned action.
    fn review(&self, now: Option<&RowState>, action: Action, changes: &[Change]) -> Vec<Note> {
        let _ = (now, action, changes);
        vec![]
    }
    /// A row of the API with its fields as the spec writes them.
    fn observed(row: Fields) -> Fields {
        row
    }
    /// Whether a row is one of this kind, in a table that holds several.
    fn is_kind(row: &Fields) -> bool {
        let _ = row;
        true
    }
    /// What is sent for these fields of the spec, given what is there.
    fn body(&self, spec: Fields, now: Option<&RowState>) -> Fields {
        let _ = now;
        spec
    }
    /// The same in the words of releases before 25.10, where they are others.
    fn in_old_words(body: Fields) -> Fields {
        body
    }
    /// What is sent when the row is made, beside the spec.
    fn create_only(&self, cx: &Apply<'_, Nas>) -> impl Future<Output = Result<Fields, Failure>> + Send {
        let _ = cx;
        async { Ok(Fields::new()) }
    }
    /// What the NAS gives a row that it makes by itself. Such a row is nobody's until it is marked, and is given back in this state.
    fn given() -> Option<Fields> {
        None
    }
    /// What `delete` is told beside the id.
    fn deleting() -> Vec<Value> {
        vec![]
    }
    /// What would be lost with it.
    fn data(state: &RowState) -> Vec<String> {
        let _ = state;
        vec![]
    }
    /// What has to be known of the NAS before it is made: notes for the plan.
    fn inspect(
        &self,
        now: Option<&RowState>,
        cx: &Look<'_, Nas>,
    ) -> impl Future<Output = Result<Vec<Note>, Failure>> + Send {
        let _ = (now, cx);
        async { Ok(vec![]) }
    }
    /// What is left to do when the row is as it should be.
    fn finish(&self, now: Option<&RowState>, cx: &Apply<'_, Nas>) -> impl Future<Output = Result<(), Failure>> + Send {
        let _ = (now, cx);
        async { Ok(()) }
    }
}

/// A row as a resource.
#[derive(Debug)]
pub struct Entry<T>(pub(crate) T);

impl<T: Row> Serialize for Entry<T> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Served<'a, T> {
            #[serde(flatten)]
            row: &'a T,
            #[serde(skip_serializing_if = "std::ops::Not::not")]
            served: bool,
        }
        Served { row: &self.0, served: T::SERVICE.is_some() }.serialize(s)
    }
}

/// The table of a kind, and whether the kind's service runs. `None` while there is no NAS.
async fn table<T: Row>(nas: &NasReader) -> Result<Option<(Arc<Vec<Fields>>, bool)>, Failure> {
    let Some(rows) = nas.query::<Fields>(&format!("{}.query", T::TABLE)).await? else { return Ok(None) };
    let served = match T::SERVICE {
        Some(service) => service::runs(nas, service).await?,
        None => false,
    };
    Ok(Some((rows, served)))
}

/// All rows of a kind.
async fn listing<T: Row>(nas: &NasReader) -> Result<Option<Vec<RowState>>, Failure> {
    let Some((rows, served)) = table::<T>(nas).await? else { return Ok(None) };
    let of_kind = rows.iter().filter(|row| T::is_kind(row));
    Ok(Some(of_kind.filter_map(|row| RowState::of::<T>(row, served)).collect()))
}

/// A row that the NAS made by itself is nobody's until it is marked.
fn is_somebodys<T: Row>(row: &RowState) -> bool {
    T::given().is_none() || row.owner != Owner::Unmarked
}

/// What is sent to this NAS.
async fn spoken<T: Row>(cx: &Apply<'_, Nas>, body: Fields) -> Result<Value, Failure> {
    let is_old = T::HAS_OLD_WORDS && release::is_old(cx).await? == Some(true);
    Ok(if is_old { T::in_old_words(body) } else { body }.into())
}

async fn call<T: Row>(cx: &Apply<'_, Nas>, verb: &str, params: Vec<Value>) -> Result<Value, Failure> {
    let method = format!("{}.{verb}", T::TABLE);
    if T::JOBS.contains(&verb) {
        return work(cx, &method, params).await;
    }
    Ok(cx.write(cx.permit(), &method, params).await?)
}

impl<T: Row> Entry<T> {
    fn wanted(&self, cx: &Apply<'_, Nas>) -> Result<Fields, Failure> {
        match cx.filled(&self.0)? {
            Value::Object(spec) => Ok(spec),
            _ => Err(Failure::new(format!("{} has no fields", cx.mark().key))),
        }
    }
}

impl<T: Row> Resource for Entry<T> {
    const KIND: &'static str = T::KIND;
    const REPLACE_ON: &'static [&'static str] = T::REPLACE_ON;
    const WRITE_ONLY: &'static [&'static str] = T::WRITE_ONLY;
    type Provider = Nas;
    type State = RowState;
    type Id = RowId;
    type Outputs = T::Outputs;

    fn name(&self) -> &str {
        self.0.name()
    }
    fn site(&self) -> Site<Nas> {
        self.0.site()
    }
    fn claims(&self) -> Vec<Claim> {
        self.0.claims()
    }
    fn locks(&self) -> Vec<Lock> {
        // The middleware runs ten calls at once; of one table one at a time is safe (truenas-notes section 1).
        vec![Lock::exclusive(format!("{}/{}", self.0.site().name(), T::TABLE))]
    }
    fn lives_in(&self) -> Option<AnyHandle> {
        self.0.lives_in()
    }
    fn review(&self, now: Option<&RowState>, action: Action, changes: &[Change]) -> Vec<Note> {
        self.0.review(now, action, changes)
    }
    async fn inspect(&self, now: Option<&RowState>, cx: &Look<'_, Nas>) -> Result<Vec<Note>, Failure> {
        self.0.inspect(now, cx).await
    }
    async fn read(&self, cx: &Look<'_, Nas>) -> Result<Option<RowState>, Failure> {
        let Some((rows, served)) = table::<T>(cx).await? else { return Ok(None) };
        // A row that bears the mark is told from the others without a look at what else they are.
        let signed = mark::signed("", cx.mark());
        let bears = |row: &&Fields| {
            let text = T::MARK.and_then(|field| row.get(field)?.as_str());
            text.is_some_and(|text| text.ends_with(&signed)) && T::is_kind(row)
        };
        let marked = rows.iter().find(bears).and_then(|row| RowState::of::<T>(row, served));
        let found = match marked {
            Some(row) => Some(row),
            None => {
                let mut key = cx.filled(&self.0.key())?;
                if let Some(Value::Array(parts)) = &mut key {
                    parts.iter_mut().for_each(sort);
                }
                let of_kind =
                    rows.iter().filter(|row| T::is_kind(row)).filter_map(|row| RowState::of::<T>(row, served));
                { of_kind }.find(|row| key.as_ref().is_some_and(|key| row.key(T::KEY) == *key))
            }
        };
        let found = found.filter(is_somebodys::<T>);
        Ok(found.map(|mut state| {
            state.address = self.0.address(&state.fields);
            state
        }))
    }
    async fn find(id: &RowId, cx: &Look<'_, Nas>) -> Result<Option<RowState>, Failure> {
        let Some(rows) = listing::<T>(cx).await? else { return Ok(None) };
        let same = |row: &RowState| {
            row.owner == Owner::Marked(cx.mark().clone())
                || (row.key(T::KEY) == id.key && id.id.is_none_or(|id| id == row.id))
        };
        Ok(rows.into_iter().find(same).filter(is_somebodys::<T>))
    }
    async fn survey(cx: &Look<'_, Nas>) -> Result<Vec<RowState>, Failure> {
        let rows = listing::<T>(cx).await?.unwrap_or_default();
        let ours = |row: &RowState| matches!(&row.owner, Owner::Marked(mark) if mark.key.starts_with(T::KIND));
        Ok(rows.into_iter().filter(ours).collect())
    }
    fn id(state: &RowState) -> RowId {
        RowId { id: Some(state.id), key: state.key(T::KEY) }
    }
    fn owner(state: &RowState) -> Owner {
        state.owner.clone()
    }
    fn data(state: &RowState) -> Vec<String> {
        T::data(state)
    }
    async fn apply(&self, now: Option<&RowState>, cx: &Apply<'_, Nas>) -> Result<(), Failure> {
        let mut spec = self.wanted(cx)?;
        if let Some(field) = T::MARK {
            let theirs = spec.get(field).and_then(Value::as_str).map(str::to_owned);
            let comment = theirs.unwrap_or_else(|| now.map(|now| now.text(field).to_owned()).unwrap_or_default());
            spec.insert(field.to_owned(), mark::signed(&comment, cx.mark()).into());
        }
        match now {
            None => {
                let mut body = self.0.body(spec, None);
                body.extend(self.0.create_only(cx).await?);
                let body = spoken::<T>(cx, body).await?;
                match self.given_row(cx).await? {
                    Some(id) => call::<T>(cx, "update", vec![id.into(), body]).await?,
                    None => call::<T>(cx, "create", vec![body]).await?,
                };
            }
            Some(now) => {
                if !T::WHOLE {
                    spec.retain(|field, want| self.differs(field, want, now, cx));
                    T::WRITE_ONLY.iter().for_each(|field| drop(spec.remove(*field)));
                }
                if !spec.is_empty() {
                    let body = spoken::<T>(cx, self.0.body(spec, Some(now))).await?;
                    call::<T>(cx, "update", vec![now.id.into(), body]).await?;
                }
            }
        }
        if let Some(service) = T::SERVICE {
            service::start(cx, service).await?;
        }
        self.0.finish(now, cx).await
    }
    async fn delete(state: &RowState, cx: &Apply<'_, Nas>) -> Result<(), Failure> {
        if let Some(given) = T::given() {
            return call::<T>(cx, "update", vec![state.id.into(), given.into()]).await.map(|_| ());
        }
        let params = [vec![state.id.into()], T::deleting()].concat();
        let method = format!("{}.delete", T::TABLE);
        if T::JOBS.contains(&"delete") {
            return work(cx, &method, params).await.map(|_| ());
        }
        match cx.write(cx.permit(), &method, params).await {
            Err(error) if error.is_missing() => Ok(()),
            other => Ok(other.map(|_| ())?),
        }
    }
}

impl<T: Row> Entry<T> {
    /// The row that the NAS made by itself, where it does.
    async fn given_row(&self, cx: &Apply<'_, Nas>) -> Result<Option<u64>, Failure> {
        if T::given().is_none() {
            return Ok(None);
        }
        let key = cx.filled(&self.0.key())?;
        let rows = listing::<T>(cx).await?.unwrap_or_default();
        Ok(rows.into_iter().find(|row| row.key(T::KEY) == key).map(|row| row.id))
    }

    /// Whether a field has to be sent: it differs, or it bears the mark and the mark is another.
    fn differs(&self, field: &str, want: &Value, now: &RowState, cx: &Apply<'_, Nas>) -> bool {
        if T::MARK == Some(field) {
            let (text, _) = mark::read(want.as_str().unwrap_or_default());
            return now.owner != Owner::Marked(cx.mark().clone()) || now.text(field) != text;
        }
        let mut want = want.clone();
        sort(&mut want);
        let have = match field {
            "uid" => json!(now.uid),
            "gid" => json!(now.gid),
            field => now.fields.get(field).cloned().unwrap_or_default(),
        };
        // Of a group of fields only those that are declared count.
        match (&want, &have) {
            (Value::Object(want), Value::Object(have)) => want.iter().any(|(k, v)| have.get(k) != Some(v)),
            (want, have) => want != have,
        }
    }
}

impl<T> Deref for Entry<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}
