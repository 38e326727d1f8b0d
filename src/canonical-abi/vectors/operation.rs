//! Vectors of lifting, lowering and layouts: each is one operation, with what comes of it.
//! Knows no calls.

use anyhow::{Context as _, Result, bail, ensure};

use super::Checks;
use super::format::{Destination, FunctypeOp, Header, LayoutOp, LiftOp, LowerOp, Measures, Op};
use super::format::{PassOp, Phase, Realloc, Role, Signatures, Source};
use super::values::parse_values;
use super::values::{Chunks, Decimal, Encoding, Ptr, check_parts, names, parse_args, parse_flat};
use super::values::{parse_hex, parse_overrides, parse_type, parse_types, parse_value_types};
use crate::bytes_guest::{ByteGuest, ReallocCall};
use crate::flatten::{Context, flatten_functype, flatten_type};
use crate::layout::{Layout, alignment, elem_size};
use crate::lift::{CoreValues, lift_flat_values};
use crate::lower::lower_flat_values;
use crate::types::{FuncType, Type};
use crate::value::Value;
use crate::{Core, CoreFuncType, Cx, LiftLowerOptions, NanMode, PtrType, Recorder, SPEC_COMMIT};
use crate::{Stop, Trap};

/// More memory than any vector needs.
const MAX_MEM_SIZE: usize = 1 << 24;

impl Header {
    pub fn parse(line: &str) -> Result<Header> {
        let header: Header = serde_json::from_str(line)?;
        ensure!(header.op == "header" && header.schema == 1, "this is no header of schema 1");
        ensure!(header.spec_commit == SPEC_COMMIT, "the vectors follow {}", header.spec_commit);
        ensure!(header.realloc.kind == "bump", "no allocator is called {}", header.realloc.kind);
        ensure!(header.mem_size <= MAX_MEM_SIZE, "a memory of {} bytes", header.mem_size);
        Ok(header)
    }

    /// A memory as the file describes it.
    fn image(&self, chunks: &Chunks) -> Result<Vec<u8>> {
        let fill = u8::from_str_radix(&self.fill, 16)?;
        let mut memory = vec![fill; self.mem_size];
        for (offset, hex) in chunks {
            let bytes = parse_hex(hex)?;
            let end = offset.saturating_add(bytes.len());
            let chunk = memory.get_mut(*offset..end).context("a chunk is outside the memory")?;
            chunk.copy_from_slice(&bytes);
        }
        Ok(memory)
    }

    fn guest(&self, chunks: &Chunks) -> Result<ByteGuest<Recorder>> {
        let (memory, recorder) = (self.image(chunks)?, self.recorder.clone());
        let mut guest = ByteGuest::watched(memory, self.realloc.start, recorder);
        guest.nan_mode = NanMode::Canonicalize;
        Ok(guest)
    }
}

impl Op {
    pub fn run(&self, header: &Header) -> Result<Checks> {
        let mut checks = Checks::default();
        match self {
            Op::Layout(layout) => layout.run(&mut checks)?,
            Op::Functype(functype) => functype.run(&mut checks)?,
            Op::Lower(lower) => lower.run(header, &mut checks)?,
            Op::Lift(lift) => lift.run(header, &mut checks)?,
            Op::Pass(pass) => pass.run(header, &mut checks)?,
        }
        Ok(checks)
    }
}

