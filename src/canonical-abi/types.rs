//! Component types, as a tree.
//! Knows nothing of how a value of a type is stored, flattened or written down.

use std::borrow::Cow;

/// A component value type.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Type {
    Bool,
    S8,
    U8,
    S16,
    U16,
    S32,
    U32,
    S64,
    U64,
    F32,
    F64,
    Char,
    String,
    List(Box<Type>),
    /// `list<T, N>`, a list of fixed length; N is at least 1.
    FixedLengthList(Box<Type>, u32),
    Record(Vec<Field>),
    Tuple(Vec<Type>),
    Variant(Vec<VariantCase>),
    Enum(Vec<Label>),
    Option(Box<Type>),
    Result(Option<Box<Type>>, Option<Box<Type>>),
    Flags(Vec<Label>),
    Map(Box<Type>, Box<Type>),
    /// A type whose values are indices into a table of the instance.
    Handle(Handle),
}

/// The handle types.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Handle {
    Own(Resource),
    Borrow(Resource),
    ErrorContext,
    Stream(Option<Box<Type>>),
    Future(Option<Box<Type>>),
}

/// A resource type, by its number among those that whoever wrote the type has in view: the types of
/// a component, or those of a case.
pub type Resource = u32;

/// A field of a record.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Field {
    pub label: Label,
    pub ty: Type,
}

/// A case of a variant. (The spec says `CaseType`; a `Case` is something else here.)
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct VariantCase {
    pub label: Label,
    pub ty: Option<Type>,
}

/// The name of a field, case or flag; without one it is named after its position.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Label(pub Option<Box<str>>);

/// A function type. Params are named after their position.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FuncType {
    pub params: Vec<Type>,
    pub result: Option<Type>,
    /// Whether it may block before it returns.
    pub is_async: bool,
}

/// The pattern of the types without parts that have one size and are no string, for matches that treat them
/// alike.
#[macro_export]
macro_rules! scalar {
    () => {
        $crate::types::Type::Bool
            | $crate::types::Type::S8
            | $crate::types::Type::U8
            | $crate::types::Type::S16
            | $crate::types::Type::U16
            | $crate::types::Type::S32
            | $crate::types::Type::U32
            | $crate::types::Type::S64
            | $crate::types::Type::U64
            | $crate::types::Type::F32
            | $crate::types::Type::F64
            | $crate::types::Type::Char
    };
}

pub use scalar;

/// The types without parts, as `Type` declares them.
pub const PRIMITIVES: [Type; 13] = [
    Type::Bool,
    Type::S8,
    Type::U8,
    Type::S16,
    Type::U16,
    Type::S32,
    Type::U32,
    Type::S64,
    Type::U64,
    Type::F32,
    Type::F64,
    Type::Char,
    Type::String,
];

/// Spec: `keytype`: the types that a map may have as keys.
pub const MAP_KEYS: [Type; 11] = [
    Type::Bool,
    Type::S8,
    Type::U8,
    Type::S16,
    Type::U16,
    Type::S32,
    Type::U32,
    Type::S64,
    Type::U64,
    Type::Char,
    Type::String,
];

/// What is named by position: the letter before the number.
pub const PARAM: char = 'p';
pub const FIELD: char = 'f';
pub const CASE: char = 'c';
pub const FLAG: char = 'b';
pub const RESOURCE: char = 'r';

impl Label {
    /// The name in full, of the label at `position` among labels of one `kind`.
    pub fn at(&self, kind: char, position: usize) -> Cow<'_, str> {
        match &self.0 {
            Some(name) => Cow::Borrowed(name),
            None => Cow::Owned(positional(kind, position)),
        }
    }

    /// The label that `at` turns back into `name`.
    pub fn named(name: &str, kind: char, position: usize) -> Label {
        let implied = Label(None).is(name, kind, position);
        if implied { Label(None) } else { Label(Some(name.into())) }
    }

    /// Whether `at` turns it into `name`. Values of records and variants come with many names.
    pub fn is(&self, name: &str, kind: char, position: usize) -> bool {
        match &self.0 {
            Some(own) => **own == *name,
            None => position_of(name, kind) == Some(position),
        }
    }
}

