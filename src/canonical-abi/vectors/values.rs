//! Types, values, core values and bytes as the JSON of vectors has them.
//! Knows nothing of what they are for.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, bail, ensure};
use serde::Deserialize;
use serde_json::Value as Json;

use crate::flatten::flatten_within;
use crate::layout::elem_size;
use crate::string::utf16_tag;
use crate::types::{Field, Handle, Label, Resource, Type, VariantCase};
use crate::value::{Str, StringSource, Value};
use crate::{Core, CoreType, PtrType, StringEncoding};

/// Labels, and elements of lists of fixed length, of all types of a vector together: in the file they are but
/// numbers.
const MAX_PARTS: u64 = 1 << 20;
/// Spec: every type's size is less.
const MAX_ELEM_SIZE: u64 = 1 << 28;

#[derive(Clone, Copy, Debug, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum CoreTypeName {
    I32,
    I64,
    F32,
    F64,
}

pub type Chunks = Vec<(usize, String)>;

/// A number that JSON would round.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq)]
#[serde(try_from = "String")]
pub struct Decimal(pub u64);

#[derive(Clone, Copy, Deserialize)]
pub enum Encoding {
    #[serde(rename = "utf8")]
    Utf8,
    #[serde(rename = "utf16")]
    Utf16,
    #[serde(rename = "latin1+utf16")]
    Latin1OrUtf16,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ptr {
    I32,
    I64,
}

impl TryFrom<String> for Decimal {
    type Error = std::num::ParseIntError;

    fn try_from(text: String) -> std::result::Result<Decimal, Self::Error> {
        text.parse().map(Decimal)
    }
}

impl From<CoreType> for CoreTypeName {
    fn from(ty: CoreType) -> CoreTypeName {
        match ty {
            CoreType::I32 => CoreTypeName::I32,
            CoreType::I64 => CoreTypeName::I64,
            CoreType::F32 => CoreTypeName::F32,
            CoreType::F64 => CoreTypeName::F64,
        }
    }
}

impl From<Encoding> for StringEncoding {
    fn from(enc: Encoding) -> StringEncoding {
        match enc {
            Encoding::Utf8 => StringEncoding::Utf8,
            Encoding::Utf16 => StringEncoding::Utf16,
            Encoding::Latin1OrUtf16 => StringEncoding::Latin1OrUtf16,
        }
    }
}

impl From<Ptr> for PtrType {
    fn from(ptr: Ptr) -> PtrType {
        match ptr {
            Ptr::I32 => PtrType::I32,
            Ptr::I64 => PtrType::I64,
        }
    }
}

/// Core types as the file names them.
pub fn names(types: &[CoreType]) -> Vec<CoreTypeName> {
    types.iter().copied().map(CoreTypeName::from).collect()
}

pub fn parse_types(types: &[Json]) -> Result<Vec<Type>> {
    check_parts(types)?;
    types.iter().map(parse_type).collect()
}

/// Refuses types with more parts than a memory should have to hold.
pub fn check_parts<'a>(types: impl IntoIterator<Item = &'a Json>) -> Result<()> {
    let parts = types.into_iter().map(parts).fold(0, u64::saturating_add);
    ensure!(parts <= MAX_PARTS, "the types are too large: {parts} parts are more than {MAX_PARTS}");
    Ok(())
}

fn parts(json: &Json) -> u64 {
    let sum = |parts: &mut dyn Iterator<Item = u64>| parts.fold(1, u64::saturating_add);
    let Some(fields) = json.as_object() else {
        return sum(&mut json.as_array().into_iter().flatten().map(parts));
    };
    let within = sum(&mut fields.iter().map(|(kind, of)| match (kind.as_str(), of.as_u64()) {
        ("enum" | "flags", Some(labels)) => labels,
        _ => parts(of),
    }));
    within.saturating_mul(fields.get("len").and_then(Json::as_u64).unwrap_or(1))
}

