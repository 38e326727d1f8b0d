//! A component's bytes into the definitions that make it up, in order.
//! Knows the binary format; nothing is run here.

use std::sync::Arc;

use canonical_abi::StringEncoding;
use canonical_abi::types::FuncType;
use wasmparser::component_types::ComponentEntityType;
use wasmparser::types::TypesRef;
use wasmparser::{
    CanonicalFunction, CanonicalOption, ComponentAlias, ComponentExport, ComponentExternalKind,
    ComponentImport, ComponentInstance, ComponentOuterAliasKind, ComponentType, ComponentTypeRef,
    Encoding, Instance, Parser, Payload, ValidPayload, Validator, WasmFeatures,
};

use super::built_in::built_in;
use super::definition::{CanonOpts, Component, Decoded, Definition, Found, Import, Item};
use super::refusal::Refusal;
use super::types::{Resolver, Resources};

/// How deep components may be nested.
const MAX_NESTING: usize = 100;

/// Decodes and validates a component.
pub fn decode(bytes: &[u8]) -> Result<Decoded, Refusal> {
    let mut decoder = Decoder {
        validator: Validator::new_with_features(features()),
        frames: Vec::new(),
        within_module: false,
        decoded: Decoded::default(),
    };
    // What is not supported is refused only after all was found to be valid.
    let mut done = Ok(());
    for payload in Parser::new(0).parse_all(bytes) {
        let payload = payload?;
        if let ValidPayload::Func(func, body) = decoder.validator.payload(&payload)? {
            func.into_validator(Default::default()).validate(&body)?;
        }
        done = done.and_then(|()| decoder.payload(payload));
    }
    done.map(|()| decoder.decoded)
}

/// All of the component model, so that what is not supported is valid and can be named.
pub fn features() -> WasmFeatures {
    WasmFeatures::default()
        | WasmFeatures::CM_ASYNC
        | WasmFeatures::CM_ASYNC_STACKFUL
        | WasmFeatures::CM_MORE_ASYNC_BUILTINS
        | WasmFeatures::CM_THREADING
        | WasmFeatures::CM_ERROR_CONTEXT
        | WasmFeatures::CM_FIXED_LENGTH_LISTS
        | WasmFeatures::CM_MAP
        | WasmFeatures::CM_IMPLEMENTS
        | WasmFeatures::CM64
}

struct Decoder {
    validator: Validator,
    /// The components around the current place, the root first.
    frames: Vec<Frame>,
    within_module: bool,
    decoded: Decoded,
}

/// A component that is being decoded.
#[derive(Default)]
struct Frame {
    definitions: Vec<Definition>,
    resources: Resources,
    /// The sizes of two index spaces.
    types: u32,
    instances: u32,
}

impl Decoder {
    #[expect(clippy::wildcard_enum_match_arm, reason = "what core modules have is for wasmi")]
    fn payload(&mut self, payload: Payload<'_>) -> Result<(), Refusal> {
        match payload {
            Payload::Version { encoding, .. } => self.begin(encoding),
            Payload::ModuleSection { unchecked_range, .. } => {
                let position = |offset| usize::try_from(offset).expect("an offset in a slice fits");
                let range = position(unchecked_range.start)..position(unchecked_range.end);
                self.define(Definition::CoreModule(self.decoded.modules.len()));
                self.decoded.modules.push(range);
                Ok(())
            }
            Payload::End(_) => {
                self.end();
                Ok(())
            }
            Payload::TagSection(_) => Err(Refusal::unsupported("core exceptions (tags)")),
            _ if self.within_module => Ok(()),
            Payload::InstanceSection(section) => each(section, |def| {
                self.core_instance(&def);
                Ok(())
            }),
            Payload::ComponentInstanceSection(section) => each(section, |def| self.instance(&def)),
            Payload::ComponentTypeSection(section) => each(section, |ty| self.ty(&ty)),
            Payload::ComponentImportSection(section) => {
                each(section, |import| self.import(&import))
            }
            Payload::ComponentAliasSection(section) => each(section, |alias| self.alias(&alias)),
            Payload::ComponentCanonicalSection(section) => {
                each(section, |canonical| self.canonical(&canonical))
            }
            Payload::ComponentExportSection(section) => {
                each(section, |export| self.export(&export))
            }
            Payload::ComponentStartSection { .. } => Err(Refusal::unsupported("start functions")),
            _ => Ok(()),
        }
    }

    fn begin(&mut self, encoding: Encoding) -> Result<(), Refusal> {
        match encoding {
            Encoding::Module if self.frames.is_empty() => {
                return Err(Refusal::invalid("this is a core module, not a component"));
            }
            Encoding::Module => self.within_module = true,
            Encoding::Component => self.frames.push(Frame::default()),
        }
        if self.frames.len() > MAX_NESTING {
            return Err(Refusal::exhausted(format!("components nested deeper than {MAX_NESTING}")));
        }
        Ok(())
    }

