//! What ZFS can do to get from the vdevs that are there to those that are declared. Pure.
use super::VdevState;
use crate::topology::{DiskName, Layout, Role, Vdev};
use std::collections::BTreeMap;

/// One thing that ZFS can do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Move {
    /// A new row.
    Add { key: String },
    /// One more disk in a mirror or a RAIDZ vdev, or the second half of a mirror.
    Attach { key: String, target: String, disk: DiskName },
    /// A disk in the place of another.
    Replace { key: String, leaf: String, old: DiskName, new: DiskName },
    /// A half of a mirror leaves it.
    Detach { key: String, leaf: String, disk: DiskName },
    /// A row, or a disk of a row without redundancy, leaves the pool.
    Remove { key: String, guid: String },
}

/// Why ZFS cannot do it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Never {
    pub(super) what: String,
    pub(super) hint: String,
}

fn never(what: String, hint: &str) -> Never {
    Never { what, hint: hint.to_owned() }
}

/// The moves, in an order in which they can be made: room and redundancy grow before anything leaves.
pub(super) fn moves(now: &BTreeMap<String, VdevState>, want: &BTreeMap<String, Vdev>) -> Result<Vec<Move>, Never> {
    let mut moves = vec![];
    for (key, vdev) in want {
        match now.get(key) {
            None => moves.push(Move::Add { key: key.clone() }),
            Some(there) => within(key, there, vdev, &mut moves)?,
        }
    }
    let raidz = now
        .values()
        .any(|vdev| vdev.role == Role::Data && matches!(vdev.layout, Layout::Raidz(_) | Layout::Draid { .. }));
    for (key, vdev) in now.iter().filter(|(key, _)| !want.contains_key(*key)) {
        if vdev.role.holds_the_pool() && raidz {
            return Err(never(
                format!("{key} cannot be removed: a pool with RAIDZ keeps all vdevs that hold its data"),
                "put it back into the code; to get rid of it, replicate the pool to another one",
            ));
        }
        if vdev.layout == Layout::Stripe {
            moves.extend(vdev.leaves.values().map(|leaf| Move::Remove { key: key.clone(), guid: leaf.clone() }));
        } else {
            moves.push(Move::Remove { key: key.clone(), guid: vdev.guid.clone() });
        }
    }
    moves.sort_by_key(|step| match step {
        Move::Replace { .. } => 0,
        Move::Attach { .. } => 1,
        Move::Add { .. } => 2,
        Move::Detach { .. } => 3,
        Move::Remove { .. } => 4,
    });
    Ok(moves)
}

