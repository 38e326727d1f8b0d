//! What a host may do wrong in using an engine's interface.
//! Knows which mistakes a value has room for, and nothing of how an engine takes them.

use serde::{Deserialize, Serialize};

use super::parts::parts;
use crate::types::{Handle, Type};
use crate::value::Value;

/// A mistake of the host's in one call. An engine answers it with an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Misuse {
    /// It passes one argument too few.
    ArgMissing,
    /// It passes one argument too many.
    ArgExtra,
    /// It has no room for the result.
    ResultMissing,
    /// It has room for one more result.
    ResultExtra,
    /// A value among the arguments is not of its type: the one of this number, see `nodes`.
    Arg { node: u32, mistake: Mistake },
    /// A part of what the host's function returns is not of its type, when it is called for the last time in
    /// this call.
    Answer { node: u32, mistake: Mistake },
    /// It takes the function for one of other static types: those of this number.
    Signature(u32),
}

/// What is wrong with a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Mistake {
    /// It is of another kind.
    OtherType,
    /// A record or tuple without its last member.
    MemberMissing,
    /// A record or tuple with one more.
    MemberExtra,
    /// A record with its first field under another name.
    FieldRenamed,
    /// A record with its first two fields in the other order.
    FieldsReordered,
    /// A variant or enum with a case that its type does not have.
    UnknownCase,
    /// Flags with one that their type does not have.
    UnknownFlag,
    /// Flags that name one twice.
    DuplicateFlag,
    /// A case without the payload that it has.
    PayloadMissing,
    /// A case with a payload that it does not have.
    PayloadExtra,
    /// A list with its last element of another type than those before.
    MixedElements,
    /// A list of fixed length with one element less.
    ElementMissing,
    /// A list of fixed length with one element more.
    ElementExtra,
    /// A handle of another resource type.
    OtherResource,
    /// A handle that another store has given.
    OtherStore,
}

impl Misuse {
    /// The mistake in a value, if that is what is wrong.
    pub fn mistake(self) -> Option<Mistake> {
        match self {
            Misuse::Arg { mistake, .. } | Misuse::Answer { mistake, .. } => Some(mistake),
            Misuse::ArgMissing
            | Misuse::ArgExtra
            | Misuse::ResultMissing
            | Misuse::ResultExtra
            | Misuse::Signature(_) => None,
        }
    }
}

impl Mistake {
    pub const ALL: [Mistake; 15] = [
        Mistake::OtherType,
        Mistake::MemberMissing,
        Mistake::MemberExtra,
        Mistake::FieldRenamed,
        Mistake::FieldsReordered,
        Mistake::UnknownCase,
        Mistake::UnknownFlag,
        Mistake::DuplicateFlag,
        Mistake::PayloadMissing,
        Mistake::PayloadExtra,
        Mistake::MixedElements,
        Mistake::ElementMissing,
        Mistake::ElementExtra,
        Mistake::OtherResource,
        Mistake::OtherStore,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Mistake::OtherType => "other-type",
            Mistake::MemberMissing => "member-missing",
            Mistake::MemberExtra => "member-extra",
            Mistake::FieldRenamed => "field-renamed",
            Mistake::FieldsReordered => "fields-reordered",
            Mistake::UnknownCase => "unknown-case",
            Mistake::UnknownFlag => "unknown-flag",
            Mistake::DuplicateFlag => "duplicate-flag",
            Mistake::PayloadMissing => "payload-missing",
            Mistake::PayloadExtra => "payload-extra",
            Mistake::MixedElements => "mixed-elements",
            Mistake::ElementMissing => "element-missing",
            Mistake::ElementExtra => "element-extra",
            Mistake::OtherResource => "other-resource",
            Mistake::OtherStore => "other-store",
        }
    }

    pub fn named(name: &str) -> Option<Mistake> {
        Mistake::ALL.into_iter().find(|mistake| mistake.name() == name)
    }

    /// Whether it can be made with this value.
    pub fn fits(self, Node { ty, value, .. }: &Node) -> bool {
        let members = value.parts().len();
        match self {
            Mistake::OtherType => true,
            Mistake::MemberMissing => matches!(ty, Type::Record(_) | Type::Tuple(_)) && members > 0,
            Mistake::MemberExtra => matches!(ty, Type::Record(_) | Type::Tuple(_)),
            Mistake::FieldRenamed => matches!(ty, Type::Record(_)),
            Mistake::FieldsReordered => matches!(ty, Type::Record(_)) && members > 1,
            Mistake::UnknownCase => matches!(ty, Type::Variant(_) | Type::Enum(_)),
            Mistake::UnknownFlag => matches!(ty, Type::Flags(_)),
            Mistake::DuplicateFlag => matches!(value, Value::Flags(bits) if *bits != 0),
            Mistake::PayloadMissing => has_payload(ty, value) == Some(true),
            Mistake::PayloadExtra => has_payload(ty, value) == Some(false),
            Mistake::MixedElements => matches!(ty, Type::List(_)) && members > 1,
            Mistake::ElementMissing | Mistake::ElementExtra => {
                matches!(ty, Type::FixedLengthList(..))
            }
            Mistake::OtherResource | Mistake::OtherStore => {
                matches!(ty, Type::Handle(Handle::Own(_) | Handle::Borrow(_)))
            }
        }
    }
}

/// Of a variant's or a result's case: whether it has a payload. An option's and an enum's say by
/// themselves.
fn has_payload(ty: &Type, value: &Value) -> Option<bool> {
    match (ty, value) {
        (Type::Variant(_) | Type::Result(..), Value::Variant(_, payload)) => {
            Some(payload.is_some())
        }
        (_, _) => None,
    }
}

/// A value within values.
#[derive(Clone, Copy, Debug)]
pub struct Node<'a> {
    pub ty: &'a Type,
    pub value: &'a Value,
    /// Of how many values it is a part.
    pub depth: u32,
}

/// All values that are within these, each before its parts. An entry of a map is two.
pub fn nodes<'a>(types: &'a [Type], values: &'a [Value]) -> Vec<Node<'a>> {
    let mut nodes = Vec::new();
    types.iter().zip(values).for_each(|(ty, value)| collect(ty, value, 0, &mut nodes));
    nodes
}

fn collect<'a>(ty: &'a Type, value: &'a Value, depth: u32, nodes: &mut Vec<Node<'a>>) {
    nodes.push(Node { ty, value, depth });
    for (value, ty) in parts(value, ty) {
        collect(ty, value, depth + 1, nodes);
    }
}
