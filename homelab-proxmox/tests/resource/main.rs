//! The resources against the simulator: what a lab's author sees of them.
mod by_hand;
mod conformance;
mod container;
mod definition;
mod fixture;
<<<<<<< HEAD
mod scaffold;
=======
mod network;
mod passthrough;
mod privileges;
>>>>>>> pve
mod sweep;
mod template;
mod vm;
