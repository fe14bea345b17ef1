//! Expressions as text, laid out as `nixfmt` lays them out: sets and longer lists with one item a line, two blanks a level.
use super::expr::{Binding, Expr};

/// A file that is a function of a module's arguments: `{ pkgs, ... }:` and the set.
pub(super) fn module(about: &str, arguments: &[&str], bindings: &[Binding]) -> String {
    let mut out = head(about);
    match arguments {
        [] => out.push_str("{ ... }:\n"),
        [one] => out.push_str(&format!("{{ {one}, ... }}:\n")),
        many => out.push_str(&format!("{{\n  {},\n  ...\n}}:\n", many.join(",\n  "))),
    }
    set(&mut out, bindings, 0);
    out.push('\n');
    out
}

/// A file that is one expression.
pub(super) fn value(about: &str, expr: &Expr) -> String {
    let mut out = head(about);
    render(&mut out, expr, 0);
    out.push('\n');
    out
}

fn head(about: &str) -> String {
    format!("# {about}\n# Generated: change the lab's code, not this file.\n")
}

fn indent(out: &mut String, level: usize) {
    for _ in 0..level {
        out.push_str("  ");
    }
}

fn render(out: &mut String, expr: &Expr, level: usize) {
    match expr {
        Expr::Bool(b) => out.push_str(if *b { "true" } else { "false" }),
        Expr::Int(n) => out.push_str(&n.to_string()),
        Expr::Str(text) => quoted(out, text),
        Expr::Lines(text) => lines(out, text, level),
        Expr::List(items) => list(out, items, level),
        Expr::Set(bindings) => set(out, bindings, level),
        Expr::Constant(name, _) => {
            out.push_str("constants.");
            out.push_str(name);
        }
        Expr::Force(value) => {
            out.push_str("lib.mkForce ");
            render(out, value, level);
        }
        Expr::Package(name) | Expr::Path(name) => out.push_str(name),
        Expr::Call(function, argument) => {
            out.push_str(function);
            out.push(' ');
            render(out, argument, level);
        }
    }
}

/// In a list a call needs parentheses, or it is two items.
fn item(out: &mut String, expr: &Expr, level: usize) {
    match expr {
        Expr::Call(..) | Expr::Force(_) => {
            out.push('(');
            render(out, expr, level);
            out.push(')');
        }
        plain => render(out, plain, level),
    }
}

/// How long a line may be.
const WIDTH: usize = 100;

/// Whether `[ one ];` ends within the line that has been begun.
fn fits_in_line(out: &str, one: &Expr) -> bool {
    if matches!(one, Expr::Set(_) | Expr::List(_) | Expr::Lines(_)) {
        return false;
    }
    let mut text = String::new();
    item(&mut text, one, 0);
    let begun = out.len() - out.rfind('\n').map_or(0, |at| at + 1);
    begun + text.chars().count() + "[  ];".len() <= WIDTH
}

fn list(out: &mut String, items: &[Expr], level: usize) {
    match items {
        [] => out.push_str("[ ]"),
        [one] if fits_in_line(out, one) => {
            out.push_str("[ ");
            item(out, one, level);
            out.push_str(" ]");
        }
        many => {
            out.push_str("[\n");
            for one in many {
                indent(out, level + 1);
                item(out, one, level + 1);
                out.push('\n');
            }
            indent(out, level);
            out.push(']');
        }
    }
}

fn set(out: &mut String, bindings: &[Binding], level: usize) {
    if bindings.is_empty() {
        return out.push_str("{ }");
    }
    out.push_str("{\n");
    for (name, value) in bindings {
        indent(out, level + 1);
        out.push_str(name);
        out.push_str(" = ");
        render(out, value, level + 1);
        out.push_str(";\n");
    }
    indent(out, level);
    out.push('}');
}

/// A name as one part of a path: quoted unless it is an identifier.
pub(super) fn name(text: &str) -> String {
    let first = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let rest = text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '\''));
    const WORDS: [&str; 9] = ["assert", "else", "if", "in", "inherit", "let", "or", "rec", "with"];
    if first && rest && text != "then" && !WORDS.contains(&text) {
        return text.to_owned();
    }
    let mut out = String::new();
    quoted(&mut out, text);
    out
}

fn quoted(out: &mut String, text: &str) {
    out.push('"');
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '$' if rest.peek() == Some(&'{') => out.push_str("\\$"),
            plain => out.push(plain),
        }
    }
    out.push('"');
}

fn lines(out: &mut String, text: &str, level: usize) {
    out.push_str("''\n");
    for line in text.lines() {
        if !line.is_empty() {
            indent(out, level + 1);
            out.push_str(&line.replace("''", "'''"));
        }
        out.push('\n');
    }
    indent(out, level);
    out.push_str("''");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(expr: &Expr) -> String {
        let mut out = String::new();
        render(&mut out, expr, 0);
        out
    }

    #[test]
    fn what_would_be_code_in_a_string_stays_text() {
        assert_eq!(text(&r#"a "b" \ ${c} $d"#.into()), r#""a \"b\" \\ \${c} $d""#);
        assert_eq!(text(&"one\ntwo".into()), r#""one\ntwo""#);
    }

    #[test]
    fn lists_of_more_than_one_are_written_below_each_other() {
        assert_eq!(text(&Expr::list::<Expr>([])), "[ ]");
        assert_eq!(text(&Expr::list(["a"])), "[ \"a\" ]");
        assert_eq!(text(&Expr::list([1u32, 2])), "[\n  1\n  2\n]");
        assert_eq!(text(&Expr::List(vec![Expr::set([("a", Expr::Int(1))])])), "[\n  {\n    a = 1;\n  }\n]");
    }

    #[test]
    fn names_that_are_no_identifiers_are_quoted() {
        assert_eq!(name("eth0"), "eth0");
        assert_eq!(name("/"), "\"/\"");
        assert_eq!(name("homelab/pi.json"), "\"homelab/pi.json\"");
        assert_eq!(name("with"), "\"with\"");
    }
}
