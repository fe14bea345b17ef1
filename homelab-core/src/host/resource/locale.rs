//! The locale.
use super::{
    kept::{Kept, Place, forget, lives_on_a_machine},
    whole::{put, text},
};
use crate::{
    Apply, Failure, NoOutputs, Provider, Resource,
    host::{Action, Command, Host, HostPath, Hosts, HostsReader, Spot, probe},
};
use futures_util::future::try_join;
use serde::{Deserialize, Serialize};

/// The locale of everything that is started from now on, generated if it is not there: `en_US.UTF-8`. Needs the package `locales`. When
/// it goes, the locale is the one that it was before.
#[derive(Clone, Debug, Serialize)]
pub struct Locale {
    #[serde(skip)]
    host: Host,
    #[serde(skip)]
    name: String,
    lang: String,
    generated: bool,
}

impl Locale {
    /// A locale in UTF-8.
    ///
    /// # Panics
    /// On what cannot be the name of a locale in UTF-8.
    #[must_use]
    #[track_caller]
    pub fn on(host: impl Into<Host>, lang: &str) -> Self {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"_.@-".contains(&b);
        assert!(
            lang.contains(".UTF-8") && lang.bytes().all(plain) && !lang.starts_with('-'),
            "`{}` is no locale in UTF-8: it looks like `en_US.UTF-8`",
            lang.escape_debug()
        );
        Locale { host: host.into(), name: "locale".into(), lang: lang.to_owned(), generated: true }
    }
}

fn default() -> HostPath {
    HostPath::at("/etc/default/locale")
}
fn gen_file() -> HostPath {
    HostPath::at("/etc/locale.gen")
}

/// How the locale was before us: the default, and the one that we have generated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Before {
    lang: Option<String>,
    ours: Option<String>,
}

/// What is seen of the locale.
#[derive(Clone, Debug, Serialize)]
pub struct LocaleState {
    /// The locale.
    pub lang: Option<String>,
    /// Whether it is among those that are generated.
    pub generated: bool,
    #[serde(skip)]
    place: Place,
    #[serde(skip)]
    kept: Option<Kept<Before>>,
}

/// The default locale, and the text of the list of those that are generated.
async fn there(spot: &Spot, cx: &HostsReader) -> Result<(Option<String>, String), Failure> {
    let files = try_join(cx.ask(spot, probe::read(default())), cx.ask(spot, probe::read(gen_file())));
    let (lang, list) = files.await?;
    let lang = text(&default(), lang.unwrap_or_default())?;
    let lang = lang.lines().find_map(|line| line.strip_prefix("LANG=")).map(|l| l.trim_matches('"').to_owned());
    Ok((lang, text(&gen_file(), list.unwrap_or_default())?))
}

fn line(lang: &str) -> String {
    format!("{lang} UTF-8")
}

/// Those that every Debian has without generating anything.
fn is_built_in(lang: &str) -> bool {
    lang == "C.UTF-8"
}

fn is_listed(list: &str, lang: &str) -> bool {
    is_built_in(lang) || list.lines().any(|l| l.trim() == line(lang))
}

/// The list with a locale switched on or off.
fn listed(list: &str, lang: &str, on: bool) -> String {
    let wanted = line(lang);
    let mut found = false;
    let mut lines: Vec<String> = list
        .lines()
        .map(|old| {
            if old.trim_start_matches(['#', ' ']).trim_end() != wanted {
                return old.to_owned();
            }
            found = true;
            if on { wanted.clone() } else { format!("# {wanted}") }
        })
        .collect();
    if on && !found {
        lines.push(wanted);
    }
    lines.iter().map(|line| format!("{line}\n")).collect()
}

async fn look(place: &Place, cx: &HostsReader) -> Result<Option<LocaleState>, Failure> {
    let (kept, (lang, list)) = try_join(Kept::recall(Locale::KIND, place, cx), there(&place.spot, cx)).await?;
    let generated = lang.as_deref().is_some_and(|lang| is_listed(&list, lang));
    Ok(kept.is_some().then(|| LocaleState { lang, generated, place: place.clone(), kept }))
}

fn make() -> Action {
    Action::Run(Command::new("locale-gen"))
}

/// update-locale(8) knows where this release keeps it, and refuses what is not generated.
fn update(lang: Option<&str>) -> Action {
    let word = lang.map_or_else(|| "LANG".to_owned(), |lang| format!("LANG={lang}"));
    Action::Run(Command::new("update-locale").arg(word))
}

impl Resource for Locale {
    const KIND: &'static str = "host/locale";
    type Outputs = NoOutputs;
    lives_on_a_machine!(LocaleState);

    async fn apply(&self, now: Option<&LocaleState>, cx: &Apply<'_, Hosts>) -> Result<(), Failure> {
        let spot = self.host.spot_now(cx)?;
        let (lang, list) = there(&spot, &cx.reader()).await?;
        let mut before = now.and_then(|now| now.kept.clone()).map_or(Before { lang, ours: None }, |kept| kept.before);
        let mut list_now = list.clone();
        if let Some(old) = before.ours.take_if(|old| *old != self.lang) {
            list_now = listed(&list_now, &old, false);
        }
        if !is_listed(&list_now, &self.lang) {
            list_now = listed(&list_now, &self.lang, true);
            before.ours = Some(self.lang.clone());
        }
        let mut actions = vec![Kept::new(cx.mark(), before).write(Self::KIND, &self.name)];
        let changed = list_now != list;
        if changed {
            actions.push(put(&gen_file(), list_now, 0o644));
        }
        // Also where the list is right: it may have been written and not been carried out.
        if changed || !is_built_in(&self.lang) {
            actions.push(make());
        }
        actions.push(update(Some(&self.lang)));
        cx.carry_out(cx.permit(), &spot, actions).await
    }

    async fn delete(state: &LocaleState, cx: &Apply<'_, Hosts>) -> Result<(), Failure> {
        let spot = &state.place.spot;
        let mut actions = vec![];
        if let Some(before) = state.kept.as_ref().map(|kept| &kept.before) {
            actions.push(update(before.lang.as_deref()));
            if let Some(ours) = &before.ours {
                let (_, list) = there(spot, &cx.reader()).await?;
                actions.extend([put(&gen_file(), listed(&list, ours, false), 0o644), make()]);
            }
        }
        actions.push(forget(Self::KIND, &state.place.name));
        cx.carry_out(cx.permit(), spot, actions).await
    }
}

#[cfg(test)]
mod tests {
    use super::listed;

    #[test]
    fn a_locale_is_switched_on_where_it_stands() {
        let list = "# Some text\n# de_DE.UTF-8 UTF-8\nen_US.UTF-8 UTF-8\n";
        assert_eq!(listed(list, "de_DE.UTF-8", true), "# Some text\nde_DE.UTF-8 UTF-8\nen_US.UTF-8 UTF-8\n");
        assert_eq!(listed(list, "en_US.UTF-8", false), "# Some text\n# de_DE.UTF-8 UTF-8\n# en_US.UTF-8 UTF-8\n");
        assert_eq!(listed("", "fr_FR.UTF-8", true), "fr_FR.UTF-8 UTF-8\n");
    }
}
