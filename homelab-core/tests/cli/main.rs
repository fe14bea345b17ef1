//! The command line as a person and a program see it: exit code, stdout and stderr of each case in one snapshot.
mod agree;
mod docs;
mod graph;
mod kitchen;
mod look;
mod programs;
mod refuse;
mod run;
mod secrets;
mod state;
mod store;
mod toy;
mod wait;
