//! The SHA-256 of a value's canonical JSON (RFC 8785), without a second copy of a large document.
//!
//! `serde_json_canonicalizer` keeps a buffer per field and sorts them in a tree, which takes long
//! for a plan of ten thousand hosts and for the hundred thousand records of its run. Here everything
//! is written once, into one buffer. An object whose fields are not in order is put in order where
//! it stands; the outermost one is only given to the hash in order. A test holds both to the same
//! digests.

use std::cmp::Ordering;
use std::io::{self, Write};
use std::ops::Range;

use serde::Serialize;
use serde_json::ser::{CharEscape, Formatter, Serializer};
use sha2::{Digest as _, Sha256};

/// Up to here an integer's own digits are the shortest form of its double (2^53).
const INTEGER_MAX: u64 = 1 << 53;

/// Room for what most records take; everything else grows from here.
const RECORD_BYTES: usize = 512;

/// The digest of `value`'s canonical JSON. `value` holds no NaN and no infinity, which JSON has not:
/// what is made of texts, integers and JSON values never does.
pub(crate) fn sha256<T: Serialize>(value: &T) -> Result<[u8; 32], serde_json::Error> {
    let (out, scratch) = (Vec::with_capacity(RECORD_BYTES), Vec::with_capacity(RECORD_BYTES));
    let mut canonical = Canonical { out, scratch, ..Canonical::default() };
    value.serialize(&mut Serializer::with_formatter(io::sink(), &mut canonical))?;
    // What is no object was not given to the hash yet.
    canonical.hash.update(&canonical.out);
    Ok(canonical.hash.finalize().into())
}

#[derive(Default)]
struct Canonical {
    out: Vec<u8>,
    open: Vec<Object>,
    scratch: Vec<u8>,
    hash: Sha256,
}

/// An object that is being written.
struct Object {
    /// Where its first field begins.
    start: usize,
    fields: Vec<Field>,
}

struct Field {
    /// Its key, with the quotes.
    key: Range<usize>,
    /// Where its value ends.
    end: usize,
}

impl Canonical {
    fn compare(&self, a: &Field, b: &Field) -> Ordering {
        let (a, b) = (self.out.get(a.key.clone()), self.out.get(b.key.clone()));
        let (a, b) = (a.unwrap_or_default(), b.unwrap_or_default());
        let plain = |key: &[u8]| key.iter().all(|byte| byte.is_ascii() && *byte != b'\\');
        if plain(a) && plain(b) {
            // The quote at the end would sort after a space and an exclamation mark.
            return a.strip_suffix(b"\"").unwrap_or(a).cmp(b.strip_suffix(b"\"").unwrap_or(b));
        }
        // The order is that of UTF-16 code units of what the key says, not of how it is written.
        let units = |key: &[u8]| {
            serde_json::from_slice::<String>(key)
                .map(|key| key.encode_utf16().collect::<Vec<u16>>())
                .unwrap_or_default()
        };
        units(a).cmp(&units(b))
    }

    fn end_object(&mut self) {
        let Some(mut object) = self.open.pop() else { return };
        let mut sorted = object.fields.windows(2).all(|pair| match pair {
            [a, b] => self.compare(a, b).is_lt(),
            _ => true,
        });
        if !sorted {
            object.fields.sort_by(|a, b| self.compare(a, b));
        }
        let outermost = self.open.is_empty() && object.start == 1;
        if outermost {
            sorted = false;
        }
        if !sorted {
            self.scratch.clear();
            for (index, field) in object.fields.iter().enumerate() {
                let text = self.out.get(field.key.start..field.end).unwrap_or_default();
                let before: &[u8] = match (index, outermost) {
                    (0, true) => b"{",
                    (0, false) => b"",
                    _ => b",",
                };
                if outermost {
                    self.hash.update(before);
                    self.hash.update(text);
                } else {
                    self.scratch.extend_from_slice(before);
                    self.scratch.extend_from_slice(text);
                }
            }
            self.out.truncate(object.start);
            self.out.extend_from_slice(&self.scratch);
        }
        if outermost {
            self.out.clear();
            self.out.extend_from_slice(if object.fields.is_empty() { b"{}" } else { b"}" });
        } else {
            self.out.push(b'}');
        }
    }

