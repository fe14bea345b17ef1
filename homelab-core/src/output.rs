//! Values that may not exist yet. An [`Output`] is an address (a node and a field of its state), never a closure.
use crate::tree::{CLEARED, REF};
use serde::{Serialize, Serializer};
use std::{fmt, marker::PhantomData};

/// A node's number in its lab: the order of declaration, which is also an order in which everything can be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub(crate) u32);

/// The bit that tells the nodes of a recipe from those of the lab around it, so that a handle of one is none of the other.
const RECIPE: u32 = 1 << 31;

impl NodeId {
    /// The node of this index, in a lab or in a recipe.
    pub(crate) const fn of(index: u32, recipe: bool) -> Self {
        NodeId(if recipe { index | RECIPE } else { index })
    }

    pub(crate) const fn index(self) -> usize {
        (self.0 & !RECIPE) as usize
    }

    /// Whether it was given out before `other`, by the same lab.
    pub(crate) const fn precedes(self, other: NodeId) -> bool {
        self.0 & RECIPE == other.0 & RECIPE && self.0 < other.0
    }
}

/// A typed field of a node's state, to be known once that node exists.
///
/// Using one in another resource *is* the dependency: nothing else has to be said.
pub struct Output<T> {
    node: NodeId,
    field: &'static str,
    ty: PhantomData<fn() -> T>,
}

impl<T> Clone for Output<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Output<T> {}
impl<T> fmt::Debug for Output<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Output({}.{})", self.node.0, self.field)
    }
}

impl<T> Output<T> {
    /// The field of a node's state. Called by [`outputs!`](crate::outputs), which checks that the field exists.
    #[doc(hidden)]
    #[must_use]
    pub const fn at(node: NodeId, field: &'static str) -> Self {
        Output { node, field, ty: PhantomData }
    }

    pub(crate) const fn target(&self) -> crate::tree::Ref {
        crate::tree::Ref { node: self.node, field: self.field }
    }
}

impl<T> Serialize for Output<T> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_newtype_struct(REF, &(self.node.0, FieldName(self.field)))
    }
}

/// Goes through the serializer as a variant's name, which keeps it `&'static`.
struct FieldName(&'static str);
impl Serialize for FieldName {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_unit_variant("", 0, self.0)
    }
}

/// What a builder accepts: a value, or the output of another resource.
#[derive(Clone, Copy, Debug)]
pub enum Input<T> {
    /// A value that is known now.
    Known(T),
    /// A value that another resource will have.
    From(Output<T>),
}

impl<T> From<T> for Input<T> {
    fn from(v: T) -> Self {
        Input::Known(v)
    }
}
impl From<&str> for Input<String> {
    fn from(v: &str) -> Self {
        Input::Known(v.to_owned())
    }
}
impl<T> From<Output<T>> for Input<T> {
    fn from(o: Output<T>) -> Self {
        Input::From(o)
    }
}
impl<T: Serialize> Serialize for Input<T> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self {
            Input::Known(v) => v.serialize(s),
            Input::From(o) => o.serialize(s),
        }
    }
}

/// A field of a spec, with its three values. Only what is declared is ever sent, compared or cleared.
#[derive(Clone, Copy, Debug, Default)]
pub enum Field<T> {
    /// Not managed: whatever is there stays, and is never shown as a difference.
    #[default]
    Unmanaged,
    /// Must have this value.
    Set(T),
    /// Must be empty.
    Cleared,
}

impl<T> Field<T> {
    /// The value, if one is set.
    pub fn as_set(&self) -> Option<&T> {
        match self {
            Field::Set(v) => Some(v),
            _ => None,
        }
    }
}
impl<T> From<T> for Field<T> {
    fn from(v: T) -> Self {
        Field::Set(v)
    }
}
impl<T: Serialize> Serialize for Field<T> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self {
            Field::Unmanaged => s.serialize_none(),
            Field::Set(v) => s.serialize_some(v),
            Field::Cleared => s.serialize_unit_struct(CLEARED),
        }
    }
}

/// Declares the outputs of a resource: a `Copy` struct with one method for each field, `vm.ip()`.
///
/// Naming a field that the state lacks, or giving it another type, does not compile.
///
/// ```
/// use homelab_core::outputs;
/// #[derive(serde::Serialize)]
/// pub struct GuestState {
///     /// The guest's number.
///     pub vmid: u32,
/// }
/// outputs!(
///     /// What a guest is known by.
///     GuestOutputs of GuestState {
///         /// The guest's number.
///         vmid: u32,
///     }
/// );
/// ```
#[macro_export]
macro_rules! outputs {
    ($(#[$doc:meta])* $name:ident of $state:ty { $($(#[$field_doc:meta])* $field:ident : $ty:ty),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub struct $name($crate::NodeId);
        impl $name {
            $($(#[$field_doc])*
            #[must_use]
            pub const fn $field(&self) -> $crate::Output<$ty> {
                $crate::Output::at(self.0, stringify!($field))
            })*
        }
        impl From<$crate::NodeId> for $name {
            fn from(node: $crate::NodeId) -> Self {
                $name(node)
            }
        }
        const _: fn(&$state) = |_s| {
            $($crate::assert_yields::<_, $ty>(&_s.$field);)*
        };
    };
}

/// Ties the type of an output to the type of the state's field: the same, or the inside of an `Option`.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "the state's field is `{Self}`, its output cannot be `{T}`",
    label = "an output has the type of the state's field of that name, or of what is inside its `Option`"
)]
pub trait Yields<T> {}
impl<T> Yields<T> for T {}
impl<T> Yields<T> for Option<T> {}

/// The check itself: it exists for its types.
#[doc(hidden)]
pub const fn assert_yields<S: Yields<T>, T>(_: &S) {}
