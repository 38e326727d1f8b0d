//! What a guest hands over, lowered into its memory from the bottom of its heap up.
//! Knows no script: who wants to damage the data first looks where it lies.

use crate::abi::bytes_guest::ByteGuest;
use crate::abi::flatten::{Context, flatten_functype};
use crate::abi::layout::{Layout, align_to};
use crate::abi::lower::lower_flat_values;
use crate::abi::{
    Core, CoreFuncType, CoreType, Cx, LiftLowerOptions, MAX_FLAT_PARAMS, MAX_FLAT_RESULTS, PtrType,
};
use crate::case::{Function, GUEST_DATA, Guest, Pages};
use crate::types::Type;
use crate::value::Value;

/// One place where a guest hands something over.
#[derive(Clone, Copy)]
pub struct Side<'a> {
    pub function: &'a Function,
    /// Of the guest's memory.
    pub ptr_type: PtrType,
    pub types: &'a [Type],
    pub max_flat: usize,
    /// What the out-pointer is for, where there is one. It comes last.
    pub out: Option<&'a Type>,
    context: Context,
}

/// A guest's memory while data is lowered into it.
pub struct Lowering {
    pub guest: ByteGuest,
}

impl<'a> Side<'a> {
    /// The guest returns from the export.
    pub fn results(export: &'a Function, ptr_type: PtrType) -> Side<'a> {
        let (types, max_flat) = (export.ty.results(), MAX_FLAT_RESULTS);
        Side { function: export, ptr_type, types, max_flat, out: None, context: Context::Lift }
    }

    /// The guest calls the import.
    pub fn params(import: &'a Function, ptr_type: PtrType) -> Side<'a> {
        let core = flatten_functype(&import.ty, ptr_type, Context::Lower);
        let out = import.ty.result.as_ref().filter(|_| core.results.is_empty());
        let (types, max_flat) = (&import.ty.params[..], MAX_FLAT_PARAMS);
        Side { function: import, ptr_type, types, max_flat, out, context: Context::Lower }
    }

    /// The types of what is handed over, as a tuple and laid out.
    pub fn layout(&self) -> Layout {
        Layout::of_tuple(self.types, self.ptr_type)
    }

    /// The types of the core values that are handed over.
    pub fn core(&self) -> Vec<CoreType> {
        let core = flatten_functype(&self.function.ty, self.ptr_type, self.context);
        match self.context {
            Context::Lift | Context::LiftAsyncCallback | Context::LiftAsyncStackful => core.results,
            Context::Lower | Context::LowerAsync => core.params,
        }
    }
}

impl Lowering {
    /// Begins at the bottom, over a memory of these contents.
    pub fn new(memory: Vec<u8>) -> Lowering {
        Lowering { guest: ByteGuest::new(memory, u64::from(GUEST_DATA)) }
    }

    /// The core values for these values, whose types are those of the side; nothing where they do not fit into the
    /// memory.
    pub fn lower(&mut self, side: Side, types: &Layout, values: &[Value]) -> Option<Vec<Core>> {
        let string_encoding = side.function.opts.string_encoding;
        let opts = LiftLowerOptions { string_encoding, ptr_type: side.ptr_type };
        let mut cx = Cx { opts, peer: None, guest: &mut self.guest };
        let mut flat = lower_flat_values(&mut cx, side.max_flat, values, types, None).ok()?;
        flat.extend(side.out.map(|ty| self.allocate(ty, side.ptr_type)));
        Some(flat)
    }

    /// Room for the result. It need not fit: whoever returns it looks for itself.
    fn allocate(&mut self, ty: &Type, ptr_type: PtrType) -> Core {
        let Layout { alignment, elem_size, .. } = Layout::of(ty, ptr_type);
        let ptr = align_to(self.guest.bump, alignment);
        self.guest.bump = ptr + elem_size;
        Core::from_bits(ptr_type.core_type(), ptr)
    }
}

/// The core function that is lifted.
pub fn core_export(guest: &Guest) -> CoreFuncType {
    flatten_functype(&guest.export.ty, guest.ptr_type, Context::Lift)
}

/// The core function that the import is lowered to.
pub fn core_import(guest: &Guest) -> Option<CoreFuncType> {
    let import = guest.import.as_ref();
    import.map(|import| flatten_functype(&import.ty, guest.ptr_type, Context::Lower))
}

/// The size of a memory that has just been instantiated, in bytes.
pub fn initial_size(pages: Pages) -> usize {
    usize::try_from(pages.initial).expect("pages are few") << 16
}
