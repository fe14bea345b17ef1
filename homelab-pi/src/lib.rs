//! A Raspberry Pi with NixOS as typed resources: reserved, nothing here yet.
//!
//! The name and the place in the workspace are fixed, so that images, generations and their rollback can come without moving
//! anything else. Until then no lab can declare a Pi; its address can stand in the code as a constant for others to use.
