//! The values of scripts as ours.
//! Knows nothing of where they come from or go to.

use canonical_abi::types::{CASE, FIELD, FLAG, Field, Label, Type, VariantCase};
use canonical_abi::value::{CANONICAL_FLOAT32_NAN, CANONICAL_FLOAT64_NAN, Value};
use wast::component::WastVal;
use wast::core::{NanPattern, WastArgCore, WastRetCore};
use wast::{WastArg, WastRet};

/// An argument. On its own, a float is read as one of core wasm: they are written alike.
pub fn argument(written: &WastArg<'_>, ty: &Type) -> Result<Value, String> {
    match (written, ty) {
        (WastArg::Component(written), ty) => value(written, ty),
        (WastArg::Core(WastArgCore::F32(float)), Type::F32) => Ok(Value::F32(float.bits)),
        (WastArg::Core(WastArgCore::F64(float)), Type::F64) => Ok(Value::F64(float.bits)),
        (written, ty) => Err(format!("the script has {written:?} for {ty:?}")),
    }
}

/// An expected result. Any NaN stands for all.
pub fn result(written: &WastRet<'_>, ty: &Type) -> Result<Value, String> {
    match (written, ty) {
        (WastRet::Component(written), ty) => value(written, ty),
        (WastRet::Core(WastRetCore::F32(float)), Type::F32) => Ok(Value::F32(match float {
            NanPattern::CanonicalNan | NanPattern::ArithmeticNan => CANONICAL_FLOAT32_NAN,
            NanPattern::Value(float) => float.bits,
        })),
        (WastRet::Core(WastRetCore::F64(float)), Type::F64) => Ok(Value::F64(match float {
            NanPattern::CanonicalNan | NanPattern::ArithmeticNan => CANONICAL_FLOAT64_NAN,
            NanPattern::Value(float) => float.bits,
        })),
        (written, ty) => Err(format!("the script has {written:?} for {ty:?}")),
    }
}

/// A script's value of a type; or why it is none.
pub fn value(written: &WastVal<'_>, ty: &Type) -> Result<Value, String> {
    let wrong = || format!("the script has {written:?} for {ty:?}");
    Ok(match (ty, written) {
        (Type::Bool, WastVal::Bool(value)) => Value::Bool(*value),
        (Type::S8, WastVal::S8(value)) => Value::S8(*value),
        (Type::U8, WastVal::U8(value)) => Value::U8(*value),
        (Type::S16, WastVal::S16(value)) => Value::S16(*value),
        (Type::U16, WastVal::U16(value)) => Value::U16(*value),
        (Type::S32, WastVal::S32(value)) => Value::S32(*value),
        (Type::U32, WastVal::U32(value)) => Value::U32(*value),
        (Type::S64, WastVal::S64(value)) => Value::S64(*value),
        (Type::U64, WastVal::U64(value)) => Value::U64(*value),
        (Type::F32, WastVal::F32(value)) => Value::F32(value.bits),
        (Type::F64, WastVal::F64(value)) => Value::F64(value.bits),
        (Type::Char, WastVal::Char(value)) => Value::Char(*value),
        (Type::String, WastVal::String(text)) => Value::string(*text),
        (Type::List(elem), WastVal::List(elems)) => Value::List(all(elems, elem)?),
        (Type::FixedLengthList(elem, length), WastVal::List(elems))
            if usize::try_from(*length) == Ok(elems.len()) =>
        {
            Value::List(all(elems, elem)?)
        }
        (Type::Record(fields), WastVal::Record(written)) if fields.len() == written.len() => {
            record(fields, written)?
        }
        (Type::Tuple(types), WastVal::Tuple(elems)) if types.len() == elems.len() => {
            let elems = elems.iter().zip(types).map(|(elem, ty)| value(elem, ty));
            Value::Record(elems.collect::<Result<_, _>>()?)
        }
        (Type::Variant(cases), WastVal::Variant(name, payload)) => {
            let labels = cases.iter().map(|case| &case.label);
            let index = position(labels, CASE, name)?;
            let VariantCase { ty, .. } = &cases[index];
            case(index, payload.as_deref(), ty.as_ref())?
        }
        (Type::Enum(labels), WastVal::Enum(name)) => {
            case(position(labels, CASE, name)?, None, None)?
        }
        (Type::Option(_), WastVal::Option(None)) => case(0, None, None)?,
        (Type::Option(some), WastVal::Option(payload)) => {
            case(1, payload.as_deref(), Some(&**some))?
        }
        (Type::Result(ok, _), WastVal::Result(Ok(payload))) => {
            case(0, payload.as_deref(), ok.as_deref())?
        }
        (Type::Result(_, error), WastVal::Result(Err(payload))) => {
            case(1, payload.as_deref(), error.as_deref())?
        }
        (Type::Flags(labels), WastVal::Flags(names)) => {
            let mut bits = 0;
            for name in names {
                bits |= 1 << position(labels, FLAG, name)?;
            }
            Value::Flags(bits)
        }
        (Type::Map(key, of), WastVal::Map(entries)) => Value::List(
            (entries.iter())
                .map(|(k, v)| Ok(Value::Record(vec![value(k, key)?, value(v, of)?])))
                .collect::<Result<_, String>>()?,
        ),
        _ => return Err(wrong()),
    })
}

fn all(written: &[WastVal<'_>], ty: &Type) -> Result<Vec<Value>, String> {
    written.iter().map(|written| value(written, ty)).collect()
}

/// A record; scripts name the fields, in any order.
fn record(fields: &[Field], written: &[(&str, WastVal<'_>)]) -> Result<Value, String> {
    let mut values = Vec::with_capacity(fields.len());
    for (i, Field { label, ty }) in fields.iter().enumerate() {
        let name = label.at(FIELD, i);
        let (_, field) = written
            .iter()
            .find(|(written, _)| *written == name)
            .ok_or_else(|| format!("the script gives no field `{name}`"))?;
        values.push(value(field, ty)?);
    }
    Ok(Value::Record(values))
}

fn case(index: usize, payload: Option<&WastVal<'_>>, ty: Option<&Type>) -> Result<Value, String> {
    let index = u32::try_from(index).expect("a type has fewer cases");
    match (payload, ty) {
        (None, None) => Ok(Value::Variant(index, None)),
        (Some(payload), Some(ty)) => Ok(Value::case(index, value(payload, ty)?)),
        (None, Some(_)) | (Some(_), None) => {
            Err(format!("the script gives case {index} a payload too many or too few"))
        }
    }
}

fn position<'a>(
    labels: impl IntoIterator<Item = &'a Label>,
    kind: char,
    name: &str,
) -> Result<usize, String> {
    let position = labels.into_iter().enumerate().position(|(i, label)| label.is(name, kind, i));
    position.ok_or_else(|| format!("the script names `{name}`, which the type has not"))
}
