//! Scalars as they come: `100` or `"100"`, `1`, `"1"` or `true`. Their JSON types change between fields and releases
//! (pve-notes section 1), so none of ours depends on them.
use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::Value;

/// A type that can be read from any JSON scalar that means it.
pub(crate) trait FromScalar: Sized {
    /// The value, or nothing if the scalar does not mean one.
    fn from_scalar(value: &Value) -> Option<Self>;
}

impl FromScalar for String {
    fn from_scalar(value: &Value) -> Option<Self> {
        match value {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            Value::Bool(flag) => Some(u8::from(*flag).to_string()),
            _ => None,
        }
    }
}

impl FromScalar for bool {
    fn from_scalar(value: &Value) -> Option<Self> {
        match value {
            Value::Bool(flag) => Some(*flag),
            Value::Number(number) => number.as_f64().map(|number| number != 0.0),
            Value::String(text) if text.is_empty() => Some(false),
            Value::String(text) => super::property::flag(text),
            _ => None,
        }
    }
}

macro_rules! numbers {
    ($($type:ty),+) => {$(
        impl FromScalar for $type {
            fn from_scalar(value: &Value) -> Option<Self> {
                match value {
                    Value::Number(number) => number.to_string().parse().ok(),
                    Value::String(text) => text.trim().parse().ok(),
                    Value::Bool(flag) => Some(Self::from(u8::from(*flag))),
                    _ => None,
                }
            }
        }
    )+};
}
numbers!(u16, u32, u64, i64, f64);

impl<T: FromScalar> FromScalar for Option<T> {
    fn from_scalar(value: &Value) -> Option<Self> {
        if value.is_null() { Some(None) } else { T::from_scalar(value).map(Some) }
    }
}

/// `#[serde(deserialize_with = "scalar")]`: reads a field from whatever scalar stands there.
///
/// # Errors
/// If what stands there does not mean a `T`.
pub(crate) fn scalar<'de, D: Deserializer<'de>, T: FromScalar>(from: D) -> Result<T, D::Error> {
    let value = Value::deserialize(from)?;
    T::from_scalar(&value)
        .ok_or_else(|| D::Error::custom(format_args!("`{value}` is not a {}", std::any::type_name::<T>())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_scalar_means_the_same_in_every_json_type() {
        for value in [json!(100), json!("100")] {
            assert_eq!(u64::from_scalar(&value), Some(100));
            assert_eq!(String::from_scalar(&value).as_deref(), Some("100"));
        }
        for value in [json!(1), json!("1"), json!(true), json!("on"), json!("yes")] {
            assert_eq!(bool::from_scalar(&value), Some(true));
        }
        for value in [json!(0), json!("0"), json!(false), json!("off"), json!("")] {
            assert_eq!(bool::from_scalar(&value), Some(false));
        }
        assert_eq!(Option::<u64>::from_scalar(&json!(null)), Some(None));
        assert_eq!(u64::from_scalar(&json!("ten")), None);
        assert_eq!(f64::from_scalar(&json!("0.25")), Some(0.25));
    }
}
