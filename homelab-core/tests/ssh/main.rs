//! Machines: the script of a batch against real shells, the simulated machine, and real OpenSSH where the environment allows it.
mod ahead;
mod disk;
mod inside;
mod local;
mod openssh;
mod script;
mod sshd;
mod twins;
