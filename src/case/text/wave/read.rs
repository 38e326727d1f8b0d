//! A value from WAVE.
//!
//! WAVE's own conversion would turn literals that are too large into infinity and merge equal keys
//! of a map, which the ABI keeps; so its syntax tree is converted here, and a map is a list of pairs.

use std::collections::BTreeMap;
use std::str::FromStr;

use wasm_wave::ast::{Node, NodeType};
use wasm_wave::parser::ParserError;
use wasm_wave::untyped::UntypedValue;

use crate::types::{CASE, FIELD, FLAG, Field, Handle, Label, Type};
use crate::value::{CANONICAL_FLOAT32_NAN, CANONICAL_FLOAT64_NAN, Value};

use super::flag;

/// An error quotes at most this many characters.
const QUOTED: usize = 40;

/// The value of type `ty` that `text` spells; the error is one line.
pub fn parse(text: &str, ty: &Type) -> Result<Value, String> {
    let tree = UntypedValue::parse(text).map_err(|error| syntax(&error, text))?;
    Reader { text }.value(tree.node(), ty)
}

fn syntax(error: &ParserError, text: &str) -> String {
    let found = text.get(error.span()).unwrap_or_default();
    format!("{} at {}", error.kind(), quoted(found))
}

fn quoted(text: &str) -> String {
    let short: String = text.chars().take(QUOTED).collect();
    let more = if short.len() < text.len() { "…" } else { "" };
    if short.is_empty() { "the end".to_string() } else { format!("`{short}{more}`") }
}

/// What a syntax tree was read from: its nodes are ranges of it.
struct Reader<'a> {
    text: &'a str,
}

impl<'a> Reader<'a> {
    fn value(&self, node: &Node, ty: &Type) -> Result<Value, String> {
        match ty {
            Type::Bool => node.as_bool().map(Value::Bool).map_err(|_| self.expected(ty, node)),
            Type::S8 => self.number(node, ty).map(Value::S8),
            Type::U8 => self.number(node, ty).map(Value::U8),
            Type::S16 => self.number(node, ty).map(Value::S16),
            Type::U16 => self.number(node, ty).map(Value::U16),
            Type::S32 => self.number(node, ty).map(Value::S32),
            Type::U32 => self.number(node, ty).map(Value::U32),
            Type::S64 => self.number(node, ty).map(Value::S64),
            Type::U64 => self.number(node, ty).map(Value::U64),
            Type::F32 => self.f32(node),
            Type::F64 => self.f64(node),
            Type::Char => {
                node.as_char(self.text).map(Value::Char).map_err(|_| self.expected(ty, node))
            }
            Type::String => {
                let text = node.as_str(self.text).map_err(|_| self.expected(ty, node))?;
                Ok(Value::string(text))
            }
            Type::List(elem) | Type::FixedLengthList(elem, _) => {
                self.list(node, ty, |node| self.value(node, elem))
            }
            Type::Record(fields) => self.record(node, ty, fields),
            Type::Tuple(types) => self.tuple(node, ty, types),
            Type::Variant(cases) => self.case(node, ty, cases.iter().map(|case| &case.label)),
            Type::Enum(labels) => self.case(node, ty, labels),
            Type::Option(_) => self.option(node, ty),
            Type::Result(..) => self.result(node, ty),
            Type::Flags(labels) => self.flags(node, ty, labels),
            Type::Map(key, value) => {
                self.list(node, ty, |node| self.tuple(node, ty, [&**key, value]))
            }
            Type::Handle(Handle::Own(_) | Handle::Borrow(_)) => {
                self.number(node, ty).map(Value::Handle)
            }
            Type::Handle(Handle::ErrorContext | Handle::Stream(_) | Handle::Future(_)) => {
                Err(format!("a value of type {} has no notation", ty.kind()))
            }
        }
    }

