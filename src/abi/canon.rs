//! The canonical definitions: a core function as a component function, and the reverse.
//! Knows neither components nor who may enter whom.

use super::flatten::{Context, flatten_functype};
use super::lift::{CoreValues, lift_flat_values};
use super::lower::{check_spilled, lower_flat_values};
use super::{Core, CoreType, Cx, Deviation, Instance, LiftLowerOptions, Stage, Trap, trap_if};
use super::{MAX_FLAT_PARAMS, MAX_FLAT_RESULTS};
use crate::types::FuncType;
use crate::value::Value;

/// Spec: `canon_lift`.
pub fn canon_lift(
    instance: &mut dyn Instance,
    opts: LiftLowerOptions,
    ft: &FuncType,
    args: &[Value],
) -> Result<Option<Value>, Trap> {
    let flat_ft = flatten_functype(ft, opts.ptr_type, Context::Lift);
    instance.notes().course.stage = Stage::LowerParams;
    let mut cx = Cx { opts, guest: &mut *instance };
    let flat_args = lower_flat_values(&mut cx, MAX_FLAT_PARAMS, args, &ft.params, None)?;
    assert!(types_match_values(&flat_ft.params, &flat_args), "we lower to the types we flatten to");
    instance.notes().course.stage = Stage::Callee;
    let flat_results = instance.call(&flat_args)?;
    assert!(types_match_values(&flat_ft.results, &flat_results), "the component was validated");
    let early = instance.notes().deviates(Deviation::PostReturnBeforeLift);
    if early {
        post_return(instance, &flat_results)?;
    }
    instance.notes().course.stage = Stage::LiftResult;
    let mut vi = CoreValues::new(&flat_results);
    let mut cx = Cx { opts, guest: &mut *instance };
    let mut results = lift_flat_values(&mut cx, MAX_FLAT_RESULTS, &mut vi, ft.results())?;
    // Differs from the spec: the caller gets the result only after `post-return`, not before it.
    // Neither can see the other; of two traps, that of `post-return` is the first.
    if !early {
        post_return(instance, &flat_results)?;
    }
    Ok(results.pop())
}

/// Spec: `canon_lift`, its end. After a trap `may_leave` no longer matters.
fn post_return(instance: &mut dyn Instance, flat_results: &[Core]) -> Result<(), Trap> {
    let left_false = instance.notes().deviations.contains(Deviation::MayLeaveNotRestored);
    assert!(instance.may_leave() || left_false, "whoever clears it sets it again");
    instance.notes().course.stage = Stage::PostReturn;
    let may_leave = instance.notes().deviates(Deviation::PostReturnMayLeave);
    instance.set_may_leave(may_leave);
    if !instance.notes().deviates(Deviation::PostReturnSkipped) {
        instance.post_return(flat_results)?;
    }
    let may_leave = !instance.notes().deviates(Deviation::MayLeaveNotRestored);
    instance.set_may_leave(may_leave);
    Ok(())
}

/// Spec: `canon_lower`.
pub fn canon_lower<I: Instance>(
    instance: &mut I,
    opts: LiftLowerOptions,
    ft: &FuncType,
    flat_args: &[Core],
    callee: impl FnOnce(&mut I, Vec<Value>) -> Result<Option<Value>, Trap>,
) -> Result<Vec<Core>, Trap> {
    trap_if(!instance.may_leave(), Trap::CannotLeaveComponent)?;
    let flat_ft = flatten_functype(ft, opts.ptr_type, Context::Lower);
    assert!(types_match_values(&flat_ft.params, flat_args), "the component was validated");
    instance.notes().course.stage = Stage::LiftParams;
    let mut vi = CoreValues::new(flat_args);
    let mut cx = Cx { opts, guest: instance };
    let args = lift_flat_values(&mut cx, MAX_FLAT_PARAMS, &mut vi, &ft.params)?;
    let out_param = (!vi.done()).then(|| vi.next(opts.ptr_type.core_type()));
    if let Some(ptr) = out_param
        && instance.notes().deviates(Deviation::OutPointerCheckedEarly)
    {
        check_out_param(&mut Cx { opts, guest: instance }, ft, ptr)?;
    }
    instance.notes().course.stage = Stage::Host;
    let result = callee(instance, args)?;
    instance.notes().course.stage = Stage::LowerResult;
    let mut cx = Cx { opts, guest: instance };
    let results = result.as_slice();
    let flat_results =
        lower_flat_values(&mut cx, MAX_FLAT_RESULTS, results, ft.results(), out_param)?;
    assert!(types_match_values(&flat_ft.results, &flat_results), "we lower to what we flatten to");
    instance.notes().course.stage = Stage::Callee;
    Ok(flat_results)
}