/// Types whose values can be written down.
pub fn parse_value_types(types: &[Json]) -> Result<Vec<Type>> {
    let types = parse_types(types)?;
    let is_handle = &mut |ty: &Type| matches!(ty, Type::Handle(_));
    ensure!(!types.iter().any(|ty| ty.any(is_handle)), "handles have no values");
    Ok(types)
}

pub fn parse_type(json: &Json) -> Result<Type> {
    let ty = parse_type_part(json)?;
    ensure!(elem_size(&ty, PtrType::I64) < MAX_ELEM_SIZE, "the type is too large");
    Ok(ty)
}

fn parse_type_part(json: &Json) -> Result<Type> {
    if let Some(name) = json.as_str() {
        return parse_type_name(name);
    }
    let fields = json.as_object().with_context(|| format!("no type: {json}"))?;
    if let (Some(elem), Some(len), 2) = (fields.get("list"), fields.get("len"), fields.len()) {
        let length = len.as_u64().filter(|len| *len > 0).context("the len of a list")?;
        return Ok(Type::FixedLengthList(parse_boxed(elem)?, u32::try_from(length)?));
    }
    match fields.iter().next() {
        Some((kind, parts)) if fields.len() == 1 => parse_type_kind(kind, parts),
        _ => bail!("no type: {json}"),
    }
}

fn parse_type_name(name: &str) -> Result<Type> {
    Ok(match name {
        "bool" => Type::Bool,
        "s8" => Type::S8,
        "u8" => Type::U8,
        "s16" => Type::S16,
        "u16" => Type::U16,
        "s32" => Type::S32,
        "u32" => Type::U32,
        "s64" => Type::S64,
        "u64" => Type::U64,
        "f32" => Type::F32,
        "f64" => Type::F64,
        "char" => Type::Char,
        "string" => Type::String,
        "own" => Type::Handle(Handle::Own(0)),
        "borrow" => Type::Handle(Handle::Borrow(0)),
        "error-context" => Type::Handle(Handle::ErrorContext),
        _ => bail!("no type is called {name}"),
    })
}

fn parse_type_kind(kind: &str, parts: &Json) -> Result<Type> {
    Ok(match kind {
        "list" => Type::List(parse_boxed(parts)?),
        "record" => Type::Record(parse_each(parts, |ty| parse_type_part(ty).map(Field::new))?),
        "tuple" => Type::Tuple(parse_each(parts, parse_type_part)?),
        "variant" => Type::Variant(parse_each(parts, |ty| parse_case(ty).map(VariantCase::new))?),
        "enum" => Type::Enum(parse_labels(parts, MAX_PARTS)?),
        "option" => Type::Option(parse_boxed(parts)?),
        "result" => {
            let [ok, error] = parse_two(parts)?;
            Type::Result(parse_optional(ok)?, parse_optional(error)?)
        }
        "flags" => Type::Flags(parse_labels(parts, 32)?),
        "own" => Type::Handle(Handle::Own(parse_resource(parts)?)),
        "borrow" => Type::Handle(Handle::Borrow(parse_resource(parts)?)),
        "map" => {
            let [key, value] = parse_two(parts)?;
            Type::Map(parse_boxed(key)?, parse_boxed(value)?)
        }
        "stream" => Type::Handle(Handle::Stream(parse_optional(parts)?)),
        "future" => Type::Handle(Handle::Future(parse_optional(parts)?)),
        _ => bail!("no type is called {kind}"),
    })
}

fn parse_boxed(json: &Json) -> Result<Box<Type>> {
    parse_type_part(json).map(Box::new)
}

fn parse_case(json: &Json) -> Result<Option<Type>> {
    if json.is_null() { Ok(None) } else { parse_type_part(json).map(Some) }
}

fn parse_optional(json: &Json) -> Result<Option<Box<Type>>> {
    Ok(parse_case(json)?.map(Box::new))
}

fn parse_resource(json: &Json) -> Result<Resource> {
    integer(json).with_context(|| format!("no resource type: {json}"))
}

/// One or more.
fn parse_each<T>(json: &Json, parse: impl Fn(&Json) -> Result<T>) -> Result<Vec<T>> {
    let parts = parse_array(json)?;
    ensure!(!parts.is_empty(), "a type without parts");
    parts.iter().map(parse).collect()
}