/// The moves within one vdev.
fn within(key: &str, there: &VdevState, want: &Vdev, moves: &mut Vec<Move>) -> Result<(), Never> {
    let mut fresh: Vec<&DiskName> = want.disks.difference(&there.disks).collect();
    let mut gone: Vec<(&DiskName, &String)> =
        there.leaves.iter().filter(|(disk, _)| !want.disks.contains(*disk)).collect();
    let single = there.layout == Layout::Stripe && there.disks.len() == 1;
    let same = there.layout == want.layout || (single && want.layout == Layout::Mirror && want.role != Role::Cache);
    if !same {
        return Err(never(
            format!(
                "{key} is {} and cannot become {}: ZFS does not change the layout of a vdev",
                there.layout, want.layout
            ),
            "put the old layout back into the code; for another one make another pool and replicate",
        ));
    }
    // Each new disk takes the place of one that is gone, and only what is left over changes the width.
    let replaced = fresh.len().min(gone.len());
    for (new, (old, leaf)) in fresh.drain(..replaced).zip(gone.drain(..replaced)) {
        match want.role {
            // A spare is in no vdev, and a cache holds nothing: one goes and another comes.
            Role::Spare | Role::Cache => {
                moves.push(Move::Remove { key: key.to_owned(), guid: leaf.clone() });
                moves.push(Move::Add { key: key.to_owned() });
            }
            _ => moves.push(Move::Replace {
                key: key.to_owned(),
                leaf: leaf.clone(),
                old: old.clone(),
                new: new.clone(),
            }),
        }
    }
    for disk in fresh {
        moves.push(match (want.layout, want.role) {
            (Layout::Stripe, _) => Move::Add { key: key.to_owned() },
            (Layout::Draid { .. }, _) => {
                return Err(never(
                    format!("{key} is dRAID and cannot get wider"),
                    "add another vdev of the same shape",
                ));
            }
            // RAIDZ is named itself, a mirror by any of its halves.
            (Layout::Raidz(_), _) => {
                Move::Attach { key: key.to_owned(), target: there.guid.clone(), disk: disk.clone() }
            }
            _ => {
                let half = there.leaves.values().next().cloned().unwrap_or_else(|| there.guid.clone());
                Move::Attach { key: key.to_owned(), target: half, disk: disk.clone() }
            }
        });
    }
    for (disk, leaf) in gone {
        moves.push(match (want.layout, want.role) {
            (Layout::Mirror, _) => Move::Detach { key: key.to_owned(), leaf: leaf.clone(), disk: disk.clone() },
            (Layout::Stripe, Role::Cache | Role::Spare | Role::Log) => {
                Move::Remove { key: key.to_owned(), guid: leaf.clone() }
            }
            _ => {
                return Err(never(
                    format!("{key} cannot get narrower: {disk} is part of it"),
                    "put the disk back into the code; to take it out, name another one in its place",
                ));
            }
        });
    }
    // All new disks of a row without redundancy come in one call.
    moves.dedup();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(disks: &[&str]) -> std::collections::BTreeSet<DiskName> {
        disks.iter().map(|disk| DiskName::Serial((*disk).to_owned())).collect()
    }
    fn want(role: Role, layout: Layout, disks: &[&str]) -> Vdev {
        Vdev { layout, role, disks: names(disks) }
    }
    fn have(role: Role, layout: Layout, disks: &[&str]) -> VdevState {
        let leaves = disks.iter().map(|d| (DiskName::Serial((*d).to_owned()), format!("leaf-{d}"))).collect();
        VdevState { layout, role, guid: "vdev".into(), disks: names(disks), leaves }
    }
    fn one(now: VdevState, wanted: Vdev) -> Result<Vec<Move>, Never> {
        moves(&BTreeMap::from([("data1".to_owned(), now)]), &BTreeMap::from([("data1".to_owned(), wanted)]))
    }
    fn disk(name: &str) -> DiskName {
        DiskName::Serial(name.to_owned())
    }

    #[test]
    fn a_raidz_gets_wider_and_never_narrower() {
        let now = || have(Role::Data, Layout::Raidz(2), &["a", "b", "c", "d"]);
        let wider = one(now(), want(Role::Data, Layout::Raidz(2), &["a", "b", "c", "d", "e"]));
        let attach = Move::Attach { key: "data1".into(), target: "vdev".into(), disk: disk("e") };
        assert_eq!(wider, Ok(vec![attach]));
        let narrower = one(
            have(Role::Data, Layout::Raidz(1), &["a", "b", "c", "d"]),
            want(Role::Data, Layout::Raidz(1), &["a", "b", "c"]),
        );
        assert!(narrower.unwrap_err().what.contains("cannot get narrower"));
    }

    #[test]
    fn a_disk_takes_the_place_of_the_one_that_is_gone() {
        let now = have(Role::Data, Layout::Raidz(2), &["a", "b", "c", "d"]);
        let moves = one(now, want(Role::Data, Layout::Raidz(2), &["a", "b", "c", "x"]));
        let replace = Move::Replace { key: "data1".into(), leaf: "leaf-d".into(), old: disk("d"), new: disk("x") };
        assert_eq!(moves, Ok(vec![replace]));
    }

    #[test]
    fn a_disk_becomes_a_mirror_and_a_mirror_loses_a_half() {
        let now = have(Role::Data, Layout::Stripe, &["a"]);
        let moves = one(now, want(Role::Data, Layout::Mirror, &["a", "b"]));
        assert_eq!(moves, Ok(vec![Move::Attach { key: "data1".into(), target: "leaf-a".into(), disk: disk("b") }]));
        let now = have(Role::Data, Layout::Mirror, &["a", "b", "c"]);
        let moves = one(now, want(Role::Data, Layout::Mirror, &["a", "b"]));
        assert_eq!(moves, Ok(vec![Move::Detach { key: "data1".into(), leaf: "leaf-c".into(), disk: disk("c") }]));
    }

    #[test]
    fn a_layout_never_changes() {
        let now = have(Role::Data, Layout::Raidz(1), &["a", "b", "c", "d"]);
        let error = one(now, want(Role::Data, Layout::Raidz(2), &["a", "b", "c", "d"])).unwrap_err();
        assert!(error.what.contains("does not change the layout"), "{}", error.what);
    }

    #[test]
    fn what_only_serves_the_pool_can_leave_it_and_what_holds_it_cannot() {
        let data = || ("data1".to_owned(), have(Role::Data, Layout::Raidz(1), &["a", "b", "c"]));
        let keep = BTreeMap::from([("data1".to_owned(), want(Role::Data, Layout::Raidz(1), &["a", "b", "c"]))]);
        let log = BTreeMap::from([data(), ("log".to_owned(), have(Role::Log, Layout::Mirror, &["x", "y"]))]);
        assert_eq!(moves(&log, &keep), Ok(vec![Move::Remove { key: "log".into(), guid: "vdev".into() }]));
        let special =
            BTreeMap::from([data(), ("special1".to_owned(), have(Role::Special, Layout::Mirror, &["x", "y"]))]);
        assert!(moves(&special, &keep).unwrap_err().what.contains("cannot be removed"));
    }
}
