//! Text with holes, so that interpolation stays data: `text!["http://", vm.ip(), ":3000"]`.
use crate::{output::Output, tree::TEXT};
use serde::{Serialize, Serializer, ser::SerializeSeq};
use std::{borrow::Cow, fmt};

/// Text in which some pieces are outputs of other resources, or secrets. Made by [`text!`](crate::text) or from a string.
#[derive(Clone, Debug, Default)]
pub struct Text(Vec<Piece>);

#[derive(Clone, Debug)]
enum Piece {
    Literal(Cow<'static, str>),
    Hole(Output<()>),
    Secret(crate::Secret),
}

impl Text {
    /// This text with one more piece at its end.
    #[must_use]
    pub fn with(mut self, piece: impl Into<Text>) -> Self {
        self.0.extend(piece.into().0);
        self
    }
}

impl Text {
    /// The whole text, if it has no holes and no secrets.
    pub(crate) fn literal(&self) -> Option<String> {
        let literal = |piece: &Piece| match piece {
            Piece::Literal(text) => Some(text.clone()),
            Piece::Hole(_) | Piece::Secret(_) => None,
        };
        self.0.iter().map(literal).collect()
    }

    /// Whether a secret is a part of it.
    pub(crate) fn has_secret(&self) -> bool {
        self.0.iter().any(|piece| matches!(piece, Piece::Secret(_)))
    }

    /// The same with a line's end, if it has none.
    pub(crate) fn ended(self) -> Self {
        match self.0.last() {
            None => self,
            Some(Piece::Literal(text)) if text.ends_with('\n') => self,
            Some(_) => self.with("\n"),
        }
    }
}

impl From<&'static str> for Text {
    fn from(s: &'static str) -> Self {
        Text(vec![Piece::Literal(s.into())])
    }
}
impl From<String> for Text {
    fn from(s: String) -> Self {
        Text(vec![Piece::Literal(s.into())])
    }
}
impl<T: fmt::Display> From<Output<T>> for Text {
    fn from(o: Output<T>) -> Self {
        let target = o.target();
        Text(vec![Piece::Hole(Output::at(target.node, target.field))])
    }
}
impl From<crate::Secret> for Text {
    fn from(secret: crate::Secret) -> Self {
        Text(vec![Piece::Secret(secret)])
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        struct Pieces<'a>(&'a [Piece]);
        impl Serialize for Pieces<'_> {
            fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                let mut seq = s.serialize_seq(Some(self.0.len()))?;
                for piece in self.0 {
                    match piece {
                        Piece::Literal(t) => seq.serialize_element(t)?,
                        Piece::Hole(o) => seq.serialize_element(o)?,
                        Piece::Secret(name) => seq.serialize_element(name)?,
                    }
                }
                seq.end()
            }
        }
        s.serialize_newtype_struct(TEXT, &Pieces(&self.0))
    }
}

/// Text from pieces: literals, outputs of other resources, secrets. Each output used is a dependency.
///
/// ```ignore
/// text!["http://", grafana.ip(), ":3000"]
/// ```
#[macro_export]
macro_rules! text {
    ($($piece:expr),* $(,)?) => { $crate::Text::default()$(.with($piece))* };
}