/// The name of what has no name of its own.
pub fn positional(kind: char, position: usize) -> String {
    format!("{kind}{position}")
}

/// The position that a name says, if it is the name of what has none of its own.
fn position_of(name: &str, kind: char) -> Option<usize> {
    let digits = name.strip_prefix(kind)?;
    let plain = digits == "0" || !digits.starts_with(['0', '+']);
    plain.then(|| digits.parse().ok())?
}

/// The name of the resource of this number.
pub fn resource_name(resource: Resource) -> String {
    format!("{RESOURCE}{resource}")
}

impl Field {
    /// A field named after its position.
    pub fn new(ty: Type) -> Field {
        Field { label: Label::default(), ty }
    }
}

impl VariantCase {
    /// A case named after its position.
    pub fn new(ty: Option<Type>) -> VariantCase {
        VariantCase { label: Label::default(), ty }
    }
}

impl FuncType {
    /// Whether it takes or returns a stream, a future or an error context, or something with one in it.
    pub fn passes_async_values(&self) -> bool {
        let mut handles = self.params.iter().chain(&self.result).flat_map(Type::handles);
        handles.any(|handle| handle.resource().is_none())
    }

    /// The result as the spec writes it: a list of no or one type.
    pub fn results(&self) -> &[Type] {
        self.result.as_slice()
    }
}

impl Handle {
    /// The resource that it is a handle of.
    pub fn resource(&self) -> Option<Resource> {
        match self {
            Handle::Own(resource) | Handle::Borrow(resource) => Some(*resource),
            Handle::ErrorContext | Handle::Stream(_) | Handle::Future(_) => None,
        }
    }
}

