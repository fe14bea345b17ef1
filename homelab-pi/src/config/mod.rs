//! The typed description of a Pi: everything that the generated NixOS is made from, and nothing else.
mod release;

pub use release::Release;
