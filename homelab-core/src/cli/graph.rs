//! `graph`: the lab as a drawing. Looks at the code alone.
use super::{
    args::{Format, GraphArgs},
    exit::Exit,
    session::Session,
    stop::Stop,
};
use crate::draw;

pub(super) fn run(session: &Session<'_>, args: &GraphArgs) -> Result<Exit, Stop> {
    let graph = &session.graph;
    let by_name = args.out.as_ref().and_then(|path| path.extension()).and_then(|e| match e.to_str()? {
        "dot" | "gv" => Some(Format::Dot),
        "mmd" | "mermaid" => Some(Format::Mermaid),
        "svg" => Some(Format::Svg),
        "json" => Some(Format::Json),
        _ => None,
    });
    let text = match args.format.or(by_name).unwrap_or(Format::Dot) {
        Format::Dot => draw::dot(graph),
        Format::Mermaid => draw::mermaid(graph),
        Format::Svg => draw::svg(graph),
        Format::Json => {
            let drawing = serde_json::to_value(draw::Drawing::of(graph)).unwrap_or_default();
            format!("{drawing:#}\n")
        }
    };
    match &args.out {
        Some(path) => session.write_file(path, &text)?,
        None => session.console.out.text(text),
    }
    Ok(Exit::Done)
}
