//! Which static types stand for a case's functions.
//! Knows nothing of scripts, nor of how a call by them is made.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::LazyLock;

pub use canonfuzz_typed::{Family, Signature, Way, signatures};

use crate::case::allowed;
use crate::case::paths::{Api, Mode, Path};
use crate::case::{Resource, Shape, is_host};
use crate::types::{FuncType, Handle};

/// How the host calls.
pub fn out(mode: Mode) -> Way {
    match mode {
        Mode::Sync => Way::Call,
        Mode::Async => Way::CallAsync,
        Mode::Concurrent => Way::CallConcurrent,
    }
}

/// How the host is called.
pub fn back(mode: Mode) -> Way {
    match mode {
        Mode::Sync => Way::Wrap,
        Mode::Async => Way::WrapAsync,
        Mode::Concurrent => Way::WrapConcurrent,
    }
}

/// The signatures with this type, whose resources are these, that can be called by this way: several
/// where Rust has several forms for it, such as `String`, and `&str` with `WasmStr`.
pub fn forms(ty: &FuncType, resources: &[Resource], way: Way) -> Vec<&'static Signature> {
    static BY_TYPE: LazyLock<BTreeMap<FuncType, Vec<&'static Signature>>> = LazyLock::new(|| {
        let mut by_type = BTreeMap::<_, Vec<_>>::new();
        for signature in signatures() {
            by_type.entry(signature.ty()).or_default().push(signature);
        }
        by_type
    });
    let forms = BY_TYPE.get(ty).into_iter().flatten().copied();
    forms
        .filter(|signature| signature.ways.contains(&way) && knows(signature, ty, resources))
        .collect()
}

/// The static types by which the host calls the export.
pub fn of_call(shape: &Shape, path: Path) -> Option<&'static Signature> {
    chosen(&shape.guests[0].export.ty, shape, path.api, out(path.mode))
}

/// The static types by which the host defines its function.
pub fn of_import(shape: &Shape, path: Path) -> Option<&'static Signature> {
    let import = shape.last().import.as_ref()?;
    chosen(&import.ty, shape, path.api, back(path.mode))
}

fn chosen(ty: &FuncType, shape: &Shape, api: Api, way: Way) -> Option<&'static Signature> {
    match api {
        Api::Dynamic => None,
        Api::Typed(form) => {
            // Static types do not say whether a function is async.
            let ty = FuncType { is_async: false, ..ty.clone() };
            choose(&ty, &shape.resources, way, form)
        }
    }
}

/// One of these forms, any number choosing one; `None` where there is none.
pub fn choose(
    ty: &FuncType,
    resources: &[Resource],
    way: Way,
    form: u32,
) -> Option<&'static Signature> {
    let forms = forms(ty, resources, way);
    Some(forms[position(form, forms.len())?])
}

/// Any of all, whatever the number.
pub fn numbered(number: u32) -> &'static Signature {
    let position = position(number, signatures().count());
    signatures().nth(position.expect("there are some")).expect("it is below their number")
}

fn position(number: u32, count: usize) -> Option<usize> {
    usize::try_from(number).expect("a number fits").checked_rem(count)
}

/// What cases may know of a signature.
pub fn described(signature: &Signature) -> allowed::Signature {
    let by = |way: fn(Mode) -> Way| {
        Mode::ALL.into_iter().filter(|mode| signature.ways.contains(&way(*mode))).collect()
    };
    allowed::Signature {
        ty: signature.ty(),
        family: signature.family.name(),
        anybodys: signature.family == Family::ResourceAny,
        calls: by(out),
        imports: by(back),
    }
}

/// Whether the Rust types of a signature, which has this type, stand for these resources.
fn knows(signature: &Signature, ty: &FuncType, resources: &[Resource]) -> bool {
    let types = ty.params.iter().chain(&ty.result);
    let mut handles = types.flat_map(|ty| ty.handles()).filter_map(Handle::resource);
    signature.family == Family::ResourceAny || handles.all(|resource| is_host(resources, resource))
}
