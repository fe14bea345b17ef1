//! What lives inside machines, on a real one: Debian with systemd, sshd and apt. Only where the environment names one
//! (`HOMELAB_TEST_MACHINE=ADDRESS`, `HOMELAB_TEST_HOME=DIR` with the keys); `.ci/machine` sets one up.
mod killed;
mod life;
mod real;
mod stack;
mod whole;
