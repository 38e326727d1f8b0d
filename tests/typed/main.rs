//! Signatures with Rust types against components: those of their own types, and of nearly these.

mod near_miss;
mod probe;

use std::collections::{BTreeMap, BTreeSet};

use canonfuzz::abi::{PtrType, StringEncoding};
use canonfuzz::case::check::Feature;
use canonfuzz::case::{CanonOpts, Function, Guest, Pages, Resource, Shape};
use canonfuzz::encode::{self, Puppets};
use canonfuzz::engine::wasmtime;
use canonfuzz::engine::wasmtime::typed::{self, Family, Signature, Way};
use canonfuzz::types::{FuncType, Handle, Type};

use near_miss::near_misses;
use probe::Compiled;

/// Of the near misses of one signature, so many are looked at, spread over all: a component is compiled
/// for each, and wide types have hundreds.
const MISSES: usize = 60;
/// The same for what the build script draws.
const RANDOM_MISSES: usize = 6;

/// A guest that imports and exports a function of this type.
fn shape(ty: &FuncType) -> Shape {
    let opts = CanonOpts {
        string_encoding: StringEncoding::Utf8,
        memory: true,
        realloc: true,
        post_return: false,
    };
    let function = Function { ty: ty.clone(), opts };
    let import = Some(function.clone());
    Shape {
        guests: vec![Guest {
            export: function,
            import,
            ptr_type: PtrType::I32,
            pages: Pages::ONE,
            noise: None,
        }],
        resources: vec![Resource::Host; 2],
    }
}

fn compile(ty: &FuncType) -> Compiled {
    let shape = shape(ty);
    let bytes = encode::component(&shape, Puppets::Contained);
    probe::compile(&shape, &bytes).unwrap_or_else(|error| panic!("{error}: {ty:?}"))
}

/// Whether the release takes the component for one of the signature: the export, and the import by each
/// way that the signature and the release have.
fn answers(compiled: &Compiled, signature: &Signature) -> Vec<(&'static str, Result<(), String>)> {
    let imports = [
        ("func_wrap", Way::Wrap),
        ("func_wrap_async", Way::WrapAsync),
        ("func_wrap_concurrent", Way::WrapConcurrent),
    ];
    let concurrent = wasmtime::features().contains(&Feature::ConcurrentImport);
    let imports = imports.into_iter().filter(|(_, way)| {
        signature.ways.contains(way) && (concurrent || *way != Way::WrapConcurrent)
    });
    let imports = imports.map(|(name, way)| (name, probe::imports(compiled, signature, way)));
    [("typed", probe::exports(compiled, signature))].into_iter().chain(imports).collect()
}

/// Rust's types for handles stand for an `own` as well as for a `borrow`, as they are documented to; and
/// `ResourceAny` for those of any resource.
fn is_same_to_rust(signature: &Signature, miss: &FuncType) -> bool {
    let owned = |ty: &FuncType| {
        let mut ty = ty.clone();
        ty.params.iter_mut().chain(&mut ty.result).for_each(own_all);
        ty
    };
    owned(&signature.ty()) == owned(miss)
}

fn own_all(ty: &mut Type) {
    if let Type::Handle(Handle::Borrow(resource)) = ty {
        *ty = Type::Handle(Handle::Own(*resource));
    }
    ty.children_mut().into_iter().for_each(own_all);
}

#[track_caller]
fn check(compiled: &Compiled, signature: &Signature, what: &str, taken: bool) {
    for (asked, answer) in answers(compiled, signature) {
        assert_eq!(answer.is_ok(), taken, "{asked}, {what}: {answer:?} of {:?}", signature.ty());
    }
}

#[test]
fn a_component_of_its_type_is_taken_for_one_of_a_signature() {
    for signature in typed::signatures() {
        check(&compile(&signature.ty()), signature, "itself", true);
    }
}

#[test]
fn a_near_miss_is_refused() {
    let mut refused = 0;
    for signature in typed::signatures() {
        let misses = near_misses(&signature.ty());
        let most = if signature.family == Family::Random { RANDOM_MISSES } else { MISSES };
        for (what, miss) in misses.iter().step_by(misses.len().div_ceil(most)) {
            let same = is_same_to_rust(signature, miss);
            check(&compile(miss), signature, what, same);
            refused += u32::from(!same);
        }
    }
    assert!(refused > 4_000, "{refused}");
}

#[test]
fn near_misses_differ_from_the_type_and_from_one_another() {
    for signature in typed::signatures() {
        let ty = signature.ty();
        let misses = near_misses(&ty);
        let different: BTreeSet<_> = misses.iter().map(|(_, miss)| miss).collect();
        assert!(!different.contains(&ty), "{ty:?}");
        // Dropping either of two members that are alike is the same.
        assert!(different.len() * 2 > misses.len(), "{ty:?}");
    }
}

#[test]
fn the_family_has_what_it_should() {
    let mut counts = BTreeMap::<Family, usize>::new();
    for signature in typed::signatures() {
        *counts.entry(signature.family).or_default() += 1;
        assert!(!signature.ways.is_empty());
    }
    assert_eq!(counts.keys().copied().collect::<Vec<_>>(), Family::ALL);
    assert!(counts[&Family::Random] >= 200);
    for way in Way::ALL {
        let families: BTreeSet<_> = typed::signatures()
            .filter(|signature| signature.ways.contains(&way))
            .map(|signature| signature.family)
            .collect();
        assert!(families.len() >= 8, "{way:?} {families:?}");
    }
}

#[test]
fn a_form_is_chosen_by_type_and_by_whose_the_resources_are() {
    let text = FuncType { params: vec![Type::String], result: Some(Type::String), is_async: false };
    let forms = typed::forms(&text, &[], Way::Call);
    assert!(forms.len() >= 2 && forms.iter().any(|form| form.lazy));
    let first = typed::choose(&text, &[], Way::Call, 0).unwrap();
    let again = u32::try_from(forms.len()).unwrap();
    assert!(std::ptr::eq(first, typed::choose(&text, &[], Way::Call, again).unwrap()));

    let own = Type::Handle(Handle::Own(0));
    let handed = FuncType { params: vec![own.clone()], result: Some(own), is_async: false };
    let guest = Resource::Guest { by: 0, destructor: false };
    let families = |resource| {
        let forms = typed::forms(&handed, &[resource], Way::Call);
        forms.iter().map(|form| form.family).collect::<Vec<_>>()
    };
    assert_eq!(families(Resource::Host), [Family::Resource, Family::ResourceAny]);
    assert_eq!(families(guest), [Family::ResourceAny]);
}
