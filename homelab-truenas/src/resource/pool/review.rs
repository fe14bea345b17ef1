//! The table of vdevs, and what forbids a plan. Pure.
use super::{
    Pool, PoolState,
    again::Coming,
    moves::{Move, moves},
    shelf::{Shelf, Trouble},
};
use crate::topology::{
    Layout, Role, Vdev,
    capacity::{about, room, usable},
};
use homelab_core::{
    plan::{Action, Change, Note, NoteKind},
    units::Size,
};

/// Which size a pool's disks have to have at least; what is smaller is a mistake of the serial number.
const LEAST: Size = Size::gib(2);

impl Pool {
    pub(super) fn judged(&self, now: Option<&PoolState>, action: Action, changes: &[Change]) -> Vec<Note> {
        let Some(now) = now else { return vec![] };
        if action == Action::Delete {
            let exported =
                Note::info("it is exported: its data stays on its disks, and is imported when it is declared again");
            let off = now.used_by.iter().map(|user| Note::info(format!("{user} is turned off with it")));
            return [exported].into_iter().chain(off).collect();
        }
        if now.vdevs.is_empty() {
            return vec![
                Note::refused(format!("pool {} is {}: none of its disks is to be seen", now.name, now.status))
                    .hint("is the controller passed through to the NAS's guest, and the shelf switched on?"),
            ];
        }
        let mut notes = vec![];
        if changes.iter().any(|change| change.top() == "encryption") {
            notes.push(
                Note::refused("the encryption of a pool is set when it is made and cannot be changed")
                    .hint("change the code to match it, or encrypt datasets in it"),
            );
        }
        match moves(&now.vdevs, &self.vdevs) {
            Err(never) => notes.push(Note::refused(never.what).hint(never.hint)),
            Ok(moves) => {
                let is_whole = now.status == "ONLINE";
                for step in moves {
                    if !is_whole && !matches!(step, Move::Replace { .. } | Move::Detach { .. }) {
                        notes.push(
                            Note::refused(format!("the pool is {}: {}", now.status, told(&step)))
                                .hint("replace what failed first; a pool is changed only while it is whole"),
                        );
                    } else {
                        notes.push(Note::info(told(&step)));
                    }
                }
            }
        }
        notes
    }

    /// What the disks of the NAS say of this pool.
    pub(super) fn inspected(&self, now: Option<&PoolState>, shelf: &Shelf, coming: Coming) -> Vec<Note> {
        let refused = |trouble: Trouble| Note::refused(trouble.what).hint(trouble.hint);
        let there = |vdev: &Vdev| -> Vec<_> {
            let held = |disk: &_| now.is_some_and(|now| now.vdevs.values().any(|v| v.disks.contains(disk)));
            vdev.disks.iter().filter(|disk| !held(disk)).cloned().collect()
        };
        let makes = coming == Coming::Made;
        let mut notes = match coming {
            Coming::Made => vec![],
            Coming::Imported(_, notes) | Coming::Refused(notes) => notes,
        };
        if makes {
            for disk in self.vdevs.values().flat_map(there) {
                match shelf.blank(&disk) {
                    Err(trouble) => notes.push(refused(trouble)),
                    Ok(found) if found.size() < LEAST => notes.push(
                        Note::refused(format!("disk {disk} has only {}", about(found.size())))
                            .hint("is it the disk that is meant? A pool is made of disks of at least 2 GiB"),
                    ),
                    Ok(found) if shelf.has_paths(found) => notes.push(Note::info(format!(
                        "disk {disk} shows on several paths and is counted once; TrueNAS uses one of them"
                    ))),
                    Ok(_) => {}
                }
            }
        }
        let sizes: Vec<(&String, &Vdev, Vec<Size>)> = self
            .vdevs
            .iter()
            .map(|(key, vdev)| {
                (key, vdev, vdev.disks.iter().filter_map(|d| Some(shelf.find(d).ok()?.size())).collect())
            })
            .collect();
        let smallest_data = sizes
            .iter()
            .filter(|(_, vdev, _)| vdev.role() == Role::Data)
            .filter_map(|(_, _, sizes)| sizes.iter().min())
            .min()
            .copied();
        for (_, vdev, sizes) in sizes.iter().filter(|(_, vdev, _)| vdev.role() == Role::Spare) {
            for (disk, _) in
                vdev.disks.iter().zip(sizes).filter(|(_, size)| smallest_data.is_some_and(|least| **size < least))
            {
                notes.push(
                    Note::refused(format!("spare {disk} is smaller than the smallest data disk"))
                        .hint("a spare must be able to stand in for any disk"),
                );
            }
        }
        notes.extend(replacements(self, now, shelf));
        notes.extend(sizes.iter().map(|(key, vdev, sizes)| Note::info(row(key, vdev, sizes))));
        let whole = sizes.iter().all(|(_, vdev, sizes)| sizes.len() == vdev.width());
        if whole && !sizes.is_empty() {
            let vdevs =
                sizes.iter().filter_map(|(_, v, sizes)| Some((v.role(), v.layout, v.width(), *sizes.iter().min()?)));
            notes.push(Note::info(format!("about {} usable in all", about(usable(vdevs)))));
        }
        notes
    }
}

