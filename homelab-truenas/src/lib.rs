//! TrueNAS SCALE as typed resources: reserved, nothing here yet.
//!
//! The name and the place in the workspace are fixed, so that pools, datasets, shares and replication can come without moving
//! anything else. Until then a NAS guest can be declared as an empty VM with `homelab-proxmox`, and what is inside it is set up by
//! hand.
