//! What is refused, by the whole program and live: one clear error each, with the way out and the documented exit code.
mod access;
mod desk;
mod front;
mod memory;
mod secrets;
mod taken;
mod world;
