//! Values in pre-order without tags: the type that a value must have says how to read it.

use anyhow::{Context, Result, anyhow, ensure};
use serde::{Deserialize, Serialize};

use crate::types::{Handle, Type};
use crate::value::Value;

pub fn write(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Bool(value) => put(value, out),
        Value::S8(value) => put(value, out),
        Value::U8(value) => put(value, out),
        Value::S16(value) => put(value, out),
        Value::U16(value) => put(value, out),
        Value::S32(value) => put(value, out),
        Value::U32(value) | Value::Flags(value) | Value::Handle(value) => put(value, out),
        Value::S64(value) => put(value, out),
        Value::U64(value) => put(value, out),
        Value::F32(bits) => put(&f32::from_bits(*bits), out),
        Value::F64(bits) => put(&f64::from_bits(*bits), out),
        Value::Char(value) => put(value, out),
        Value::String(text) => put(&text.text, out),
        Value::List(values) => {
            put(&values.len(), out);
            values.iter().for_each(|value| write(value, out));
        }
        Value::Bytes(bytes) => put(bytes, out),
        Value::Record(values) => values.iter().for_each(|value| write(value, out)),
        Value::Variant(index, payload) => {
            put(index, out);
            payload.iter().for_each(|value| write(value, out));
        }
    }
}

fn put(part: &(impl Serialize + ?Sized), out: &mut Vec<u8>) {
    let bytes = postcard::to_stdvec(part).expect("postcard can write all that is in values");
    out.extend(bytes);
}

/// What is left to read.
pub struct Reader<'a> {
    pub rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Recurses as deep as the type, whose depth is bounded.
    pub fn read(&mut self, ty: &Type) -> Result<Value> {
        Ok(match ty {
            Type::Bool => Value::Bool(self.take()?),
            Type::S8 => Value::S8(self.take()?),
            Type::U8 => Value::U8(self.take()?),
            Type::S16 => Value::S16(self.take()?),
            Type::U16 => Value::U16(self.take()?),
            Type::S32 => Value::S32(self.take()?),
            Type::U32 => Value::U32(self.take()?),
            Type::S64 => Value::S64(self.take()?),
            Type::U64 => Value::U64(self.take()?),
            Type::F32 => Value::F32(self.take::<f32>()?.to_bits()),
            Type::F64 => Value::F64(self.take::<f64>()?.to_bits()),
            Type::Char => Value::Char(self.take()?),
            Type::String => Value::string(self.take::<&str>()?),
            Type::List(elem) => Value::List(self.list(|reader| reader.read(elem))?),
            Type::FixedLengthList(elem, _) => Value::List(self.list(|reader| reader.read(elem))?),
            Type::Record(fields) => Value::Record(self.each(fields.iter().map(|field| &field.ty))?),
            Type::Tuple(types) => Value::Record(self.each(types)?),
            Type::Variant(_) | Type::Enum(_) | Type::Option(_) | Type::Result(..) => {
                self.case(ty)?
            }
            Type::Flags(_) => Value::Flags(self.take()?),
            Type::Map(key, value) => {
                Value::List(self.list(|reader| Ok(Value::Record(reader.each([&**key, value])?)))?)
            }
            Type::Handle(Handle::Own(_) | Handle::Borrow(_)) => Value::Handle(self.take()?),
            Type::Handle(Handle::ErrorContext | Handle::Stream(_) | Handle::Future(_)) => {
                return Err(anyhow!("handles of async values are not supported"));
            }
        })
    }

    fn take<T: Deserialize<'a>>(&mut self) -> Result<T> {
        let (part, rest) = postcard::take_from_bytes(self.rest)?;
        self.rest = rest;
        Ok(part)
    }

    /// Each element takes a byte at least, so that a length that lies ends with the input.
    fn list(&mut self, mut elem: impl FnMut(&mut Self) -> Result<Value>) -> Result<Vec<Value>> {
        let length: usize = self.take()?;
        ensure!(length <= self.rest.len(), "a list is longer than the input");
        (0..length).map(|_| elem(self)).collect()
    }

    pub fn each<'t>(&mut self, types: impl IntoIterator<Item = &'t Type>) -> Result<Vec<Value>> {
        types.into_iter().map(|ty| self.read(ty)).collect()
    }

    fn case(&mut self, ty: &Type) -> Result<Value> {
        let index = self.take()?;
        let payload = ty.payload(index).context("there is no such case")?;
        let payload = payload.map(|ty| self.read(ty).map(Box::new)).transpose()?;
        Ok(Value::Variant(index, payload))
    }
}
