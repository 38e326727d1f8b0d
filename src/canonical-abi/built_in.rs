//! The canonical built-ins: what each is called, what it is made for, what it takes and gives.
//! Knows nothing of what they do.

use super::core::{CoreFuncType, CoreType};
use super::options::PtrType;

/// A canonical built-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum BuiltIn {
    ResourceNew,
    ResourceRep,
    ResourceDrop,
}

/// What there is to know of a built-in before it is called.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// As the text format and the specification's heading have it.
    pub canon: &'static str,
    /// The specification's definition of it.
    pub definition: &'static str,
    /// What it is made for.
    pub of: Immediate,
    pub params: &'static [Operand],
    pub result: Option<Operand>,
    /// Whether it traps where `may_leave` is false.
    pub leaves: bool,
}

/// What a built-in is made for: with each it is another core function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Immediate {
    /// A resource type: any that the component knows, or only one that it defines.
    Resource { defined: bool },
}

/// What a core value means that a built-in takes or gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operand {
    /// An index in the table of handles.
    Handle,
    /// A resource's representation.
    Rep,
}

impl BuiltIn {
    pub const ALL: [BuiltIn; 3] =
        [BuiltIn::ResourceNew, BuiltIn::ResourceRep, BuiltIn::ResourceDrop];

    /// The table.
    pub const fn row(self) -> Row {
        match self {
            BuiltIn::ResourceNew => Row {
                canon: "canon resource.new",
                definition: "canon_resource_new",
                of: Immediate::Resource { defined: true },
                params: &[Operand::Rep],
                result: Some(Operand::Handle),
                leaves: true,
            },
            BuiltIn::ResourceRep => Row {
                canon: "canon resource.rep",
                definition: "canon_resource_rep",
                of: Immediate::Resource { defined: true },
                params: &[Operand::Handle],
                result: Some(Operand::Rep),
                leaves: false,
            },
            BuiltIn::ResourceDrop => Row {
                canon: "canon resource.drop",
                definition: "canon_resource_drop",
                of: Immediate::Resource { defined: false },
                params: &[Operand::Handle],
                result: None,
                leaves: true,
            },
        }
    }

    /// Its place in the table.
    pub fn index(self) -> usize {
        BuiltIn::ALL.iter().take_while(|other| **other != self).count()
    }

    /// What follows `canon` in the text format.
    pub fn name(self) -> &'static str {
        let canon = self.row().canon;
        canon.strip_prefix("canon ").unwrap_or(canon)
    }

    /// The last word of its name.
    pub fn verb(self) -> &'static str {
        let name = self.name();
        name.rsplit_once('.').map_or(name, |(_, verb)| verb)
    }

    /// The built-in of this name, if there is one.
    pub fn named(name: &str) -> Option<BuiltIn> {
        BuiltIn::ALL.into_iter().find(|built_in| built_in.name() == name)
    }

    /// Its core type where pointers are so wide.
    pub fn core_type(self, ptr_type: PtrType) -> CoreFuncType {
        let Row { params, result, .. } = self.row();
        let core_type = |operand: &Operand| operand.core_type(ptr_type);
        CoreFuncType {
            params: params.iter().map(core_type).collect(),
            results: result.iter().map(core_type).collect(),
        }
    }
}

impl Row {
    /// Whether one of its params is an index in the table of handles.
    pub fn takes_handle(&self) -> bool {
        self.params.contains(&Operand::Handle)
    }
}

impl Operand {
    /// Its core type where pointers are so wide.
    pub fn core_type(self, _: PtrType) -> CoreType {
        match self {
            Operand::Handle | Operand::Rep => CoreType::I32,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, expected: Option<(BuiltIn, usize)>) {
        let found = BuiltIn::named(name);
        let typed = found.map(|one| (one, one.core_type(PtrType::I64).results.len()));
        assert_eq!(typed, expected);
    }

    #[test]
    fn a_built_in_is_found_by_its_name_in_the_text_format() {
        check("resource.new", Some((BuiltIn::ResourceNew, 1)));
        check("resource.drop", Some((BuiltIn::ResourceDrop, 0)));
        check("resource.", None);
    }
}