fn parse_two(json: &Json) -> Result<&[Json; 2]> {
    parse_array(json)?.try_into().with_context(|| format!("no pair: {json}"))
}

fn parse_array(json: &Json) -> Result<&[Json]> {
    Ok(json.as_array().with_context(|| format!("no array: {json}"))?)
}

fn parse_labels(json: &Json, max: u64) -> Result<Vec<Label>> {
    let count = json.as_u64().filter(|count| (1..=max).contains(count));
    let count = count.with_context(|| format!("no number of labels: {json}"))?;
    Ok(vec![Label::default(); usize::try_from(count)?])
}

/// Where values are.
#[derive(Clone, Copy)]
pub struct Within<'a> {
    /// The pointers of the instance that lifts or lowers them.
    pub ptr: PtrType,
    /// The numbers of the streams and futures that there are, by their numbers in the vector.
    pub shared: &'a [u32],
}

impl From<Ptr> for Within<'_> {
    fn from(ptr: Ptr) -> Self {
        Within { ptr: ptr.into(), shared: &[] }
    }
}

/// Values, one of each type.
pub fn parse_values<'a>(
    values: &[Json],
    types: &[Type],
    within: impl Into<Within<'a>>,
) -> Result<Vec<Value>> {
    let within = within.into();
    ensure!(values.len() == types.len(), "{} values of {} types", values.len(), types.len());
    values.iter().zip(types).map(|(value, ty)| parse_value(value, ty, within)).collect()
}

fn parse_value(json: &Json, ty: &Type, within: Within<'_>) -> Result<Value> {
    let value = match ty {
        Type::Bool => json.as_bool().map(Value::Bool),
        Type::S8 => integer(json).map(Value::S8),
        Type::U8 => integer(json).map(Value::U8),
        Type::S16 => integer(json).map(Value::S16),
        Type::U16 => integer(json).map(Value::U16),
        Type::S32 => integer(json).map(Value::S32),
        Type::U32 => integer(json).map(Value::U32),
        Type::S64 => json.as_str().and_then(|text| text.parse().ok()).map(Value::S64),
        Type::U64 => json.as_str().and_then(|text| text.parse().ok()).map(Value::U64),
        Type::F32 => json.as_str().and_then(|text| bits(text, 8)).and_then(float32),
        Type::F64 => json.as_str().and_then(|text| bits(text, 16)).map(Value::F64),
        Type::Char => integer(json).and_then(char::from_u32).map(Value::Char),
        Type::String => Some(Value::String(parse_string(json, within)?)),
        Type::List(elem) if **elem == Type::U8 => {
            parse_array(json)?.iter().map(integer).collect::<Option<_>>().map(Value::Bytes)
        }
        Type::List(elem) => Some(Value::List(parse_elems(parse_array(json)?, elem, within)?)),
        Type::FixedLengthList(elem, length) => {
            let elems = parse_array(json)?;
            ensure!(u32::try_from(elems.len()) == Ok(*length), "{} elements", elems.len());
            Some(Value::List(parse_elems(elems, elem, within)?))
        }
        Type::Record(fields) => {
            Some(parse_record(json, fields.iter().map(|field| &field.ty), within)?)
        }
        Type::Tuple(types) => Some(parse_record(json, types.iter(), within)?),
        Type::Variant(cases) => {
            let case = |index: usize| cases.get(index).map(|case| case.ty.as_ref());
            Some(parse_variant(json, case, within)?)
        }
        Type::Enum(labels) => Some(parse_variant(json, |i| labels.get(i).map(|_| None), within)?),
        Type::Option(some) => {
            let cases = [None, Some(&**some)];
            Some(parse_variant(json, |index| cases.get(index).copied(), within)?)
        }
        Type::Result(ok, error) => {
            let cases = [ok.as_deref(), error.as_deref()];
            Some(parse_variant(json, |index| cases.get(index).copied(), within)?)
        }
        Type::Flags(labels) => integer(json).filter(|f| fits(*f, labels)).map(Value::Flags),
        Type::Map(key, value) => Some(Value::List(parse_entries(json, key, value, within)?)),
        Type::Handle(handle) => parse_handle(json, handle, within),
    };
    value.with_context(|| format!("{json} is no value of {ty:?}"))
}

