//! The resources against the simulator: what a lab's author sees of them.
mod backup;
mod by_hand;
mod conformance;
mod container;
mod definition;
mod firewall;
mod fixture;
mod network;
mod nodes;
mod order;
mod passthrough;
mod privileges;
<<<<<<< HEAD
mod provisioned;
=======
mod rights;
>>>>>>> main
mod scaffold;
mod sweep;
mod template;
mod token;
mod vm;
mod wire;