impl Type {
    /// What kind of type this is, in a word.
    pub fn kind(&self) -> &'static str {
        match self {
            Type::Bool => "bool",
            Type::S8 => "s8",
            Type::U8 => "u8",
            Type::S16 => "s16",
            Type::U16 => "u16",
            Type::S32 => "s32",
            Type::U32 => "u32",
            Type::S64 => "s64",
            Type::U64 => "u64",
            Type::F32 => "f32",
            Type::F64 => "f64",
            Type::Char => "char",
            Type::String => "string",
            Type::List(_) => "list",
            Type::FixedLengthList(..) => "fixed-length list",
            Type::Record(_) => "record",
            Type::Tuple(_) => "tuple",
            Type::Variant(_) => "variant",
            Type::Enum(_) => "enum",
            Type::Option(_) => "option",
            Type::Result(..) => "result",
            Type::Flags(_) => "flags",
            Type::Map(..) => "map",
            Type::Handle(Handle::Own(_)) => "own",
            Type::Handle(Handle::Borrow(_)) => "borrow",
            Type::Handle(Handle::ErrorContext) => "error-context",
            Type::Handle(Handle::Stream(_)) => "stream",
            Type::Handle(Handle::Future(_)) => "future",
        }
    }

    /// The types directly inside this one, in order.
    pub fn children(&self) -> Vec<&Type> {
        match self {
            scalar!() | Type::String | Type::Enum(_) | Type::Flags(_) => Vec::new(),
            Type::List(elem) | Type::FixedLengthList(elem, _) | Type::Option(elem) => vec![elem],
            Type::Record(fields) => fields.iter().map(|field| &field.ty).collect(),
            Type::Tuple(types) => types.iter().collect(),
            Type::Variant(cases) => cases.iter().filter_map(|case| case.ty.as_ref()).collect(),
            Type::Result(ok, error) => [ok, error].into_iter().flatten().map(|ty| &**ty).collect(),
            Type::Map(key, value) => vec![key, value],
            Type::Handle(Handle::Stream(elem) | Handle::Future(elem)) => {
                elem.iter().map(|ty| &**ty).collect()
            }
            Type::Handle(Handle::Own(_) | Handle::Borrow(_) | Handle::ErrorContext) => Vec::new(),
        }
    }

    /// The same, to change them.
    pub fn children_mut(&mut self) -> Vec<&mut Type> {
        match self {
            scalar!() | Type::String | Type::Enum(_) | Type::Flags(_) => Vec::new(),
            Type::List(elem) | Type::FixedLengthList(elem, _) | Type::Option(elem) => vec![elem],
            Type::Record(fields) => fields.iter_mut().map(|field| &mut field.ty).collect(),
            Type::Tuple(types) => types.iter_mut().collect(),
            Type::Variant(cases) => cases.iter_mut().filter_map(|case| case.ty.as_mut()).collect(),
            Type::Result(ok, error) => {
                [ok, error].into_iter().flatten().map(|ty| &mut **ty).collect()
            }
            Type::Map(key, value) => vec![key, value],
            Type::Handle(Handle::Stream(elem) | Handle::Future(elem)) => {
                elem.iter_mut().map(|ty| &mut **ty).collect()
            }
            Type::Handle(Handle::Own(_) | Handle::Borrow(_) | Handle::ErrorContext) => Vec::new(),
        }
    }

    /// The type of the payload in the case of this number, if there is such a case.
    pub fn payload(&self, case: u32) -> Option<Option<&Type>> {
        let case = usize::try_from(case).ok()?;
        match self {
            Type::Variant(cases) => cases.get(case).map(|case| case.ty.as_ref()),
            Type::Enum(labels) => labels.get(case).map(|_| None),
            Type::Option(some) => [None, Some(&**some)].get(case).copied(),
            Type::Result(ok, error) => [ok.as_deref(), error.as_deref()].get(case).copied(),
            scalar!()
            | Type::String
            | Type::List(_)
            | Type::FixedLengthList(..)
            | Type::Record(_)
            | Type::Tuple(_)
            | Type::Flags(_)
            | Type::Map(..)
            | Type::Handle(_) => None,
        }
    }

    /// The handle types in this one, in order.
    pub fn handles(&self) -> Vec<&Handle> {
        let own = if let Type::Handle(handle) = self { Some(handle) } else { None };
        own.into_iter().chain(self.children().into_iter().flat_map(Type::handles)).collect()
    }

    /// The same type, where resource types have other numbers.
    pub fn renumbered(&self, number: &mut dyn FnMut(Resource) -> Resource) -> Type {
        let mut renumbered = self.clone();
        renumbered.renumber(number);
        renumbered
    }

    fn renumber(&mut self, number: &mut dyn FnMut(Resource) -> Resource) {
        if let Type::Handle(Handle::Own(resource) | Handle::Borrow(resource)) = self {
            *resource = number(*resource);
        }
        self.children_mut().into_iter().for_each(|child| child.renumber(number));
    }

    /// Whether this type or one inside it satisfies `wanted`.
    pub fn any(&self, wanted: &mut dyn FnMut(&Type) -> bool) -> bool {
        wanted(self) || self.children().into_iter().any(|child| child.any(wanted))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, position: usize, implied: bool) {
        let label = Label::named(name, FIELD, position);
        assert_eq!(label, Label((!implied).then(|| name.into())));
        assert_eq!(label.at(FIELD, position), name);
        assert!(label.is(name, FIELD, position) && !label.is("f1.", FIELD, position));
    }

    #[test]
    fn a_name_is_implied_if_it_is_what_its_position_gives() {
        check("f0", 0, true);
        check("f10", 10, true);
        check("f10", 1, false);
        check("c0", 0, false);
        check("f", 0, false);
    }

    #[test]
    fn a_number_is_written_in_one_way() {
        check("f01", 1, false);
        check("f+1", 1, false);
        check("f00", 0, false);
    }
}
