//! The puppet: a core module that does what its script says and logs what it sees.
//! Knows the script's layout; nothing of the functions of a case, for which it has a face.

mod code;
pub mod emit;
mod memory;
mod noise;
mod turn;

use wasm_encoder::{
    CodeSection, ComponentBuilder, ComponentTypeRef, ConstExpr, DataCountSection, DataSection,
    DataSegment, DataSegmentMode, EntityType, ExportKind, ExportSection, Function, FunctionSection,
    GlobalSection, GlobalType, ImportSection, MemorySection, MemoryType, Module, ModuleType,
    RefType, TableSection, TableType, TypeSection, ValType,
};

use self::emit::{
    BUMP, GLOBALS, MEMORY, Own, SCRIPT_MEMORY, Ty, function_type, index, left_slot, memory,
    script_memory,
};
pub use self::noise::Left;
use super::core_names;
use super::script::fill_pattern;
use super::standing::{Standing, standing};
use crate::abi::{CoreFuncType, PtrType};
use crate::case::{Guest, Limits, Pages, Shape};
use crate::types;

/// Where a component has its puppets from. It makes no difference to what a run shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Puppets {
    /// They are in it.
    #[default]
    Contained,
    /// It imports them, so that what is compiled once serves all shapes that need the same.
    Imported,
}

impl Puppets {
    /// Where the component of this shape has its puppets from, if others have them from here: around
    /// core code that nobody scripted, no puppet is like another.
    pub fn of(self, shape: &Shape) -> Puppets {
        if shape.is_noisy() { Puppets::Contained } else { self }
    }
}

/// All that a puppet depends on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Puppet {
    /// Of the memory under test.
    pub ptr_type: PtrType,
    /// The memory's size. Nothing: it is another module's.
    pub pages: Option<Pages>,
    /// How many resources there are slots for.
    pub resources: u32,
    /// Those of them that have destructors.
    pub destructors: Vec<types::Resource>,
    /// What is left to core code that nobody scripted, if there is such code.
    pub left: Option<Left>,
}

impl Puppet {
    /// That of the guest of this number.
    pub fn of(shape: &Shape, number: usize) -> Puppet {
        let guest = &shape.guests[number];
        let with_destructor = Some(Standing::Defined { destructor: true });
        let resources = (0..).zip(&shape.resources);
        let destructors = resources
            .filter(|(_, resource)| standing(**resource, number) == with_destructor)
            .map(|(resource, _)| resource);
        Puppet {
            ptr_type: guest.ptr_type,
            pages: Some(guest.pages),
            resources: u32::try_from(shape.resources.len()).expect("resources are few"),
            destructors: destructors.collect(),
            left: guest.noise.as_ref().map(|module| Left::of(module, shape, number)),
        }
    }

    /// One that does the same for as many guests as can be: it has all that any of them needs, and the memory,
    /// which no two have alike, is not its own.
    pub fn shared(shape: &Shape, number: usize) -> Puppet {
        let own = Puppet::of(shape, number);
        let resources = if own.resources == 0 { 0 } else { Limits::CASE.resources };
        let resources = resources.max(own.resources);
        Puppet { pages: None, resources, destructors: (0..resources).collect(), ..own }
    }

    /// Its core module.
    pub fn module(&self) -> Module {
        let mut module = Module::new();
        let mut types = TypeSection::new();
        self.types().iter().for_each(|ty| function_type(types.ty(), ty));
        module.section(&types);
        if self.pages.is_none() {
            let mut imports = ImportSection::new();
            imports.import(core_names::MEMORY, core_names::MEMORY, self.memory());
            module.section(&imports);
        }
        module.section(&self.declarations());
        let mut tables = TableSection::new();
        tables.table(self.table());
        module.section(&tables);
        let mut memories = MemorySection::new();
        if self.pages.is_some() {
            memories.memory(self.memory());
        }
        memories.memory(script_memory());
        module.section(&memories);
        module.section(&globals(self.left.is_some()));
        let mut exports = ExportSection::new();
        for (name, kind, index) in self.exports() {
            exports.export(&name, kind, index);
        }
        module.section(&exports);
        module.section(&DataCountSection { count: 1 });
        module.section(&self.code());
        let mut data = DataSection::new();
        data.segment(DataSegment { mode: DataSegmentMode::Passive, data: fill_pattern() });
        module.section(&data);
        module
    }

    /// The table that the face and the wire fill.
    pub fn table(&self) -> TableType {
        let left = self.left.as_ref().map_or(0, |left| left.acts.len());
        let left = u64::try_from(left).expect("a length fits in 64 bits");
        let size = u64::from(left_slot(self.resources)) + left;
        TableType {
            element_type: RefType::FUNCREF,
            table64: false,
            minimum: size,
            maximum: Some(size),
            shared: false,
        }
    }

    /// Imports it into a component, under this name, instead of defining it there.
    pub fn import(&self, builder: &mut ComponentBuilder, name: &str) -> u32 {
        let mut module = ModuleType::new();
        self.types().iter().for_each(|ty| function_type(module.ty(), ty));
        if self.pages.is_none() {
            module.import(core_names::MEMORY, core_names::MEMORY, self.memory().into());
        }
        for (name, kind, index) in self.exports() {
            module.export(&name, self.entity(kind, index));
        }
        let (ty, encoder) = builder.core_type(None);
        encoder.module(&module);
        builder.import(name, ComponentTypeRef::Module(ty))
    }

