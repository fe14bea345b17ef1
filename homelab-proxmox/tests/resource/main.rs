//! The resources against the simulator: what a lab's author sees of them.
mod by_hand;
mod conformance;
mod container;
mod definition;
mod fixture;
mod network;
mod nodes;
mod passthrough;
mod privileges;
mod provisioned;
mod scaffold;
mod sweep;
mod template;
mod token;
mod vm;
