//! Component values, as a tree in the shape of their despecialized type.
//! Knows nothing of memory, core values or text.

/// A component value. Which type it has is said elsewhere: a `Record` may be of a record or a
/// tuple type, a `Variant` of a variant, enum, option or result type.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Value {
    Bool(bool),
    S8(i8),
    U8(u8),
    S16(i16),
    U16(u16),
    S32(i32),
    U32(u32),
    S64(i64),
    U64(u64),
    /// The bits: NaNs differ in them.
    F32(u32),
    /// The bits: NaNs differ in them.
    F64(u64),
    Char(char),
    String(Str),
    /// Of a list, a list of fixed length, or (as records of key and value) a map.
    List(Vec<Value>),
    /// Of a `list<u8>`, as the reference lifts it: says the same as a `List` of `U8`, in a thirtieth of the
    /// space. In a case there are none.
    Bytes(Vec<u8>),
    /// Of a record or tuple, in the order of the type.
    Record(Vec<Value>),
    /// Of a variant, enum, option (`none` is 0) or result (`ok` is 0).
    Variant(u32, Option<Box<Value>>),
    /// Bit i is flag i.
    Flags(u32),
    /// Of an own or a borrow: what stands for the resource on the side that holds the value. Lifted,
    /// its representation; in what a guest hands over, the index in the guest's table.
    Handle(u32),
}

/// A string with what the spec lets it remember of where it was lifted from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Str {
    pub text: String,
    pub source: StringSource,
}

/// The encoding that a string was lifted from; it steers how the string is lowered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum StringSource {
    /// Also of every string that the host made.
    Utf8,
    Utf16,
    /// `latin1+utf16` without the tag.
    Latin1,
    /// `latin1+utf16` with the tag.
    TaggedUtf16,
}

/// The NaN that the deterministic profile keeps.
pub const CANONICAL_FLOAT32_NAN: u32 = 0x7fc0_0000;
pub const CANONICAL_FLOAT64_NAN: u64 = 0x7ff8_0000_0000_0000;

impl Str {
    /// The length in code units of the source, without a tag.
    pub fn code_units(&self) -> u64 {
        let count = match self.source {
            StringSource::Utf8 => self.text.len(),
            StringSource::Utf16 | StringSource::TaggedUtf16 => self.text.encode_utf16().count(),
            StringSource::Latin1 => self.text.chars().count(),
        };
        u64::try_from(count).expect("a length fits in 64 bits")
    }
}

impl StringSource {
    /// How many bytes a code unit takes.
    pub fn code_unit(self) -> u64 {
        match self {
            StringSource::Utf8 | StringSource::Latin1 => 1,
            StringSource::Utf16 | StringSource::TaggedUtf16 => 2,
        }
    }
}

impl Value {
    /// A string as the host makes it.
    pub fn string(text: impl Into<String>) -> Value {
        Value::String(Str { text: text.into(), source: StringSource::Utf8 })
    }

    /// A case with a payload.
    pub fn case(index: u32, payload: Value) -> Value {
        Value::Variant(index, Some(Box::new(payload)))
    }

    /// The values directly inside this one, in order.
    pub fn parts(&self) -> &[Value] {
        match self {
            Value::List(values) | Value::Record(values) => values,
            Value::Variant(_, payload) => payload.as_deref().map_or(&[], std::slice::from_ref),
            Value::Bool(_)
            | Value::S8(_)
            | Value::U8(_)
            | Value::S16(_)
            | Value::U16(_)
            | Value::S32(_)
            | Value::U32(_)
            | Value::S64(_)
            | Value::U64(_)
            | Value::F32(_)
            | Value::F64(_)
            | Value::Char(_)
            | Value::String(_)
            | Value::Bytes(_)
            | Value::Flags(_)
            | Value::Handle(_) => &[],
        }
    }

    /// The same, to change them.
    pub fn parts_mut(&mut self) -> &mut [Value] {
        match self {
            Value::List(values) | Value::Record(values) => values,
            Value::Variant(_, payload) => {
                payload.as_deref_mut().map_or(&mut [], std::slice::from_mut)
            }
            Value::Bool(_)
            | Value::S8(_)
            | Value::U8(_)
            | Value::S16(_)
            | Value::U16(_)
            | Value::S32(_)
            | Value::U32(_)
            | Value::S64(_)
            | Value::U64(_)
            | Value::F32(_)
            | Value::F64(_)
            | Value::Char(_)
            | Value::String(_)
            | Value::Bytes(_)
            | Value::Flags(_)
            | Value::Handle(_) => &mut [],
        }
    }

    /// Whether nobody can tell the two apart: any NaN is like any other, where a string was lifted
    /// from is not part of its value, and neither is how bytes are held.
    pub fn same(&self, other: &Value) -> bool {
        match (self, other) {
            (Value::F32(a), Value::F32(b)) => a == b || (is_nan32(*a) && is_nan32(*b)),
            (Value::F64(a), Value::F64(b)) => a == b || (is_nan64(*a) && is_nan64(*b)),
            (Value::String(a), Value::String(b)) => a.text == b.text,
            (Value::List(a), Value::List(b)) | (Value::Record(a), Value::Record(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.same(b))
            }
            (Value::List(values), Value::Bytes(bytes))
            | (Value::Bytes(bytes), Value::List(values)) => {
                let mut pairs = values.iter().zip(bytes);
                values.len() == bytes.len() && pairs.all(|(value, byte)| *value == Value::U8(*byte))
            }
            (Value::Variant(i, Some(a)), Value::Variant(j, Some(b))) => i == j && a.same(b),
            (a, b) => a == b,
        }
    }
}

/// Whether these bits are a NaN.
pub fn is_nan32(bits: u32) -> bool {
    f32::from_bits(bits).is_nan()
}

/// Whether these bits are a NaN.
pub fn is_nan64(bits: u64) -> bool {
    f64::from_bits(bits).is_nan()
}