    fn entity(&self, kind: ExportKind, index: u32) -> EntityType {
        match kind {
            ExportKind::Func => {
                let index = usize::try_from(index).expect("functions are few");
                let ty = self.functions().nth(index).expect("it is one of them");
                EntityType::Function(ty.index())
            }
            ExportKind::Table => EntityType::Table(self.table()),
            ExportKind::Memory if index == MEMORY => EntityType::Memory(self.memory()),
            ExportKind::Memory => EntityType::Memory(script_memory()),
            ExportKind::Global | ExportKind::Tag => {
                unreachable!("a puppet exports none")
            }
        }
    }

    /// The types of all functions, in their order.
    fn functions(&self) -> impl Iterator<Item = Ty> {
        let own = Own::ALL.into_iter().map(Own::ty);
        let destructors = self.destructors.iter().map(|_| Ty::Silent);
        let offers = self.left.iter().flat_map(|_| Left::TYPES);
        own.chain(destructors).chain(offers)
    }

    /// The first destructor.
    fn first_destructor(&self) -> u32 {
        index(Own::ALL.len())
    }

    /// The first function for core code that nobody scripted.
    fn first_offer(&self) -> u32 {
        self.first_destructor() + index(self.destructors.len())
    }

    /// The memory under test: any, where it is another module's.
    fn memory(&self) -> MemoryType {
        match self.pages {
            Some(pages) => memory_under_test(pages, self.ptr_type),
            None => memory(0, None, self.ptr_type == PtrType::I64),
        }
    }

    fn exports(&self) -> Vec<(String, ExportKind, u32)> {
        let functions = [
            (core_names::REALLOC, Own::Realloc),
            (core_names::SCRIPT_REALLOC, Own::ScriptRealloc),
            (core_names::ACT, Own::Act),
            (core_names::CLEAN_UP, Own::CleanUp),
            (core_names::LOAD_SCRIPT, Own::LoadScript),
            (core_names::OBSERVE, Own::Observe),
            (core_names::LOG_ROOM, Own::LogRoom),
        ];
        let functions = functions.map(|(name, own)| (name, ExportKind::Func, own.index()));
        let others = [
            (core_names::MEMORY, ExportKind::Memory, MEMORY),
            (core_names::SCRIPT_MEMORY, ExportKind::Memory, SCRIPT_MEMORY),
            (core_names::TABLE, ExportKind::Table, 0),
        ];
        let fixed = others.into_iter().chain(functions);
        let fixed = fixed.map(|(name, kind, index)| (name.to_string(), kind, index));
        let destructors = self.destructors.iter().zip(self.first_destructor()..);
        let destructors = destructors.map(|(resource, function)| {
            (core_names::destructor(*resource), ExportKind::Func, function)
        });
        let offers = self.left.iter().flat_map(|_| Left::NAMES).zip(self.first_offer()..);
        let offers = offers.map(|(name, function)| (name.to_string(), ExportKind::Func, function));
        fixed.chain(destructors).chain(offers).collect()
    }

    fn types(&self) -> [CoreFuncType; Ty::ALL.len()] {
        Ty::ALL.map(|ty| ty.core(self.ptr_type))
    }

    fn declarations(&self) -> FunctionSection {
        let mut declarations = FunctionSection::new();
        self.functions().for_each(|ty| {
            declarations.function(ty.index());
        });
        declarations
    }

    fn code(&self) -> CodeSection {
        let mut section = CodeSection::new();
        for own in Own::ALL {
            section.function(&self.body_of(own));
        }
        for resource in &self.destructors {
            section.function(&code::destructor(*resource, self.left.as_ref()));
        }
        if self.left.is_some() {
            noise::code(&mut section, self.ptr_type);
        }
        section
    }

    fn body_of(&self, own: Own) -> Function {
        let (ptr_type, left) = (self.ptr_type, self.left.as_ref());
        match own {
            Own::Realloc => {
                let left = left.and_then(|left| left.realloc(ptr_type));
                left.unwrap_or_else(|| memory::realloc(ptr_type, true))
            }
            Own::ScriptRealloc => code::script_realloc(),
            Own::Act => code::act(),
            Own::CleanUp => code::clean_up(),
            Own::LoadScript => code::load_script(ptr_type, left),
            Own::Observe => code::observe(ptr_type),
            Own::LogRoom => code::log_room(),
            Own::LogWord => code::log_word(),
            Own::MakeRoom => code::make_room(),
            Own::DoActs => turn::do_acts(ptr_type),
            Own::CallBuiltIn => turn::call_built_in(),
        }
    }
}

/// A core module that has nothing but the memory under test.
pub fn memory_alone(guest: &Guest) -> Module {
    let mut module = Module::new();
    let mut memories = MemorySection::new();
    memories.memory(memory_under_test(guest.pages, guest.ptr_type));
    module.section(&memories);
    let mut exports = ExportSection::new();
    exports.export(core_names::MEMORY, ExportKind::Memory, MEMORY);
    module.section(&exports);
    module
}

fn memory_under_test(pages: Pages, ptr_type: PtrType) -> MemoryType {
    let (initial, maximum) = (u64::from(pages.initial), u64::from(pages.maximum));
    memory(initial, Some(maximum), ptr_type == PtrType::I64)
}

fn globals(noisy: bool) -> GlobalSection {
    let mut globals = GlobalSection::new();
    let ty = |val_type| GlobalType { val_type, mutable: true, shared: false };
    let count = if noisy { GLOBALS + 2 } else { GLOBALS };
    for global in 0..count {
        if global == BUMP {
            globals.global(ty(ValType::I64), &ConstExpr::i64_const(0));
        } else {
            globals.global(ty(ValType::I32), &ConstExpr::i32_const(0));
        }
    }
    globals
}