    fn end(&mut self) {
        if std::mem::take(&mut self.within_module) {
            return;
        }
        let frame = self.frames.pop().expect("what ends has begun");
        let resources = frame.resources.count();
        let component = Arc::new(Component { definitions: frame.definitions, resources });
        match self.frames.last_mut() {
            Some(outer) => outer.definitions.push(Definition::Component(component)),
            None => self.decoded.root = component,
        }
    }

    fn frame(&mut self) -> &mut Frame {
        self.frames.last_mut().expect("definitions are within a component")
    }

    fn define(&mut self, definition: Definition) {
        self.frame().definitions.push(definition);
    }

    fn resolver(&mut self) -> Resolver<'_> {
        let types = self.validator.types(0).expect("a component is being validated");
        let frame = self.frames.last_mut().expect("definitions are within a component");
        Resolver { types, resources: &mut frame.resources }
    }

    fn core_instance(&mut self, instance: &Instance<'_>) {
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
    }

    fn instance(&mut self, instance: &ComponentInstance<'_>) -> Result<(), Refusal> {
        let definition = match instance {
            ComponentInstance::Instantiate { component_index, args } => {
                let args = (args.iter())
                    .map(|arg| Ok((arg.name.to_string(), self.item(arg.kind, arg.index)?)))
                    .collect::<Result<_, Refusal>>()?;
                let ty = self.new_instance();
                let found = self.resolver().found(&ty)?;
                Definition::Instantiate { component: *component_index, args, found }
            }
            ComponentInstance::FromExports(exports) => {
                self.new_instance();
                let exports = (exports.iter())
                    .map(|export| {
                        let item = self.item(export.kind, export.index)?;
                        Ok((export.name.name.to_string(), item))
                    })
                    .collect::<Result<_, Refusal>>()?;
                Definition::Exports(exports)
            }
        };
        self.define(definition);
        Ok(())
    }

    /// Counts a new instance and answers with its type.
    fn new_instance(&mut self) -> ComponentEntityType {
        let index = self.frame().instances;
        self.frame().instances += 1;
        ComponentEntityType::Instance(self.types().component_instance_at(index))
    }

    /// Counts a new type and answers with it.
    fn new_type(&mut self) -> ComponentEntityType {
        let index = self.frame().types;
        self.frame().types += 1;
        let ty = self.types().component_any_type_at(index);
        ComponentEntityType::Type { referenced: ty, created: ty }
    }

    fn types(&self) -> TypesRef<'_> {
        self.validator.types(0).expect("a component is being validated")
    }

    fn item(&mut self, kind: ComponentExternalKind, index: u32) -> Result<Item, Refusal> {
        Ok(match kind {
            ComponentExternalKind::Func => Item::Func(index),
            ComponentExternalKind::Module => Item::Module(index),
            ComponentExternalKind::Component => Item::Component(index),
            ComponentExternalKind::Instance => Item::Instance(index),
            ComponentExternalKind::Type => {
                self.resolver().resource_at(index).map_or(Item::Type, Item::Resource)
            }
            ComponentExternalKind::Value => return Err(Refusal::unsupported("values")),
        })
    }

    fn ty(&mut self, ty: &ComponentType<'_>) -> Result<(), Refusal> {
        let index = self.frame().types;
        self.frame().types += 1;
        match ty {
            ComponentType::Resource { dtor, .. } => {
                let resource = self.resolver().define_resource_at(index)?;
                self.define(Definition::Resource { resource, destructor: *dtor });
            }
            ComponentType::Defined(_)
            | ComponentType::Func(_)
            | ComponentType::Component(_)
            | ComponentType::Instance(_) => {}
        }
        Ok(())
    }

    fn import(&mut self, import: &ComponentImport<'_>) -> Result<(), Refusal> {
        let name = import.name.name;
        match import.ty {
            ComponentTypeRef::Type(_) => self.frame().types += 1,
            ComponentTypeRef::Instance(_) => self.frame().instances += 1,
            ComponentTypeRef::Value(_) => return Err(Refusal::unsupported("values")),
            ComponentTypeRef::Func(_)
            | ComponentTypeRef::Module(_)
            | ComponentTypeRef::Component(_) => {}
        }
        let item = self.types().component_item_for_import(name);
        let ty = item.ok_or_else(|| Refusal::invalid("an import without a type"))?.ty;
        if self.frames.len() == 1 {
            let asked = self.resolver().import(&ty)?;
            self.decoded.imports.push((name.to_string(), asked));
        }
        let found = self.resolver().found(&ty)?;
        self.define(Definition::Import { name: name.to_string(), found });
        Ok(())
    }

    fn alias(&mut self, alias: &ComponentAlias<'_>) -> Result<(), Refusal> {
        let definition = match alias {
            ComponentAlias::CoreInstanceExport { kind, instance_index, name } => {
                Definition::CoreAlias {
                    instance: *instance_index,
                    kind: *kind,
                    name: (*name).into(),
                }
            }
            ComponentAlias::InstanceExport { kind, instance_index, name } => {
                let found = self.found_in_new(*kind)?;
                Definition::Alias { instance: *instance_index, name: name.to_string(), found }
            }
            ComponentAlias::Outer { kind, count, index } => match kind {
                ComponentOuterAliasKind::CoreModule => {
                    Definition::OuterModule { count: *count, index: *index }
                }
                ComponentOuterAliasKind::Component => {
                    Definition::OuterComponent { count: *count, index: *index }
                }
                ComponentOuterAliasKind::CoreType => return Ok(()),
                ComponentOuterAliasKind::Type => {
                    self.frame().types += 1;
                    return Ok(());
                }
            },
        };
        self.define(definition);
        Ok(())
    }

    /// The resource types that come with what an alias or an export has just added.
    fn found_in_new(&mut self, kind: ComponentExternalKind) -> Result<Vec<Found>, Refusal> {
        let ty = match kind {
            ComponentExternalKind::Type => self.new_type(),
            ComponentExternalKind::Instance => self.new_instance(),
            ComponentExternalKind::Func
            | ComponentExternalKind::Module
            | ComponentExternalKind::Component
            | ComponentExternalKind::Value => return Ok(Vec::new()),
        };
        self.resolver().found(&ty)
    }

    fn export(&mut self, export: &ComponentExport<'_>) -> Result<(), Refusal> {
        let item = self.item(export.kind, export.index)?;
        let found = self.found_in_new(export.kind)?;
        let name = export.name.name.to_string();
        if self.frames.len() == 1 {
            let exported = self.types().component_item_for_export(&name);
            let ty = exported.ok_or_else(|| Refusal::invalid("an export without a type"))?.ty;
            let exported = self.resolver().import(&ty)?;
            self.decoded.list(name.clone(), exported);
        }
        self.define(Definition::Export { name, item, found });
        Ok(())
    }

    fn canonical(&mut self, canonical: &CanonicalFunction) -> Result<(), Refusal> {
        let definition =
            if let CanonicalFunction::Lift { core_func_index, type_index, options } = canonical {
                let opts = canon_opts(options)?;
                let signature = Arc::new(self.resolver().func_at(*type_index)?.into());
                Definition::Lift { core_func: *core_func_index, signature, opts }
            } else if let CanonicalFunction::Lower { func_index, options } = canonical {
                Definition::Lower { func: *func_index, opts: canon_opts(options)? }
            } else {
                Definition::BuiltIn(Box::new(built_in(&mut self.resolver(), canonical)?))
            };
        self.define(definition);
        Ok(())
    }
}