impl LayoutOp {
    fn run(&self, checks: &mut Checks) -> Result<()> {
        check_parts([&self.r#type])?;
        let ty = parse_type(&self.r#type)?;
        checks.check("layout for i32", &self.i32, &measure(&ty, PtrType::I32));
        checks.check("layout for i64", &self.i64, &measure(&ty, PtrType::I64));
        Ok(())
    }
}

fn measure(ty: &Type, ptr: PtrType) -> Measures {
    let flat = names(&flatten_type(ty, ptr));
    Measures { size: elem_size(ty, ptr), align: alignment(ty, ptr), flat }
}

impl FunctypeOp {
    fn run(&self, checks: &mut Checks) -> Result<()> {
        check_parts(self.params.iter().chain(&self.result))?;
        let params = parse_types(&self.params)?;
        let result = self.result.as_ref().map(parse_type).transpose()?;
        let ft = FuncType { params, result, is_async: false };
        checks.check("functype for i32", &self.i32, &signatures(&ft, PtrType::I32));
        checks.check("functype for i64", &self.i64, &signatures(&ft, PtrType::I64));
        Ok(())
    }
}

fn signatures(ft: &FuncType, ptr: PtrType) -> Signatures {
    let signature = |context| {
        let CoreFuncType { params, results } = flatten_functype(ft, ptr, context);
        (names(&params), names(&results))
    };
    Signatures {
        lift: signature(Context::Lift),
        lower: signature(Context::Lower),
        lift_async_callback: signature(Context::LiftAsyncCallback),
        lift_async_stackful: signature(Context::LiftAsyncStackful),
        lower_async: signature(Context::LowerAsync),
    }
}

impl LowerOp {
    fn run(&self, header: &Header, checks: &mut Checks) -> Result<()> {
        let ptr = PtrType::from(self.ptr);
        let types = parse_value_types(&self.types)?;
        let values = parse_values(&self.vals, &types, self.ptr)?;
        let measured = types.iter().map(|ty| measure(ty, ptr)).collect();
        checks.check("ty", &self.ty, &measured);
        checks.check("core", &self.core, &signatures(&self.role.functype(&types)?, ptr));

        let mut guest = header.guest(&Vec::new())?;
        guest.overrides = parse_overrides(&self.overrides)?;
        let mut cx = Cx { opts: opts(self.enc, self.ptr), peer: None, guest: &mut guest };
        let out_param = self.out_ptr.map(|ptr| ptr.0);
        let tuple = Layout::of_tuple(&types, ptr);
        let flat = lower_flat_values(&mut cx, self.max_flat, &values, &tuple, out_param);
        checks.reached.extend(&guest.watch.points);
        checks.check("reallocs", &self.reallocs, &reallocs(&guest.calls));
        checks.check_trap(&expected_traps(self.trap, &self.trap_at, self.enc, self.ptr)?, &flat);
        match flat {
            Ok(flat) if !self.trap => self.check_lowered(header, checks, &types, guest, flat),
            Ok(_) | Err(_) => Ok(()),
        }
    }

    fn check_lowered(
        &self,
        header: &Header,
        checks: &mut Checks,
        types: &[Type],
        mut guest: ByteGuest<Recorder>,
        flat: Vec<Core>,
    ) -> Result<()> {
        checks.check("flat", &parse_flat(present(&self.flat)?)?, &flat);
        checks.check_memory(&header.image(present(&self.mem)?)?, &guest.memory);
        let lifted = self.lift_back(&mut guest, types, flat);
        let expected = parse_values(present(&self.lifted)?, types, self.ptr)?;
        checks.check("lifted", &Ok(expected), &lifted);
        Ok(())
    }

    /// What was lowered, as its receiver finds it.
    fn lift_back(
        &self,
        guest: &mut ByteGuest<Recorder>,
        types: &[Type],
        mut flat: Vec<Core>,
    ) -> std::result::Result<Vec<Value>, Stop> {
        let ptr = PtrType::from(self.ptr);
        let tuple = Layout::of_tuple(types, ptr);
        if let Some(out_ptr) = self.out_ptr.filter(|_| !tuple.is_flat(self.max_flat)) {
            flat.push(Core::from_bits(ptr.core_type(), out_ptr.0));
        }
        let mut cx = Cx { opts: opts(self.enc, self.ptr), peer: None, guest };
        lift_flat_values(&mut cx, self.max_flat, &mut CoreValues::new(&flat), &tuple)
    }
}

impl Role {
    fn functype(self, types: &[Type]) -> Result<FuncType> {
        match (self, types) {
            (Role::Params, params) => {
                Ok(FuncType { params: params.to_vec(), ..FuncType::default() })
            }
            (Role::Result, [result]) => {
                Ok(FuncType { result: Some(result.clone()), ..FuncType::default() })
            }
            (Role::Result, _) => bail!("a function has one result"),
        }
    }
}

impl LiftOp {
    fn run(&self, header: &Header, checks: &mut Checks) -> Result<()> {
        let types = parse_value_types(&self.types)?;
        let flat = parse_args(&self.flat, &types, self.max_flat, self.ptr)?;
        let mut guest = header.guest(&self.mem)?;
        let mut cx = Cx { opts: opts(self.enc, self.ptr), peer: None, guest: &mut guest };
        let tuple = Layout::of_tuple(&types, self.ptr.into());
        let lifted = lift_flat_values(&mut cx, self.max_flat, &mut CoreValues::new(&flat), &tuple);
        checks.reached.extend(&guest.watch.points);
        checks.check_trap(&expected_traps(self.trap, &self.trap_at, self.enc, self.ptr)?, &lifted);
        if !self.trap {
            let expected = parse_values(present(&self.lifted)?, &types, self.ptr)?;
            checks.check("lifted", &Ok(expected), &lifted);
        }
        Ok(())
    }
}

impl PassOp {
    fn run(&self, header: &Header, checks: &mut Checks) -> Result<()> {
        ensure!(self.trap == self.phase.is_some(), "phase belongs to a trap");
        let types = parse_value_types(&self.types)?;
        let lifted = self.lift(header, checks, &types)?;
        if self.phase == Some(Phase::Lift) {
            return Ok(());
        }
        let expected = parse_values(present(&self.lifted)?, &types, self.src.ptr)?;
        checks.check("lifted", &Ok(&expected), &lifted.as_ref().map_err(|trap| *trap));
        self.lower(header, checks, &types, &expected)
    }

    fn lift(
        &self,
        header: &Header,
        checks: &mut Checks,
        types: &[Type],
    ) -> Result<std::result::Result<Vec<Value>, Stop>> {
        let Source { enc, ptr, max_flat, flat, mem } = &self.src;
        let flat = parse_args(flat, types, *max_flat, *ptr)?;
        let mut guest = header.guest(mem)?;
        let mut cx = Cx { opts: opts(*enc, *ptr), peer: None, guest: &mut guest };
        let tuple = Layout::of_tuple(types, (*ptr).into());
        let lifted = lift_flat_values(&mut cx, *max_flat, &mut CoreValues::new(&flat), &tuple);
        checks.reached.extend(&guest.watch.points);
        checks.check_trap(&self.expected_traps(Phase::Lift, *enc, *ptr)?, &lifted);
        Ok(lifted)
    }

    fn lower(
        &self,
        header: &Header,
        checks: &mut Checks,
        types: &[Type],
        values: &[Value],
    ) -> Result<()> {
        let Destination { enc, ptr, max_flat, out_ptr } = &self.dst;
        let mut guest = header.guest(&Vec::new())?;
        guest.overrides = parse_overrides(&self.overrides)?;
        let mut cx = Cx { opts: opts(*enc, *ptr), peer: None, guest: &mut guest };
        let out_param = out_ptr.map(|ptr| ptr.0);
        let tuple = Layout::of_tuple(types, (*ptr).into());
        let flat = lower_flat_values(&mut cx, *max_flat, values, &tuple, out_param);
        checks.reached.extend(&guest.watch.points);
        checks.check("reallocs", &self.reallocs, &reallocs(&guest.calls));
        checks.check_trap(&self.expected_traps(Phase::Lower, *enc, *ptr)?, &flat);
        if !self.trap {
            checks.check("flat", &Ok(parse_flat(present(&self.flat)?)?), &flat);
            checks.check_memory(&header.image(present(&self.mem)?)?, &guest.memory);
        }
        Ok(())
    }

    fn expected_traps(&self, phase: Phase, enc: Encoding, ptr: Ptr) -> Result<Vec<Trap>> {
        let traps = expected_traps(self.trap, &self.trap_at, enc, ptr)?;
        Ok(if self.phase == Some(phase) { traps } else { Vec::new() })
    }
}

fn opts(enc: Encoding, ptr: Ptr) -> LiftLowerOptions {
    LiftLowerOptions { string_encoding: enc.into(), ptr_type: ptr.into() }
}

fn present<T>(field: &Option<T>) -> Result<&T> {
    field.as_ref().context("a vector that does not trap needs flat, mem and lifted")
}

/// The traps that the place in the spec's definition may be about; none for a vector that returns.
fn expected_traps(
    trap: bool,
    trap_at: &Option<String>,
    enc: Encoding,
    ptr: Ptr,
) -> Result<Vec<Trap>> {
    ensure!(trap == trap_at.is_some(), "trap_at belongs to a trap");
    let Some(trap_at) = trap_at else {
        return Ok(Vec::new());
    };
    let function = trap_at.split(':').next().unwrap_or_default();
    let about = |what: &str| trap_at.contains(what);
    Ok(match function {
        "realloc" => vec![Trap::Guest],
        "convert_i32_to_char" => vec![Trap::InvalidChar],
        "load_variant" | "lift_flat_variant" => vec![Trap::InvalidDiscriminant],
        "load_string_from_range" if about("trap()") => vec![invalid_text(enc)],
        _ if about("MAX_STRING_BYTE_LENGTH") => vec![Trap::StringTooLong],
        _ if about("MAX_LIST_BYTE_LENGTH") => vec![Trap::ListTooLong],
        _ if about("align_to(") => unaligned(function, ptr)?,
        _ if about("len(cx.opts.memory)") => vec![out_of_bounds(function)?],
        _ => bail!("unknown trap_at: {trap_at}"),
    })
}

/// The definition's `align_to` divides floats, which is inexact from 2^53 on: there an aligned
/// pointer, too, is found to be unaligned, and is out of bounds in truth.
fn unaligned(function: &str, ptr: Ptr) -> Result<Vec<Trap>> {
    match ptr {
        Ptr::I32 => Ok(vec![Trap::UnalignedPointer]),
        Ptr::I64 => Ok(vec![Trap::UnalignedPointer, out_of_bounds(function)?]),
    }
}

fn out_of_bounds(function: &str) -> Result<Trap> {
    Ok(match function {
        "lift_flat_values" | "lower_flat_values" => Trap::MemoryOutOfBounds,
        "load_list_from_range" | "store_list_into_range" => Trap::ListOutOfBounds,
        "load_string_from_range"
        | "store_string_copy"
        | "store_string_to_utf8"
        | "store_utf8_to_utf16"
        | "store_string_to_latin1_or_utf16"
        | "store_probably_utf16_to_latin1_or_utf16" => Trap::StringOutOfBounds,
        _ => bail!("unknown function of trap_at: {function}"),
    })
}

fn invalid_text(enc: Encoding) -> Trap {
    match enc {
        Encoding::Utf8 => Trap::InvalidUtf8,
        Encoding::Utf16 | Encoding::Latin1OrUtf16 => Trap::InvalidUtf16,
    }
}

fn reallocs(calls: &[ReallocCall]) -> Vec<Realloc> {
    let row = |call: &ReallocCall| {
        let ReallocCall { old, old_size, align, new_size, returned } = *call;
        (Decimal(old), Decimal(old_size), Decimal(align), Decimal(new_size), returned.map(Decimal))
    };
    calls.iter().map(row).collect()
}