fn parse_handle(json: &Json, handle: &Handle, within: Within<'_>) -> Option<Value> {
    let numbered = |name: &str| match json.as_object() {
        Some(fields) if fields.len() == 1 => fields.get(name).and_then(integer::<u32>),
        Some(_) | None => None,
    };
    let number = match handle {
        Handle::Own(_) | Handle::Borrow(_) => integer(json),
        Handle::Stream(_) | Handle::Future(_) => {
            within.shared.get(usize::try_from(numbered("h")?).ok()?).copied()
        }
        Handle::ErrorContext => numbered("e"),
    };
    number.map(Value::Handle)
}

fn integer<T: TryFrom<i64>>(json: &Json) -> Option<T> {
    T::try_from(json.as_i64()?).ok()
}

fn bits(hex: &str, digits: usize) -> Option<u64> {
    let well_formed = hex.len() == digits && hex.bytes().all(|byte| byte.is_ascii_hexdigit());
    well_formed.then(|| u64::from_str_radix(hex, 16).ok())?
}

fn float32(bits: u64) -> Option<Value> {
    u32::try_from(bits).ok().map(Value::F32)
}

fn fits(flags: u32, labels: &[Label]) -> bool {
    u64::from(flags) >> labels.len() == 0
}

fn parse_elems(elems: &[Json], elem: &Type, within: Within<'_>) -> Result<Vec<Value>> {
    elems.iter().map(|value| parse_value(value, elem, within)).collect()
}

fn parse_record<'a>(
    json: &Json,
    types: impl ExactSizeIterator<Item = &'a Type>,
    within: Within<'_>,
) -> Result<Value> {
    let values = parse_array(json)?;
    ensure!(values.len() == types.len(), "{} values of {} fields", values.len(), types.len());
    let fields = values.iter().zip(types).map(|(value, ty)| parse_value(value, ty, within));
    Ok(Value::Record(fields.collect::<Result<_>>()?))
}

fn parse_variant<'a>(
    json: &Json,
    case: impl Fn(usize) -> Option<Option<&'a Type>>,
    within: Within<'_>,
) -> Result<Value> {
    let fields = json.as_object().with_context(|| format!("no case: {json}"))?;
    ensure!(fields.keys().all(|key| key == "c" || key == "v"), "no case: {json}");
    let index: u32 = fields.get("c").and_then(integer).with_context(|| format!("no c: {json}"))?;
    let ty = case(usize::try_from(index)?).with_context(|| format!("no case {index}"))?;
    match (ty, fields.get("v")) {
        (None, None) => Ok(Value::Variant(index, None)),
        (Some(ty), Some(payload)) => Ok(Value::case(index, parse_value(payload, ty, within)?)),
        (None, Some(_)) | (Some(_), None) => bail!("the payload of {json}"),
    }
}

fn parse_entries(json: &Json, key: &Type, value: &Type, within: Within<'_>) -> Result<Vec<Value>> {
    let entry = |json| parse_record(json, [key, value].into_iter(), within);
    parse_array(json)?.iter().map(entry).collect()
}

fn parse_string(json: &Json, within: Within<'_>) -> Result<Str> {
    let fields = json.as_object().with_context(|| format!("no string: {json}"))?;
    let hex = fields.get("s").and_then(Json::as_str).with_context(|| format!("no s: {json}"))?;
    let text = String::from_utf8(parse_hex(hex)?)?;
    match (fields.get("enc"), fields.get("units"), fields.len()) {
        (None, None, 1) => Ok(Str { text, source: StringSource::Utf8 }),
        (Some(enc), Some(units), 3) => with_hint(text, enc, units, within),
        _ => bail!("no string: {json}"),
    }
}

