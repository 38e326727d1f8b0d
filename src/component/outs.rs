//! What core code calls that is no core code: lowered functions and built-ins, as wasmi's functions.
//! Knows nothing of what becomes of a call that is not answered at once.

use std::sync::Arc;

use canonical_abi::machine::{Defined, Lowered};
use canonical_abi::world::{Call, Outcome};
use canonical_abi::{BuiltIn, Core, CoreFuncType, Stop, built_ins};
use wasmi::{AsContextMut, StoreContextMut};

use super::call::Host;
use super::core::{core_value, error, func_type, val};
use super::guest::OnWasmi;
use super::module::calling_import;
use super::recording::{Event, record};
use super::stacks::{Calls, Out, Wanted};
use super::state::{CoreFunc, State};

/// Makes them, for one instance.
pub struct Outs {
    /// The next one.
    next: Out,
}

/// The built-ins that answer at once: those that are called often.
const AT_ONCE: [BuiltIn; 4] =
    [BuiltIn::ResourceNew, BuiltIn::ResourceRep, BuiltIn::ContextGet, BuiltIn::ContextSet];

/// What such a function does at once.
enum Does {
    /// It answers.
    Returns(Vec<Core>),
    /// It has the stack stop, until this has returned.
    Calls(Call),
}

impl Outs {
    pub fn of(instance: usize) -> Outs {
        Outs { next: Out { instance, number: 0 } }
    }

    /// A lowered function. It never answers at once: its callee may be core code.
    pub fn lower<T: Host>(
        &mut self,
        store: StoreContextMut<'_, State<T>>,
        lowered: Arc<Lowered>,
    ) -> CoreFunc {
        let ty = lowered.flat_ft().into_owned();
        self.func(store, ty, move |_, params| {
            Ok(Does::Calls(Call::Lowered(lowered.clone(), params)))
        })
    }

    /// A built-in. Those that neither wait nor call anybody answer at once.
    pub fn built_in<T: Host>(
        &mut self,
        store: StoreContextMut<'_, State<T>>,
        defined: Arc<Defined>,
    ) -> CoreFunc {
        let ty = defined.flat_ft();
        let at_once = AT_ONCE.contains(&defined.which);
        self.func(store, ty, move |store, params| {
            if !at_once {
                return Ok(Does::Calls(Call::BuiltIn(defined.clone(), params)));
            }
            match built_ins::call(&mut OnWasmi { store }, &defined, &params)? {
                Outcome::Results(results) => Ok(Does::Returns(results)),
                Outcome::Enter(..) | Outcome::Blocked(_) | Outcome::Ended => {
                    unreachable!("they answer at once")
                }
            }
        })
    }

    fn func<T: Host>(
        &mut self,
        mut store: StoreContextMut<'_, State<T>>,
        ty: CoreFuncType,
        does: impl Fn(StoreContextMut<'_, State<T>>, Vec<Core>) -> Result<Does, Stop>
        + Send
        + Sync
        + 'static,
    ) -> CoreFunc {
        let out @ Out { instance, number } = self.next;
        self.next.number += 1;
        let func = move |mut caller: wasmi::Caller<'_, State<T>>,
                         params: &[wasmi::Val],
                         results: &mut [wasmi::Val]| {
            let params: Vec<_> = params.iter().map(core_value).collect();
            let mut store = caller.as_context_mut();
            let args = &params;
            record(&mut store, instance, |_, _| Event::Out { number, args: args.clone() });
            let flat = match does(store.as_context_mut(), params) {
                Ok(Does::Calls(call)) => {
                    store.data_mut().wanted = Some(Wanted { call, out });
                    return Err(wasmi::Error::host(Calls));
                }
                Ok(Does::Returns(flat)) => Ok(flat),
                Err(stop) => Err(stop),
            };
            let back = flat.as_ref().ok().cloned();
            record(&mut store, instance, |_, memories| Event::Back { results: back, memories });
            let flat = flat.map_err(error)?;
            results.iter_mut().zip(flat).for_each(|(result, flat)| *result = val(flat));
            Ok(())
        };
        let made = wasmi::Func::new(&mut store, func_type(&ty), func);
        let around = store.data().tail_calls;
        let func = if around { within_core_code(store, &ty, made) } else { made };
        CoreFunc::unnamed(func, instance)
    }
}

/// A core function that does nothing but call this one. wasmi forgets the frame of a function that makes a tail
/// call, and what it calls so, once that stops and goes on, returns its results to somewhere else.
fn within_core_code<T>(
    mut store: StoreContextMut<'_, State<T>>,
    ty: &CoreFuncType,
    func: wasmi::Func,
) -> wasmi::Func {
    let module = wasmi::Module::new(store.engine(), calling_import(ty)).expect("it is valid");
    let instance = wasmi::Instance::new(&mut store, &module, &[func.into()]);
    let instance = instance.expect("it imports but this");
    instance.get_func(&store, "").expect("it is exported")
}
