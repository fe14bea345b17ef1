//! Writes an image to a device, loop devices too: `flash IMAGE DEVICE`. For trying it on real devices, see `.ci/flash`.
use homelab_pi::flash::{Limits, Progress, Source, WriteError, check, find, open, write};
use std::{cell::Cell, env, error::Error, io::Write, path::Path, time::Instant};

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = env::args().skip(1).collect();
    let [image, device] = args.as_slice() else { return Err("flash IMAGE DEVICE".into()) };
    let source = Source::open(Path::new(image))?;
    let device = find(Path::new(device))?;
    let limits = Limits { any_size: true, virtual_too: true };
    if let Some(refusal) = check(&device, source.len().unwrap_or(0), limits).first() {
        return Err(format!("{device} is not written: {refusal}; {}", refusal.hint()).into());
    }
    let mut card = open(&device)?;
    let began = Instant::now();
    let written_after = Cell::new(None);
    let watch = |progress: Progress| {
        if let Progress::Compared(..) = progress {
            written_after.set(written_after.get().or(Some(began.elapsed())));
        }
    };
    let written = write(source, &mut card, &|_| Ok(()), &watch).map_err(|e: WriteError| e.to_string())?;
    let wrote = written_after.get().unwrap_or_default();
    let mut out = std::io::stdout();
    writeln!(
        out,
        "flash: {} bytes in {} ms, read back in {} ms",
        written.bytes,
        wrote.as_millis(),
        (began.elapsed() - wrote).as_millis()
    )?;
    Ok(())
}
