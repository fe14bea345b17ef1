//! Stacks of containers, by Docker Compose.
mod file;
