//! From anything that serialises to a [`Tree`]. References, text and secrets announce themselves by reserved names.
use super::{Map, Ref, Tree};
use crate::output::NodeId;
use serde::ser::{self, Serialize};
use std::{borrow::Cow, fmt};

/// The reserved names under which our own types hand themselves over; no other serializer gives them a meaning.
pub(crate) const REF: &str = "$homelab::ref";
pub(crate) const TEXT: &str = "$homelab::text";
pub(crate) const SECRET: &str = "$homelab::secret";
pub(crate) const CLEARED: &str = "$homelab::cleared";

/// A spec: `None` leaves no trace.
///
/// # Errors
/// When the type's own `Serialize` fails, or a map's key is not text.
pub fn spec(value: &impl Serialize) -> Result<Tree, TreeError> {
    Ok(value.serialize(Ser { keep_none: false })?.unwrap_or(Tree::Null))
}

/// A state: `None` is kept as `Null`.
///
/// # Errors
/// As [`spec`].
pub fn state(value: &impl Serialize) -> Result<Tree, TreeError> {
    Ok(value.serialize(Ser { keep_none: true })?.unwrap_or(Tree::Null))
}

/// A value that cannot become a tree: a mistake in a resource's `Serialize`.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct TreeError(String);

impl ser::Error for TreeError {
    fn custom<T: fmt::Display>(msg: T) -> Self {
        TreeError(msg.to_string())
    }
}

#[derive(Clone, Copy)]
struct Ser {
    keep_none: bool,
}

/// `Ok(None)` is a value that is not there.
type Made = Result<Option<Tree>, TreeError>;

macro_rules! ints {
    ($($name:ident: $ty:ty),*) => { $(fn $name(self, v: $ty) -> Made { Ok(Some(Tree::Int(v.into()))) })* };
}

impl ser::Serializer for Ser {
    type Ok = Option<Tree>;
    type Error = TreeError;
    type SerializeSeq = Seq;
    type SerializeTuple = Seq;
    type SerializeTupleStruct = Seq;
    type SerializeTupleVariant = Seq;
    type SerializeMap = Fields;
    type SerializeStruct = Fields;
    type SerializeStructVariant = Fields;

    ints!(serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64, serialize_i128: i128);
    ints!(serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64);

    fn serialize_bool(self, v: bool) -> Made {
        Ok(Some(Tree::Bool(v)))
    }
    fn serialize_f32(self, v: f32) -> Made {
        self.serialize_f64(v.into())
    }
    fn serialize_f64(self, v: f64) -> Made {
        Ok(Some(Tree::Float(v)))
    }
    fn serialize_char(self, v: char) -> Made {
        self.serialize_str(v.encode_utf8(&mut [0; 4]))
    }
    fn serialize_str(self, v: &str) -> Made {
        Ok(Some(Tree::from(v)))
    }
    fn serialize_bytes(self, v: &[u8]) -> Made {
        Ok(Some(Tree::List(v.iter().map(|b| Tree::Int((*b).into())).collect())))
    }
    fn serialize_none(self) -> Made {
        Ok(self.keep_none.then_some(Tree::Null))
    }
    fn serialize_some<T: Serialize + ?Sized>(self, v: &T) -> Made {
        v.serialize(self)
    }
    fn serialize_unit(self) -> Made {
        self.serialize_none()
    }
    fn serialize_unit_struct(self, name: &'static str) -> Made {
        if name == CLEARED { Ok(Some(Tree::Null)) } else { self.serialize_none() }
    }
    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Made {
        Ok(Some(Tree::Text(Cow::Borrowed(variant))))
    }
    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, name: &'static str, v: &T) -> Made {
        let inner = v.serialize(self)?;
        Ok(match (name, inner) {
            (REF, Some(Tree::List(parts))) => Some(Tree::Ref(reference(&parts)?)),
            (TEXT, Some(Tree::List(parts))) => Some(Tree::joined(parts)),
            (SECRET, Some(Tree::Text(name))) => Some(Tree::Secret(name)),
            (_, plain) => plain,
        })
    }
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        v: &T,
    ) -> Made {
        Ok(Some(tagged(variant, v.serialize(self)?.unwrap_or(Tree::Null))))
    }
    fn serialize_seq(self, len: Option<usize>) -> Result<Seq, TreeError> {
        Ok(Seq { ser: self, items: Vec::with_capacity(len.unwrap_or(0)), variant: None })
    }
    fn serialize_tuple(self, len: usize) -> Result<Seq, TreeError> {
        self.serialize_seq(Some(len))
    }
    fn serialize_tuple_struct(self, _: &'static str, len: usize) -> Result<Seq, TreeError> {
        self.serialize_seq(Some(len))
    }
    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Seq, TreeError> {
        Ok(Seq { variant: Some(variant), ..self.serialize_seq(Some(len))? })
    }
    fn serialize_map(self, len: Option<usize>) -> Result<Fields, TreeError> {
        Ok(Fields { ser: self, fields: Vec::with_capacity(len.unwrap_or(0)), key: None, variant: None })
    }
    fn serialize_struct(self, _: &'static str, len: usize) -> Result<Fields, TreeError> {
        self.serialize_map(Some(len))
    }
    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Fields, TreeError> {
        Ok(Fields { variant: Some(variant), ..self.serialize_map(Some(len))? })
    }
}