fn with_hint(text: String, enc: &Json, units: &Json, within: Within<'_>) -> Result<Str> {
    let Decimal(tagged_code_units) = Decimal::deserialize(units)?;
    let tagged = tagged_code_units & utf16_tag(within.ptr) != 0;
    let source = match Encoding::deserialize(enc)? {
        Encoding::Utf8 => StringSource::Utf8,
        Encoding::Utf16 => StringSource::Utf16,
        Encoding::Latin1OrUtf16 if tagged => StringSource::TaggedUtf16,
        Encoding::Latin1OrUtf16 => StringSource::Latin1,
    };
    let tag = if source == StringSource::TaggedUtf16 { utf16_tag(within.ptr) } else { 0 };
    let latin1 = text.chars().all(|char| u8::try_from(char).is_ok());
    ensure!(latin1 || source != StringSource::Latin1, "{text:?} is not Latin-1");
    let str = Str { text, source };
    ensure!(str.code_units() | tag == tagged_code_units, "{str:?} has no {tagged_code_units}");
    Ok(str)
}

/// Bytes, two digits each.
pub fn parse_hex(hex: &str) -> Result<Vec<u8>> {
    let well_formed = hex.len().is_multiple_of(2) && hex.bytes().all(|b| b.is_ascii_hexdigit());
    ensure!(well_formed, "no bytes: {hex}");
    let byte = |at| Ok(u8::from_str_radix(&hex[at..at + 2], 16)?);
    (0..hex.len()).step_by(2).map(byte).collect()
}

/// Core values.
pub fn parse_flat(flat: &[(CoreTypeName, String)]) -> Result<Vec<Core>> {
    flat.iter().map(|(ty, text)| parse_core(*ty, text)).collect()
}

fn parse_core(ty: CoreTypeName, text: &str) -> Result<Core> {
    let core = match ty {
        CoreTypeName::I32 => text.parse().ok().map(Core::I32),
        CoreTypeName::I64 => text.parse().ok().map(Core::I64),
        CoreTypeName::F32 => bits(text, 8).map(|bits| Core::from_bits(CoreType::F32, bits)),
        CoreTypeName::F64 => bits(text, 16).map(Core::F64),
    };
    core.with_context(|| format!("{text} is no {ty:?}"))
}

/// Core values as events have them.
pub fn parse_cores(cores: &[Json], types: &[CoreType]) -> Result<Vec<Core>> {
    ensure!(cores.len() == types.len(), "{} core values of {types:?}", cores.len());
    cores.iter().zip(types).map(|(core, ty)| parse_core_json(core, *ty)).collect()
}

fn parse_core_json(core: &Json, ty: CoreType) -> Result<Core> {
    let number = core.as_u64().filter(|_| ty == CoreType::I32).map(|number| number.to_string());
    let text = core.as_str().filter(|_| ty != CoreType::I32).map(str::to_string).or(number);
    parse_core(ty.into(), &text.with_context(|| format!("{core} is no {ty:?}"))?)
}

/// A core value as events have it.
pub fn core_json(core: Core) -> Json {
    match core {
        Core::I32(int) => int.into(),
        Core::I64(int) => int.to_string().into(),
        Core::F32(bits) => format!("{bits:08x}").into(),
        Core::F64(bits) => format!("{bits:016x}").into(),
    }
}

/// Core values that hold values of these types, or the pointer to them.
pub fn parse_args(
    flat: &[(CoreTypeName, String)],
    types: &[Type],
    max_flat: usize,
    ptr: Ptr,
) -> Result<Vec<Core>> {
    let ptr = PtrType::from(ptr);
    let want = flatten_within(types, ptr, max_flat).unwrap_or_else(|| vec![ptr.core_type()]);
    let flat = parse_flat(flat)?;
    ensure!(flat.iter().map(|core| core.ty()).eq(want.iter().copied()), "flat is not {want:?}");
    Ok(flat)
}

/// What each call of `realloc` returns that is named.
pub fn parse_overrides(overrides: &BTreeMap<String, Decimal>) -> Result<BTreeMap<usize, u64>> {
    overrides.iter().map(|(call, ptr)| Ok((call.parse()?, ptr.0))).collect()
}