    fn slice(&self, node: &Node) -> &'a str {
        &self.text[node.span()]
    }

    fn expected(&self, ty: &Type, node: &Node) -> String {
        format!("expected {}, found {}", ty.kind(), quoted(self.slice(node)))
    }

    fn number<T: FromStr>(&self, node: &Node, ty: &Type) -> Result<T, String> {
        node.as_number(self.text).map_err(|_| self.expected(ty, node))
    }

    fn f32(&self, node: &Node) -> Result<Value, String> {
        let value: f32 = self.number(node, &Type::F32)?;
        self.is_exact(node, value.is_infinite())?;
        Ok(Value::F32(if value.is_nan() { CANONICAL_FLOAT32_NAN } else { value.to_bits() }))
    }

    fn f64(&self, node: &Node) -> Result<Value, String> {
        let value: f64 = self.number(node, &Type::F64)?;
        self.is_exact(node, value.is_infinite())?;
        Ok(Value::F64(if value.is_nan() { CANONICAL_FLOAT64_NAN } else { value.to_bits() }))
    }

    fn is_exact(&self, node: &Node, infinite: bool) -> Result<(), String> {
        let overflows = infinite && !self.slice(node).ends_with("inf");
        if overflows { Err(format!("{} is too large", quoted(self.slice(node)))) } else { Ok(()) }
    }

    fn list(
        &self,
        node: &Node,
        ty: &Type,
        elem: impl Fn(&Node) -> Result<Value, String>,
    ) -> Result<Value, String> {
        let nodes = node.as_list().map_err(|_| self.expected(ty, node))?;
        nodes.map(elem).collect::<Result<_, _>>().map(Value::List)
    }

    fn tuple<'t>(
        &self,
        node: &Node,
        ty: &Type,
        types: impl IntoIterator<Item = &'t Type, IntoIter: ExactSizeIterator>,
    ) -> Result<Value, String> {
        let nodes = node.as_tuple().map_err(|_| self.expected(ty, node))?;
        let types = types.into_iter();
        if nodes.len() != types.len() {
            let found = quoted(self.slice(node));
            return Err(format!("expected {} parts, found {found}", types.len()));
        }
        let values = nodes.zip(types).map(|(node, ty)| self.value(node, ty));
        values.collect::<Result<_, _>>().map(Value::Record)
    }

    /// A field that is left out is `none`.
    fn record(&self, node: &Node, ty: &Type, fields: &[Field]) -> Result<Value, String> {
        self.is(node, ty, &[NodeType::TupleSet])?;
        let given = node.as_record(self.text).map_err(|error| syntax(&error, self.text))?;
        let mut given: BTreeMap<&str, &Node> = given.collect();
        let mut values = Vec::new();
        for (position, field) in fields.iter().enumerate() {
            let name = field.label.at(FIELD, position);
            values.push(match given.remove(&*name) {
                Some(node) => self.value(node, &field.ty)?,
                None if matches!(field.ty, Type::Option(_)) => Value::Variant(0, None),
                None => return Err(format!("field `{name}` is missing")),
            });
        }
        match given.keys().next() {
            Some(name) => Err(format!("there is no field `{name}`")),
            None => Ok(Value::Record(values)),
        }
    }

    fn is(&self, node: &Node, ty: &Type, kinds: &[NodeType]) -> Result<(), String> {
        if kinds.contains(&node.ty()) { Ok(()) } else { Err(self.expected(ty, node)) }
    }

    fn case<'t>(
        &self,
        node: &Node,
        ty: &Type,
        labels: impl IntoIterator<Item = &'t Label>,
    ) -> Result<Value, String> {
        let (name, payload) = node.as_variant(self.text).map_err(|_| self.expected(ty, node))?;
        let mut labels = labels.into_iter().enumerate();
        let position = labels.position(|(position, label)| label.is(name, CASE, position));
        let position = position.ok_or_else(|| format!("there is no case `{name}`"))?;
        let index = u32::try_from(position).map_err(|_| self.expected(ty, node))?;
        self.payload(node, ty, index, payload)
    }

    fn option(&self, node: &Node, ty: &Type) -> Result<Value, String> {
        let payload = node.as_option().map_err(|_| self.expected(ty, node))?;
        self.payload(node, ty, u32::from(payload.is_some()), payload)
    }

    fn result(&self, node: &Node, ty: &Type) -> Result<Value, String> {
        match node.as_result().map_err(|_| self.expected(ty, node))? {
            Ok(payload) => self.payload(node, ty, 0, payload),
            Err(payload) => self.payload(node, ty, 1, payload),
        }
    }

    fn payload(
        &self,
        node: &Node,
        ty: &Type,
        index: u32,
        payload: Option<&Node>,
    ) -> Result<Value, String> {
        match (ty.payload(index), payload) {
            (Some(Some(ty)), Some(payload)) => Ok(Value::case(index, self.value(payload, ty)?)),
            (Some(None), None) => Ok(Value::Variant(index, None)),
            (Some(Some(_)), None) => Err(format!("{} lacks its payload", quoted(self.slice(node)))),
            (_, _) => Err(format!("{} has a payload too many", quoted(self.slice(node)))),
        }
    }

    fn flags(&self, node: &Node, ty: &Type, labels: &[Label]) -> Result<Value, String> {
        self.is(node, ty, &[NodeType::Flags, NodeType::EmptySet])?;
        let mut bits = 0;
        for name in node.as_flags(self.text).map_err(|_| self.expected(ty, node))? {
            let mut labels = labels.iter().enumerate();
            let position = labels.position(|(position, label)| label.is(name, FLAG, position));
            bits |= flag(position.ok_or_else(|| format!("there is no flag `{name}`"))?);
        }
        Ok(Value::Flags(bits))
    }
}
