//! A plan as a person reads it.
use super::{Action, Item, NoteKind, Plan};
use crate::tree::Tree;
use std::fmt;

/// The escape codes around what a plan prints; all empty for plain text.
#[derive(Clone, Copy, Debug, Default)]
pub struct Palette {
    color: bool,
}

impl Palette {
    /// Plain text.
    #[must_use]
    pub const fn plain() -> Self {
        Palette { color: false }
    }
    /// ANSI colours.
    #[must_use]
    pub const fn color() -> Self {
        Palette { color: true }
    }
    /// `text` in an ANSI style: `1` bold, `2` dim, `31` red, `32` green, `33` yellow, `36` cyan.
    #[must_use]
    pub fn paint(self, style: &str, text: impl fmt::Display) -> String {
        if self.color { format!("\x1b[{style}m{text}\x1b[0m") } else { text.to_string() }
    }
    const fn of(action: Action) -> &'static str {
        match action {
            Action::Create => "32",
            Action::Update | Action::Adopt => "33",
            Action::Replace | Action::Delete => "31",
            Action::Keep | Action::Forget => "2",
        }
    }
}

/// A plan that is ready to print: `plan.show(Palette::color())`.
pub struct Shown<'a> {
    plan: &'a Plan,
    palette: Palette,
}

impl Plan {
    /// The plan, to be printed.
    #[must_use]
    pub fn show(&self, palette: Palette) -> Shown<'_> {
        Shown { plan: self, palette }
    }

    /// One line: `4 to create, 1 to update`, or `no changes`.
    #[must_use]
    pub fn summary(&self) -> String {
        let words = [
            (Action::Create, "to create"),
            (Action::Adopt, "to adopt"),
            (Action::Update, "to update"),
            (Action::Replace, "to replace"),
            (Action::Delete, "to delete"),
            (Action::Forget, "to forget"),
        ];
        let parts: Vec<String> = words
            .iter()
            .map(|(action, word)| (self.count(*action), word))
            .filter(|(n, _)| *n > 0)
            .map(|(n, word)| format!("{n} {word}"))
            .collect();
        let mut line = if parts.is_empty() { "no changes".to_owned() } else { parts.join(", ") };
        if self.kept > 0 {
            line += &format!(" ({} as they should be)", self.kept);
        }
        if self.left_out > 0 {
            line += &format!("; {} left out by the selection", self.left_out);
        }
        line
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.show(Palette::plain()).fmt(f)
    }
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.plan.items.iter().try_for_each(|item| item.show(self.palette).fmt(f))?;
        writeln!(f, "{}", self.palette.paint("1", self.plan.summary()))
    }
}

/// What is planned for one resource, ready to print.
pub struct ShownItem<'a> {
    item: &'a Item,
    palette: Palette,
}

impl Item {
    /// The item, to be printed; it ends with a line's end.
    #[must_use]
    pub fn show(&self, palette: Palette) -> ShownItem<'_> {
        ShownItem { item: self, palette }
    }
}

impl fmt::Display for ShownItem<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (p, item) = (self.palette, self.item);
        let head = p.paint(Palette::of(item.action), format!("{} {}", item.action.sign(), item.key));
        match &item.at {
            Some(at) => writeln!(f, "{head}  {}", p.paint("2", at))?,
            None => writeln!(f, "{head}")?,
        }
        if let Some(was) = &item.was {
            writeln!(f, "    key: {was} -> {}", item.key)?;
        }
        for change in &item.changes {
            if let Some(lines) = line_by_line(&change.from, &change.to) {
                writeln!(f, "    {}:", change.field)?;
                for line in lines {
                    let style = match line.chars().next() {
                        Some('+') => "32",
                        Some('-') => "31",
                        _ => "2",
                    };
                    writeln!(f, "      {}", p.paint(style, line))?;
                }
                continue;
            }
            let to = shorten(&change.to);
            if change.from == Tree::Null {
                writeln!(f, "    {}: {to}", change.field)?;
            } else {
                writeln!(f, "    {}: {} -> {to}", change.field, shorten(&change.from))?;
            }
        }
        for note in &item.notes {
            let (style, word) = match note.kind {
                NoteKind::Because => ("2", "because"),
                NoteKind::Info => ("2", "note"),
                NoteKind::Reboot => ("33", "reboot"),
                NoteKind::Downtime => ("33", "downtime"),
                NoteKind::Loses => ("31", "loses"),
                NoteKind::Refused => ("31", "refused"),
            };
            writeln!(f, "    {} {}", p.paint(style, format!("{word}:")), note.text)?;
            if let Some(hint) = &note.hint {
                writeln!(f, "      hint: {hint}")?;
            }
        }
        Ok(())
    }
}

/// What differs between two texts of many lines, with a little of what is around it; bounded, so that a plan stays readable.
fn line_by_line(from: &Tree, to: &Tree) -> Option<Vec<String>> {
    const MOST: usize = 40;
    let (Tree::Text(from), Tree::Text(to)) = (from, to) else { return None };
    if from.lines().count().max(to.lines().count()) < 2 {
        return None;
    }
    let diff = similar::TextDiff::from_lines(from.as_ref(), to.as_ref());
    let mut lines: Vec<String> = vec![];
    for (n, group) in diff.grouped_ops(2).iter().enumerate() {
        if n > 0 {
            lines.push("...".into());
        }
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let line = change.value().trim_end_matches(['\n', '\r']);
            let line = line.chars().map(|c| if c.is_control() && c != '\t' { '\u{fffd}' } else { c });
            lines.push(cut(&format!("{}{}", change.tag(), line.collect::<String>()), 160));
        }
    }
    if from.ends_with('\n') != to.ends_with('\n') {
        let which = if to.ends_with('\n') { "now" } else { "no longer" };
        lines.push(format!("the last line {which} has an end"));
    }
    let more = lines.len().saturating_sub(MOST);
    if more > 0 {
        lines.truncate(MOST);
        lines.push(format!("... {more} lines more"));
    }
    Some(lines)
}

/// A long value is cut, and one of many lines is counted, so that a plan stays a page.
fn shorten(value: &Tree) -> String {
    const MOST: usize = 160;
    let text = value.to_string();
    let lines = text.lines().count();
    let first = text.lines().next().unwrap_or_default();
    if lines > 1 {
        return format!("{} … ({lines} lines)", cut(first, MOST));
    }
    cut(first, MOST)
}

fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}
