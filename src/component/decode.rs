//! A component's bytes into the definitions that make it up, in order.
//! Knows the binary format; nothing is run here.

use std::fmt;
use std::ops::Range;

use wasmparser::{
    CanonicalFunction, CanonicalOption, ComponentAlias, ComponentExternalKind, ComponentTypeRef,
    ExternalKind, Instance, Parser, Payload, TypeBounds, Validator, WasmFeatures,
};

use super::types::{TypeDefinition, Types};
use crate::abi::StringEncoding;
use crate::types::{FuncType, Type};

/// A decoded component.
#[derive(Clone, Debug)]
pub struct Component {
    /// Core modules as ranges of the component's bytes.
    pub modules: Vec<Range<usize>>,
    pub definitions: Vec<Definition>,
    pub exports: Vec<Export>,
}

/// One definition that instantiation carries out. Each adds one entry to an index space.
#[derive(Clone, Debug)]
pub enum Definition {
    CoreInstantiate {
        module: u32,
        args: Vec<(String, u32)>,
    },
    CoreExports(Vec<(String, ExternalKind, u32)>),
    CoreAlias {
        instance: u32,
        kind: ExternalKind,
        name: String,
    },
    ImportFunc {
        name: String,
        ty: FuncType,
    },
    Lift {
        core_func: u32,
        ty: FuncType,
        opts: CanonOpts,
    },
    Lower {
        func: u32,
        opts: CanonOpts,
    },
    /// The export of a function is a function again.
    ExportFunc {
        func: u32,
    },
}

/// A function under the name it is exported by.
#[derive(Clone, Debug)]
pub struct Export {
    pub name: String,
    pub func: u32,
}

/// Canonical options, as indices.
#[derive(Clone, Copy, Debug)]
pub struct CanonOpts {
    pub string_encoding: StringEncoding,
    pub memory: Option<u32>,
    pub realloc: Option<u32>,
    pub post_return: Option<u32>,
}

/// Why a component is not run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It is not a valid component.
    Invalid(String),
    /// It needs what the reference does not have, by name.
    Unsupported(String),
}

impl Refusal {
    pub fn invalid(what: impl Into<String>) -> Refusal {
        Refusal::Invalid(what.into())
    }

    pub fn unsupported(what: impl Into<String>) -> Refusal {
        Refusal::Unsupported(what.into())
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Invalid(what) => write!(f, "invalid component: {what}"),
            Refusal::Unsupported(what) => write!(f, "not supported by the reference yet: {what}"),
        }
    }
}

impl From<wasmparser::BinaryReaderError> for Refusal {
    fn from(error: wasmparser::BinaryReaderError) -> Refusal {
        Refusal::Invalid(error.to_string())
    }
}

/// The entry of an index space.
pub fn at<'a, T>(space: &'a [T], index: u32, what: &str) -> Result<&'a T, Refusal> {
    let position = usize::try_from(index).expect("an index fits");
    space.get(position).ok_or_else(|| Refusal::invalid(format!("{what} index {index}")))
}

/// Decodes and validates a component.
pub fn decode(bytes: &[u8]) -> Result<Component, Refusal> {
    Validator::new_with_features(features()).validate_all(bytes)?;
    let mut decoder = Decoder::default();
    let mut depth = 0usize;
    for payload in Parser::new(0).parse_all(bytes) {
        let payload = payload?;
        if matches!(payload, Payload::ModuleSection { .. } | Payload::ComponentSection { .. }) {
            depth += 1;
        }
        decoder.payload(&payload, depth)?;
        if matches!(payload, Payload::End(_)) {
            depth = depth.saturating_sub(1);
        }
    }
    Ok(decoder.component)
}

fn features() -> WasmFeatures {
    WasmFeatures::default() | WasmFeatures::CM_FIXED_LENGTH_LISTS | WasmFeatures::CM_MAP
}

struct Decoder {
    component: Component,
    types: Types,
}

impl Default for Decoder {
    fn default() -> Decoder {
        let component =
            Component { modules: Vec::new(), definitions: Vec::new(), exports: Vec::new() };
        Decoder { component, types: Types::default() }
    }
}