fn tagged(variant: &'static str, value: Tree) -> Tree {
    Tree::Map(Map(vec![(Cow::Borrowed(variant), value)]))
}

fn reference(parts: &[Tree]) -> Result<Ref, TreeError> {
    match parts {
        // The field's name is a `&'static str` that went through `serialize_unit_variant`, so it came back borrowed.
        [Tree::Int(node), Tree::Text(Cow::Borrowed(field))] => {
            let node = u32::try_from(*node).map_err(|_| TreeError("a node's number is out of range".into()))?;
            Ok(Ref { node: NodeId(node), field })
        }
        _ => Err(TreeError("a reference is a node and a field".into())),
    }
}

struct Seq {
    ser: Ser,
    items: Vec<Tree>,
    variant: Option<&'static str>,
}

impl Seq {
    fn push<T: Serialize + ?Sized>(&mut self, v: &T) -> Result<(), TreeError> {
        self.items.extend(v.serialize(self.ser)?);
        Ok(())
    }
    fn finish(self) -> Made {
        let list = Tree::List(self.items);
        Ok(Some(match self.variant {
            Some(variant) => tagged(variant, list),
            None => list,
        }))
    }
}

macro_rules! seqs {
    ($($of:ident $push:ident),*) => { $(impl ser::$of for Seq {
        type Ok = Option<Tree>;
        type Error = TreeError;
        fn $push<T: Serialize + ?Sized>(&mut self, v: &T) -> Result<(), TreeError> { self.push(v) }
        fn end(self) -> Made { self.finish() }
    })* };
}
seqs!(
    SerializeSeq serialize_element,
    SerializeTuple serialize_element,
    SerializeTupleStruct serialize_field,
    SerializeTupleVariant serialize_field
);

struct Fields {
    ser: Ser,
    fields: Vec<(Cow<'static, str>, Tree)>,
    key: Option<String>,
    variant: Option<&'static str>,
}

impl Fields {
    fn put<T: Serialize + ?Sized>(&mut self, key: Cow<'static, str>, v: &T) -> Result<(), TreeError> {
        if let Some(v) = v.serialize(self.ser)? {
            self.fields.push((key, v));
        }
        Ok(())
    }
    fn finish(self) -> Made {
        let map = Tree::Map(Map(self.fields));
        Ok(Some(match self.variant {
            Some(variant) => tagged(variant, map),
            None => map,
        }))
    }
}

impl ser::SerializeMap for Fields {
    type Ok = Option<Tree>;
    type Error = TreeError;
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), TreeError> {
        match key.serialize(self.ser)? {
            Some(Tree::Text(s)) => self.key = Some(s.into_owned()),
            Some(Tree::Int(n)) => self.key = Some(n.to_string()),
            _ => return Err(TreeError("a map's key must be text or a whole number".into())),
        }
        Ok(())
    }
    fn serialize_value<T: Serialize + ?Sized>(&mut self, v: &T) -> Result<(), TreeError> {
        match self.key.take() {
            Some(key) => self.put(Cow::Owned(key), v),
            None => Err(TreeError("a value came before its key".into())),
        }
    }
    fn end(self) -> Made {
        self.finish()
    }
}

macro_rules! structs {
    ($($of:ident),*) => { $(impl ser::$of for Fields {
        type Ok = Option<Tree>;
        type Error = TreeError;
        fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, v: &T) -> Result<(), TreeError> {
            self.put(Cow::Borrowed(key), v)
        }
        fn end(self) -> Made { self.finish() }
    })* };
}
structs!(SerializeStruct, SerializeStructVariant);

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Serialize;

    #[derive(Serialize)]
    #[serde(rename_all = "snake_case")]
    enum Mode {
        Plain,
        Sized { at: u8 },
    }
    #[derive(Serialize)]
    struct Thing {
        name: &'static str,
        size: Option<u8>,
        mode: Mode,
    }

    #[test]
    fn an_unmanaged_field_leaves_no_trace_in_a_spec_and_is_null_in_a_state() {
        let thing = Thing { name: "a", size: None, mode: Mode::Plain };
        assert_eq!(spec(&thing).unwrap().to_string(), "{name: a, mode: plain}");
        assert_eq!(state(&thing).unwrap().to_string(), "{name: a, size: none, mode: plain}");
    }

    #[test]
    fn a_variant_with_fields_is_a_map_under_its_name() {
        let thing = Thing { name: "a", size: Some(1), mode: Mode::Sized { at: 3 } };
        assert_eq!(spec(&thing).unwrap().to_string(), "{name: a, size: 1, mode: {sized: {at: 3}}}");
    }
}