/// Only a slip does this so early.
fn check_out_param(cx: &mut Cx, ft: &FuncType, ptr: u64) -> Result<(), Trap> {
    let tuple = cx.tuple_layout(ft.results());
    check_spilled(cx, ptr, &tuple)
}

/// Spec: `types_match_values`.
fn types_match_values(types: &[CoreType], values: &[Core]) -> bool {
    types.iter().copied().eq(values.iter().map(|value| value.ty()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::abi::bytes_guest::ByteGuest;
    use crate::abi::{Guest, Notes, PtrType, StringEncoding};
    use crate::types::Type;

    const OPTS: LiftLowerOptions =
        LiftLowerOptions { string_encoding: StringEncoding::Utf8, ptr_type: PtrType::I32 };

    /// A guest that returns what it is told to, and writes down what happens.
    struct Puppet {
        bytes: ByteGuest,
        results: Vec<Core>,
        may_leave: bool,
        log: Vec<String>,
    }

    impl Guest for Puppet {
        fn memory(&self) -> &[u8] {
            self.bytes.memory()
        }

        fn memory_mut(&mut self) -> &mut [u8] {
            self.bytes.memory_mut()
        }

        fn realloc(&mut self, old: u64, size: u64, align: u64, new: u64) -> Result<u64, Trap> {
            self.log.push("realloc".into());
            self.bytes.realloc(old, size, align, new)
        }

        fn notes(&mut self) -> &mut Notes {
            self.bytes.notes()
        }
    }

    impl Instance for Puppet {
        fn call(&mut self, args: &[Core]) -> Result<Vec<Core>, Trap> {
            self.log.push(format!("call {args:?}"));
            Ok(self.results.clone())
        }

        fn post_return(&mut self, results: &[Core]) -> Result<(), Trap> {
            self.log.push(format!("post-return {results:?}, may_leave {}", self.may_leave));
            Ok(())
        }

        fn may_leave(&self) -> bool {
            self.may_leave
        }

        fn set_may_leave(&mut self, may_leave: bool) {
            self.may_leave = may_leave;
        }
    }

    fn puppet(results: &[Core]) -> Puppet {
        let bytes = ByteGuest::new(vec![0; 64], 32);
        Puppet { bytes, results: results.to_vec(), may_leave: true, log: Vec::new() }
    }

    /// Lowers an import of type `func(string) -> string`; its callee answers with its argument.
    #[track_caller]
    fn check_lower(may_leave: bool, flat_args: &[u32], log: &[&str], expected: Result<(), Trap>) {
        let mut puppet = puppet(&[]);
        puppet.may_leave = may_leave;
        let ft = FuncType { params: vec![Type::String], result: Some(Type::String) };
        let flat_args: Vec<Core> = flat_args.iter().copied().map(Core::I32).collect();
        let echo = |puppet: &mut Puppet, mut args: Vec<Value>| {
            puppet.log.push("callee".into());
            Ok(args.pop())
        };
        let results = canon_lower(&mut puppet, OPTS, &ft, &flat_args, echo);
        assert_eq!(results, expected.map(|()| Vec::new()));
        assert_eq!(puppet.log, log);
    }

    #[test]
    fn lifting_lowers_calls_lifts_and_cleans_up() {
        let mut puppet = puppet(&[Core::I32(7)]);
        let ft = FuncType { params: vec![Type::String], result: Some(Type::U8) };
        let result = canon_lift(&mut puppet, OPTS, &ft, &[Value::string("hi")]);
        assert_eq!(result, Ok(Some(Value::U8(7))));
        let log = ["realloc", "call [I32(32), I32(2)]", "post-return [I32(7)], may_leave false"];
        assert_eq!(puppet.log, log);
        assert!(puppet.may_leave);
    }

    #[test]
    fn a_trap_while_lifting_the_result_comes_before_post_return() {
        let mut puppet = puppet(&[Core::I32(0xd800)]);
        let ft = FuncType { params: Vec::new(), result: Some(Type::Char) };
        assert_eq!(canon_lift(&mut puppet, OPTS, &ft, &[]), Err(Trap::InvalidChar));
        assert_eq!(puppet.log, ["call []"]);
    }

    #[test]
    fn the_out_pointer_is_checked_only_after_the_callee_ran() {
        check_lower(true, &[0, 1, 8], &["callee", "realloc"], Ok(()));
        check_lower(true, &[0, 1, 9], &["callee"], Err(Trap::UnalignedPointer));
        check_lower(true, &[60, 5, 9], &[], Err(Trap::StringOutOfBounds));
    }

    #[test]
    fn an_import_may_not_be_called_while_may_leave_is_false() {
        check_lower(false, &[0, 1, 8], &[], Err(Trap::CannotLeaveComponent));
    }
}
