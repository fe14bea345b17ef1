//! The host's name and its locales.
use super::{Call, done, fails, says};
use crate::{host::Output, sim::world::World};

/// Locales that Debian can generate, as far as anybody here asks.
const LOCALES: [&str; 5] = ["C.UTF-8", "en_US.UTF-8", "en_GB.UTF-8", "de_DE.UTF-8", "fr_FR.UTF-8"];

pub(super) fn run(world: &mut World, program: &str, call: &Call<'_>) -> Output {
    let args = call.args();
    match (program, args.as_slice()) {
        ("hostname", [name]) => {
            if name.len() > 64 || name.is_empty() {
                return fails(1, "hostname: name too long");
            }
            world.debian.hostname = Some((*name).to_owned());
            done()
        }
        ("locale-gen", []) => {
            let text = world.files.text("/etc/locale.gen").unwrap_or_default();
            let wanted = text.lines().filter(|l| !l.starts_with('#') && !l.is_empty());
            let mut made = vec![];
            for line in wanted {
                let name = line.split(' ').next().unwrap_or_default();
                if !LOCALES.contains(&name) {
                    return fails(1, format!("Error: '{name}' is not a supported language or locale"));
                }
                made.push(format!("  {name}... done\n"));
            }
            world.files.put("/usr/lib/locale/locale-archive", made.concat());
            says("Generating locales (this might take a while)...\n")
        }
        ("update-locale", [word]) => {
            let list = world.files.text("/usr/lib/locale/locale-archive").unwrap_or_default();
            match word.strip_prefix("LANG=") {
                Some(lang) if lang != "C.UTF-8" && !list.contains(&format!("  {lang}...")) => {
                    fails(255, format!("*** update-locale: Error: invalid locale settings:  LANG={lang}"))
                }
                lang => {
                    world.files.put("/etc/default/locale", lang.map(|l| format!("LANG={l}\n")).unwrap_or_default());
                    done()
                }
            }
        }
        _ => fails(1, format!("{program}: this is not understood")),
    }
}
