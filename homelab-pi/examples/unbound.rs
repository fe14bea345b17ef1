//! Writes an `unbound.conf` as the Pi's Unbound has it, for trying it elsewhere: `unbound PORT ANCHOR [LOCAL..]`.
use homelab_pi::unbound::Unbound;
use std::{env, error::Error};

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = env::args().skip(1);
    let port: u16 = args.next().ok_or("which port?")?.parse()?;
    let anchor = args.next().ok_or("where is the trust anchor?")?;
    let mut unbound = Unbound { local: args.collect(), ..Unbound::default() };
    unbound.listen.set_port(port);
    #[allow(clippy::print_stdout, reason = "this is what the program is for")]
    {
        print!("{}", unbound.conf(&anchor));
    }
    Ok(())
}
