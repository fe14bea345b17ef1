//! What the lab promises, tried on simulated systems.
mod calls;
mod chain;
mod lab;
mod makespan;
mod names;
mod nodes;
mod pi;
mod stacks;
mod storage;
mod sweep;
mod whole;