/// A new disk must be as large as the smallest of its vdev.
fn replacements(pool: &Pool, now: Option<&PoolState>, shelf: &Shelf) -> Vec<Note> {
    let Some(now) = now else { return vec![] };
    let steps = moves(&now.vdevs, &pool.vdevs).unwrap_or_default();
    let small = steps.iter().filter_map(|step| {
        let (Move::Replace { key, new: disk, .. } | Move::Attach { key, disk, .. }) = step else { return None };
        let others = now.vdevs.get(key)?.disks.iter().filter_map(|other| Some(shelf.find(other).ok()?.size()));
        let (least, size) = (others.min()?, shelf.find(disk).ok()?.size());
        (size < least).then(|| {
            Note::refused(format!(
                "disk {disk} ({}) is smaller than the smallest of {key} ({})",
                about(size),
                about(least)
            ))
            .hint("take a disk that is at least as large")
        })
    });
    small.collect()
}

/// One line of the table: `data1: RAIDZ2 of 5 x 7.3 TiB, 21.5 TiB usable, any 2 may fail`.
fn row(key: &str, vdev: &Vdev, sizes: &[Size]) -> String {
    let (width, layout) = (vdev.width(), vdev.layout);
    let least = sizes.iter().min().copied().filter(|_| sizes.len() == width);
    let each = match (least, sizes.iter().max()) {
        (Some(least), Some(most)) if *most > least => format!("{width} disks of {} to {}", about(least), about(*most)),
        (Some(least), _) => format!("{width} x {}", about(least)),
        _ => format!("{width} disks"),
    };
    let mut line = format!("{key}: {layout} of {each}");
    if vdev.role() == Role::Data
        && let Some(least) = least
    {
        line += &format!(", {} usable", about(room(layout, width, least)));
    }
    line + &match (vdev.role(), layout.may_fail(width)) {
        (Role::Cache | Role::Spare, _) => String::new(),
        (_, 0) => ", no disk may fail".to_owned(),
        (_, 1) => ", any 1 may fail".to_owned(),
        (_, n) => format!(", any {n} may fail"),
    }
}

/// A move in words.
pub(super) fn told(step: &Move) -> String {
    match step {
        Move::Add { key } => format!("{key} is added"),
        Move::Attach { key, disk, .. } => {
            format!("{disk} is added to {key}; the pool works on, slower, while it is spread out")
        }
        Move::Replace { key, old, new, .. } => format!("{new} takes the place of {old} in {key}"),
        Move::Detach { key, disk, .. } => format!("{disk} leaves {key}"),
        Move::Remove { key, .. } => format!("{key} leaves the pool"),
    }
}

/// What is worth a warning although it is allowed.
pub(super) fn warnings(pool: &Pool) -> Vec<Note> {
    let risky = |vdev: &&Vdev| vdev.role().holds_the_pool() && vdev.layout == Layout::Stripe;
    pool.vdevs
        .values()
        .filter(risky)
        .map(|vdev| {
            Note::new(
                NoteKind::Info,
                format!("{} has no redundancy: one failed disk takes the pool with it", vdev.role()),
            )
        })
        .collect()
}