    fn integer(&mut self, negative: bool, digits: u64) -> io::Result<()> {
        if digits > INTEGER_MAX {
            let sign = if negative { -1.0 } else { 1.0 };
            return self.double(sign * digits as f64);
        }
        let sign = if negative && digits > 0 { "-" } else { "" };
        write!(self.out, "{sign}{digits}")
    }

    /// Rare enough to be left to the crate that knows the rules.
    fn double(&mut self, value: f64) -> io::Result<()> {
        self.out.extend(serde_json_canonicalizer::to_vec(&value).map_err(io::Error::from)?);
        Ok(())
    }

    fn signed(&mut self, value: i64) -> io::Result<()> {
        self.integer(value < 0, value.unsigned_abs())
    }
}

/// Everything goes into the buffer, and nothing to the writer that the serializer has.
impl Formatter for &mut Canonical {
    fn write_null<W: ?Sized + Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.out.write_all(b"null")
    }

    fn write_bool<W: ?Sized + Write>(&mut self, _: &mut W, value: bool) -> io::Result<()> {
        self.out.write_all(if value { b"true" } else { b"false" })
    }

    fn write_i8<W: ?Sized + Write>(&mut self, _: &mut W, value: i8) -> io::Result<()> {
        self.signed(value.into())
    }

    fn write_i16<W: ?Sized + Write>(&mut self, _: &mut W, value: i16) -> io::Result<()> {
        self.signed(value.into())
    }

    fn write_i32<W: ?Sized + Write>(&mut self, _: &mut W, value: i32) -> io::Result<()> {
        self.signed(value.into())
    }

    fn write_i64<W: ?Sized + Write>(&mut self, _: &mut W, value: i64) -> io::Result<()> {
        self.signed(value)
    }

    fn write_i128<W: ?Sized + Write>(&mut self, _: &mut W, value: i128) -> io::Result<()> {
        self.double(value as f64)
    }

    fn write_u8<W: ?Sized + Write>(&mut self, _: &mut W, value: u8) -> io::Result<()> {
        self.integer(false, value.into())
    }

    fn write_u16<W: ?Sized + Write>(&mut self, _: &mut W, value: u16) -> io::Result<()> {
        self.integer(false, value.into())
    }

    fn write_u32<W: ?Sized + Write>(&mut self, _: &mut W, value: u32) -> io::Result<()> {
        self.integer(false, value.into())
    }

    fn write_u64<W: ?Sized + Write>(&mut self, _: &mut W, value: u64) -> io::Result<()> {
        self.integer(false, value)
    }

    fn write_u128<W: ?Sized + Write>(&mut self, _: &mut W, value: u128) -> io::Result<()> {
        self.double(value as f64)
    }

    fn write_f32<W: ?Sized + Write>(&mut self, _: &mut W, value: f32) -> io::Result<()> {
        self.double(value.into())
    }

    fn write_f64<W: ?Sized + Write>(&mut self, _: &mut W, value: f64) -> io::Result<()> {
        self.double(value)
    }

    fn write_number_str<W: ?Sized + Write>(&mut self, _: &mut W, value: &str) -> io::Result<()> {
        self.double(value.parse().map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?)
    }

    fn begin_string<W: ?Sized + Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.out.write_all(b"\"")
    }

    fn end_string<W: ?Sized + Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.out.write_all(b"\"")
    }

    fn write_string_fragment<W: ?Sized + Write>(&mut self, _: &mut W, fragment: &str) -> io::Result<()> {
        self.out.write_all(fragment.as_bytes())
    }

    fn write_char_escape<W: ?Sized + Write>(&mut self, _: &mut W, escape: CharEscape) -> io::Result<()> {
        match escape {
            CharEscape::Quote => self.out.write_all(b"\\\""),
            CharEscape::ReverseSolidus => self.out.write_all(b"\\\\"),
            CharEscape::Solidus => self.out.write_all(b"/"),
            CharEscape::Backspace => self.out.write_all(b"\\b"),
            CharEscape::FormFeed => self.out.write_all(b"\\f"),
            CharEscape::LineFeed => self.out.write_all(b"\\n"),
            CharEscape::CarriageReturn => self.out.write_all(b"\\r"),
            CharEscape::Tab => self.out.write_all(b"\\t"),
            CharEscape::AsciiControl(byte) => write!(self.out, "\\u{byte:04x}"),
        }
    }

    fn begin_array<W: ?Sized + Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.out.write_all(b"[")
    }

    fn end_array<W: ?Sized + Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.out.write_all(b"]")
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, _: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { self.out.write_all(b",") }
    }

    fn begin_object<W: ?Sized + Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.out.push(b'{');
        let start = self.out.len();
        self.open.push(Object { start, fields: Vec::new() });
        Ok(())
    }

    fn end_object<W: ?Sized + Write>(&mut self, _: &mut W) -> io::Result<()> {
        Canonical::end_object(self);
        Ok(())
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, _: &mut W, first: bool) -> io::Result<()> {
        if !first {
            self.out.push(b',');
        }
        let here = self.out.len();
        if let Some(object) = self.open.last_mut() {
            object.fields.push(Field { key: here..here, end: here });
        }
        Ok(())
    }

    fn end_object_key<W: ?Sized + Write>(&mut self, _: &mut W) -> io::Result<()> {
        let here = self.out.len();
        if let Some(field) = self.open.last_mut().and_then(|object| object.fields.last_mut()) {
            field.key.end = here;
        }
        Ok(())
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.out.write_all(b":")
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, _: &mut W) -> io::Result<()> {
        let here = self.out.len();
        if let Some(field) = self.open.last_mut().and_then(|object| object.fields.last_mut()) {
            field.end = here;
        }
        Ok(())
    }

    fn write_raw_fragment<W: ?Sized + Write>(&mut self, _: &mut W, _: &str) -> io::Result<()> {
        // Its fields could be in any order.
        Err(io::Error::from(io::ErrorKind::Unsupported))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn same(value: &impl Serialize) {
        let expected: [u8; 32] = Sha256::digest(serde_json_canonicalizer::to_vec(value).unwrap()).into();
        assert_eq!(sha256(value).unwrap(), expected, "{}", serde_json::to_string(value).unwrap());
    }

    #[test]
    fn a_digest_is_that_of_the_canonical_form() {
        #[derive(Serialize)]
        struct Unsorted {
            zeta: u64,
            alpha: Vec<Option<i32>>,
            #[serde(rename = "a\"b\n")]
            quoted: std::collections::BTreeMap<u32, f64>,
            inner: Option<Box<Unsorted>>,
        }
        let one = |inner| Unsorted {
            zeta: u64::MAX,
            alpha: vec![Some(-7), None, Some(i32::MIN)],
            quoted: [(10, 1e21), (9, -0.0), (2, 1e-7)].into(),
            inner,
        };
        same(&one(Some(Box::new(one(None)))));
        same(&[one(None), one(None)]);
        same(&json!({}));
        same(&json!([{}, {"b": {}, "a": []}]));
        same(&json!({"\u{fb33}": 1, "\u{1f600}": 2, "é": 3, "e": 4, "a!": 5, "a": 6, "a\"": 7, "\u{7f}\u{1}/\\": 8}));
        same(&json!("text"));
        same(&(i64::MIN, 1_u64 << 53, (1_u64 << 53) + 1, 0.1 + 0.2, u128::MAX, 5e-324));
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(|number| serde_json::Number::from_f64(number).map_or(Value::Null, Value::Number)),
            ".{0,6}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::vec((".{0,3}", inner), 0..6)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_value_has_the_digest_of_its_canonical_form(value in values()) {
            same(&value);
        }
    }
}
