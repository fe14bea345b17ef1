//! Short texts that many parts of a batch begin with, written ahead of the parts and put in place by one process.
//!
//! A shell cannot rename, so each file that is replaced costs a process of its own, which is most of what a first deploy spends on
//! the machine. Every Debian and Ubuntu has perl (`perl-base` is essential), which renames all of them at once, each as atomically as
//! `mv` does. Where it is missing, and for what it could not rename, each part writes its own text when its turn comes.
use super::{Script, acts::is_text};
use crate::host::{
    Action, Batch,
    batch::{Item, What},
};
use std::collections::BTreeSet;

/// From how many texts on they are written ahead.
const AT_LEAST: usize = 4;
/// How many are put in place by one process: their paths are its arguments.
const AT_ONCE: usize = 500;

/// Renames as many as it is told of, each after it has got its mode.
const RENAME: &str = "perl -e 'while(@ARGV){my($f,$m,$t)=splice@ARGV,0,3;chmod(oct$m,$f)&&rename$f,$t}'";

/// Which items are written ahead: those that begin their parts, and those that come right behind such a one.
pub(super) struct Ahead {
    first: Vec<usize>,
    second: Vec<usize>,
}

impl Ahead {
    /// What of a batch is written ahead; nothing where it is too little.
    pub(super) fn of(batch: &Batch) -> Self {
        let (mut first, mut second, mut n) = (vec![], vec![], 0);
        for part in batch.items().chunk_by(|a, b| a.part == b.part) {
            if part.first().is_some_and(is_short) && first.len() < AT_ONCE {
                first.push(n);
                second.extend(part.get(1).filter(|item| is_short(item)).map(|_| n + 1));
            }
            n += part.len();
        }
        if first.len() < AT_LEAST {
            (first, second) = (vec![], vec![]);
        }
        Ahead { first, second }
    }

    pub(super) fn all(&self) -> BTreeSet<usize> {
        self.first.iter().chain(&self.second).copied().collect()
    }
}

/// Whether an item is a short text to be written.
fn is_short(item: &Item) -> bool {
    let text = matches!(&item.what, What::Action(Action::Write { content, .. }) if is_text(content));
    text && item.impossible().is_none()
}

impl Script<'_> {
    /// Writes what is ahead down: each text is a function, which does what `$W` says with it.
    pub(super) fn ahead(&mut self, ahead: &Ahead) {
        let batch = self.batch;
        let what = |n: usize| batch.items().get(n).map(|item| &item.what);
        for n in ahead.all() {
            if let Some(What::Action(action)) = what(n) {
                self.text.extend_from_slice(format!("w{n}() {{ $W").as_bytes());
                self.written(action);
                self.line(&[";}"]);
            }
        }
        if ahead.first.is_empty() {
            return;
        }
        self.line(&["if command -v perl >/dev/null;then W=pre"]);
        for (level, needs) in [(&ahead.first, false), (&ahead.second, true)] {
            for n in level {
                match needs.then(|| what(n - 1)).flatten() {
                    // Nothing is put in place whose part has not begun as it should.
                    Some(What::Action(Action::Write { path, .. })) => {
                        self.call("moved", &[&super::acts::beside(path)]);
                        self.line(&[&format!("&&w{n}")]);
                    }
                    _ => self.line(&[&format!("w{n}")]),
                }
            }
            if !level.is_empty() {
                self.text.extend_from_slice(RENAME.as_bytes());
                for n in level {
                    if let Some(What::Action(Action::Write { path, mode, .. })) = what(*n) {
                        self.call("", &[&super::acts::beside(path), format!("{mode:o}").as_bytes(), path.as_bytes()]);
                    }
                }
                self.line(&[" 2>/dev/null"]);
            }
        }
        self.line(&["fi;W=fin"]);
    }
}