impl Decoder {
    #[expect(clippy::wildcard_enum_match_arm, reason = "what core modules have is for wasmi")]
    fn payload(&mut self, payload: &Payload<'_>, depth: usize) -> Result<(), Refusal> {
        match payload {
            Payload::ModuleSection { unchecked_range, .. } if depth == 1 => {
                let position =
                    |offset| usize::try_from(offset).expect("an offset into a slice fits");
                let range = position(unchecked_range.start)..position(unchecked_range.end);
                self.component.modules.push(range);
                Ok(())
            }
            Payload::ComponentSection { .. } => Err(Refusal::unsupported("nested components")),
            _ if depth > 0 => Ok(()),
            Payload::InstanceSection(section) => each(section, |def| self.core_instance(&def)),
            Payload::ComponentTypeSection(section) => each(section, |ty| self.ty(&ty)),
            Payload::ComponentImportSection(section) => {
                each(section, |import| self.import(import.name.name, &import.ty))
            }
            Payload::ComponentAliasSection(section) => each(section, |alias| self.alias(&alias)),
            Payload::ComponentCanonicalSection(section) => {
                each(section, |canonical| self.canonical(&canonical))
            }
            Payload::ComponentExportSection(section) => {
                each(section, |export| self.export(export.name.name, export.kind, export.index))
            }
            Payload::ComponentInstanceSection(_) => {
                Err(Refusal::unsupported("component instances"))
            }
            Payload::CoreTypeSection(_) => Err(Refusal::unsupported("core types")),
            Payload::ComponentStartSection { .. } => Err(Refusal::unsupported("start functions")),
            _ => Ok(()),
        }
    }

    fn define(&mut self, definition: Definition) {
        self.component.definitions.push(definition);
    }

    fn core_instance(&mut self, instance: &Instance<'_>) -> Result<(), Refusal> {
        self.define(match instance {
            Instance::Instantiate { module_index, args } => Definition::CoreInstantiate {
                module: *module_index,
                args: args.iter().map(|arg| (arg.name.to_string(), arg.index)).collect(),
            },
            Instance::FromExports(exports) => Definition::CoreExports(
                (exports.iter())
                    .map(|export| (export.name.to_string(), export.kind, export.index))
                    .collect(),
            ),
        });
        Ok(())
    }

    fn ty(&mut self, ty: &wasmparser::ComponentType<'_>) -> Result<(), Refusal> {
        let definition = match ty {
            wasmparser::ComponentType::Defined(ty) => {
                TypeDefinition::Value(self.types.resolve_defined(ty)?)
            }
            wasmparser::ComponentType::Func(ty) => {
                TypeDefinition::Func(self.types.resolve_func(ty)?)
            }
            wasmparser::ComponentType::Component(_) => {
                return Err(Refusal::unsupported("component types"));
            }
            wasmparser::ComponentType::Instance(_) => {
                return Err(Refusal::unsupported("instance types"));
            }
            wasmparser::ComponentType::Resource { .. } => {
                return Err(Refusal::unsupported("resource types"));
            }
        };
        self.types.push(definition);
        Ok(())
    }

    fn import(&mut self, name: &str, ty: &ComponentTypeRef) -> Result<(), Refusal> {
        match ty {
            ComponentTypeRef::Func(index) => {
                let ty = self.types.func(*index)?.clone();
                refuse_handles(&ty)?;
                self.define(Definition::ImportFunc { name: name.to_string(), ty });
                Ok(())
            }
            ComponentTypeRef::Type(TypeBounds::Eq(index)) => {
                let definition = self.types.get(*index)?.clone();
                self.types.push(definition);
                Ok(())
            }
            ComponentTypeRef::Type(TypeBounds::SubResource) => {
                Err(Refusal::unsupported("imported resources"))
            }
            ComponentTypeRef::Module(_)
            | ComponentTypeRef::Value(_)
            | ComponentTypeRef::Instance(_)
            | ComponentTypeRef::Component(_) => {
                Err(Refusal::unsupported("imports that are no functions or types"))
            }
        }
    }