impl Decoded {
    /// Lists what the root exports under a path, and what is in it.
    fn list(&mut self, path: String, exported: Import) {
        match exported {
            Import::Func(signature) => self.exports.push((path, signature.ty().clone())),
            Import::Instance(items) => {
                for (name, item) in items {
                    self.list(format!("{path}#{name}"), item);
                }
            }
            Import::Resource(_) | Import::Module | Import::Component | Import::Type => {}
        }
    }

    /// The type of an exported function.
    pub fn export(&self, path: &str) -> Option<&FuncType> {
        self.exports.iter().find(|(known, _)| known == path).map(|(_, ty)| ty)
    }
}

fn each<'a, T: wasmparser::FromReader<'a>>(
    section: wasmparser::SectionLimited<'a, T>,
    mut decode: impl FnMut(T) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    section.into_iter().try_for_each(|item| decode(item?))
}

pub fn canon_opts(options: &[CanonicalOption]) -> Result<CanonOpts, Refusal> {
    let mut opts = CanonOpts::default();
    for option in options {
        match option {
            CanonicalOption::UTF8 => opts.string_encoding = StringEncoding::Utf8,
            CanonicalOption::UTF16 => opts.string_encoding = StringEncoding::Utf16,
            CanonicalOption::CompactUTF16 => opts.string_encoding = StringEncoding::Latin1OrUtf16,
            CanonicalOption::Memory(index) => opts.memory = Some(*index),
            CanonicalOption::Realloc(index) => opts.realloc = Some(*index),
            CanonicalOption::PostReturn(index) => opts.post_return = Some(*index),
            CanonicalOption::Async => opts.is_async = true,
            CanonicalOption::Callback(index) => opts.callback = Some(*index),
            CanonicalOption::CoreType(_) | CanonicalOption::Gc => {
                return Err(Refusal::unsupported("the gc option"));
            }
        }
    }
    Ok(opts)
}