    fn alias(&mut self, alias: &ComponentAlias<'_>) -> Result<(), Refusal> {
        match alias {
            ComponentAlias::CoreInstanceExport { kind, instance_index, name } => {
                self.define(Definition::CoreAlias {
                    instance: *instance_index,
                    kind: *kind,
                    name: name.to_string(),
                });
                Ok(())
            }
            ComponentAlias::InstanceExport { .. } => {
                Err(Refusal::unsupported("aliases of component instances' exports"))
            }
            ComponentAlias::Outer { .. } => Err(Refusal::unsupported("outer aliases")),
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "all other built-ins are refused alike")]
    fn canonical(&mut self, canonical: &CanonicalFunction) -> Result<(), Refusal> {
        let definition = match canonical {
            CanonicalFunction::Lift { core_func_index, type_index, options } => {
                let ty = self.types.func(*type_index)?.clone();
                refuse_handles(&ty)?;
                let opts = canon_opts(options)?;
                Definition::Lift { core_func: *core_func_index, ty, opts }
            }
            CanonicalFunction::Lower { func_index, options } => {
                Definition::Lower { func: *func_index, opts: canon_opts(options)? }
            }
            other => return Err(Refusal::unsupported(built_in(other))),
        };
        self.define(definition);
        Ok(())
    }

    fn export(
        &mut self,
        name: &str,
        kind: ComponentExternalKind,
        index: u32,
    ) -> Result<(), Refusal> {
        match kind {
            ComponentExternalKind::Func => {
                self.define(Definition::ExportFunc { func: index });
                self.component.exports.push(Export { name: name.to_string(), func: index });
                Ok(())
            }
            ComponentExternalKind::Type => {
                let definition = self.types.get(index)?.clone();
                self.types.push(definition);
                Ok(())
            }
            ComponentExternalKind::Module
            | ComponentExternalKind::Value
            | ComponentExternalKind::Instance
            | ComponentExternalKind::Component => {
                Err(Refusal::unsupported("exports that are no functions or types"))
            }
        }
    }
}

fn each<'a, T: wasmparser::FromReader<'a>>(
    section: &wasmparser::SectionLimited<'a, T>,
    mut decode: impl FnMut(T) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    section.clone().into_iter().try_for_each(|item| decode(item?))
}

/// The name of a built-in, as `canon task.return` has it.
fn built_in(canonical: &CanonicalFunction) -> String {
    let debug = format!("{canonical:?}");
    let name = debug.split([' ', '(', '{']).next().unwrap_or_default();
    let mut words = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() && !words.is_empty() {
            words.push('.');
        }
        words.push(c.to_ascii_lowercase());
    }
    format!("canon {words}")
}

fn canon_opts(options: &[CanonicalOption]) -> Result<CanonOpts, Refusal> {
    let mut opts = CanonOpts {
        string_encoding: StringEncoding::Utf8,
        memory: None,
        realloc: None,
        post_return: None,
    };
    for option in options {
        match option {
            CanonicalOption::UTF8 => opts.string_encoding = StringEncoding::Utf8,
            CanonicalOption::UTF16 => opts.string_encoding = StringEncoding::Utf16,
            CanonicalOption::CompactUTF16 => opts.string_encoding = StringEncoding::Latin1OrUtf16,
            CanonicalOption::Memory(index) => opts.memory = Some(*index),
            CanonicalOption::Realloc(index) => opts.realloc = Some(*index),
            CanonicalOption::PostReturn(index) => opts.post_return = Some(*index),
            CanonicalOption::Async | CanonicalOption::Callback(_) => {
                return Err(Refusal::unsupported("the async option"));
            }
            CanonicalOption::CoreType(_) | CanonicalOption::Gc => {
                return Err(Refusal::unsupported("the gc option"));
            }
        }
    }
    Ok(opts)
}

fn refuse_handles(ty: &FuncType) -> Result<(), Refusal> {
    let mut types = ty.params.iter().chain(&ty.result);
    if types.any(|ty| ty.any(&mut |ty| matches!(ty, Type::Handle(_)))) {
        return Err(Refusal::unsupported("functions that pass handles"));
    }
    Ok(())
}
