//! What cases may have, because a subject has it.
//! Knows no subject, and not how cases are made.

use std::collections::BTreeSet;
use std::mem::discriminant;
use std::sync::Arc;

use super::check::Feature;
use super::paths::{Api, Mode, Path, Paths};
use super::{Case, Resource, Shape, is_host};
use crate::types::{self, FuncType, Handle, Type};

#[derive(Clone, Debug, Default)]
pub struct Allowed {
    pub features: BTreeSet<Feature>,
    /// The functions for which a host has static types, in the order by which `Misuse::Signature` counts.
    pub signatures: Arc<[Signature]>,
}

/// A function type for which a host has static types.
#[derive(Clone, Debug)]
pub struct Signature {
    pub ty: FuncType,
    /// What it is there for: several signatures are of one family.
    pub family: &'static str,
    /// Whether its handles may be of anybody's resources, rather than of the host's only.
    pub anybodys: bool,
    /// How an export can be called by these types.
    pub calls: Vec<Mode>,
    /// How the function of an import can be defined by them.
    pub imports: Vec<Mode>,
}

/// Which of the two functions that a host has to do with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Call,
    Import,
}

impl Side {
    pub const ALL: [Side; 2] = [Side::Call, Side::Import];

    pub fn path(self, paths: Paths) -> Path {
        match self {
            Side::Call => paths.call,
            Side::Import => paths.import,
        }
    }

    /// The type of the function, if there is one.
    pub fn ty(self, shape: &Shape) -> Option<&FuncType> {
        match self {
            Side::Call => shape.guests.first().map(|guest| &guest.export.ty),
            Side::Import => Some(&shape.guests.last()?.import.as_ref()?.ty),
        }
    }
}

impl Allowed {
    /// These features, and no static types.
    pub fn dynamic(features: BTreeSet<Feature>) -> Allowed {
        Allowed { features, signatures: Arc::default() }
    }

    /// The signatures that a function of this type can have: `Api::Typed` counts them, and begins again
    /// after the last.
    pub fn forms(
        &self,
        ty: &FuncType,
        resources: &[Resource],
        side: Side,
        mode: Mode,
    ) -> Vec<&Signature> {
        let same = self.signatures.iter().filter(|signature| signature.is_of(ty));
        let same = same.filter(|signature| signature.knows(resources));
        same.filter(|signature| signature.modes(side).contains(&mode)).collect()
    }

    /// The signatures that stand for one of the functions of this shape, by this mode.
    pub fn forms_of(&self, shape: &Shape, side: Side, mode: Mode) -> Vec<&Signature> {
        let ty = side.ty(shape);
        ty.map(|ty| self.forms(ty, &shape.resources, side, mode)).unwrap_or_default()
    }

    /// The signature that a function of this case has, if it is to have one.
    pub fn form(&self, case: &Case, side: Side) -> Option<&Signature> {
        let path = side.path(case.paths);
        match path.api {
            Api::Dynamic => None,
            Api::Typed(form) => {
                let forms = self.forms_of(&case.shape, side, path.mode);
                let form = usize::try_from(form).ok()?.checked_rem(forms.len())?;
                Some(forms[form])
            }
        }
    }

    /// Whether these paths can be those of a case of this shape.
    pub fn has(&self, shape: &Shape, paths: Paths) -> bool {
        let concurrent = paths.import.mode == Mode::Concurrent && !shape.awaits_import();
        let typed = |side: Side| {
            let path = side.path(paths);
            !path.api.is_typed() || !self.forms_of(shape, side, path.mode).is_empty()
        };
        (!concurrent || self.features.contains(&Feature::ConcurrentImport))
            && Side::ALL.into_iter().all(typed)
    }
}

impl Signature {
    /// Whether a function of its type that has these resources is one of its functions.
    pub fn knows(&self, resources: &[Resource]) -> bool {
        self.anybodys || self.resources().all(|number| is_host(resources, number))
    }

    /// Whether it is one of a function of this type, async or not.
    fn is_of(&self, ty: &FuncType) -> bool {
        self.ty.params == ty.params && self.ty.result == ty.result
    }

    /// Whether its static types stand for those of a function, too: they do not tell a borrowed handle from
    /// an owned one, and some not one resource from another.
    pub fn stands_for(&self, ty: &FuncType) -> bool {
        let types = self.types().map(discriminant);
        let alike = self.ty.params.len() == ty.params.len()
            && types.eq(ty.params.iter().chain(&ty.result).map(discriminant));
        alike && loosened(&self.ty, self.anybodys) == loosened(ty, self.anybodys)
    }

    /// The resources that it mentions, some more than once.
    pub fn resources(&self) -> impl Iterator<Item = types::Resource> {
        self.types().flat_map(Type::handles).filter_map(Handle::resource)
    }

    /// Its params and its result.
    pub fn types(&self) -> impl Iterator<Item = &Type> {
        self.ty.params.iter().chain(&self.ty.result)
    }

    /// The modes that it has.
    pub fn modes(&self, side: Side) -> &[Mode] {
        match side {
            Side::Call => &self.calls,
            Side::Import => &self.imports,
        }
    }
}

/// The type of a function that is not async, with nothing but owned handles, of the one resource where
/// `any`.
fn loosened(ty: &FuncType, any: bool) -> FuncType {
    let mut ty = FuncType { is_async: false, ..ty.clone() };
    ty.params.iter_mut().chain(&mut ty.result).for_each(|ty| loosen(ty, any));
    ty
}

fn loosen(ty: &mut Type, any: bool) {
    if let Type::Handle(Handle::Own(resource) | Handle::Borrow(resource)) = ty {
        *ty = Type::Handle(Handle::Own(if any { 0 } else { *resource }));
    }
    ty.children_mut().into_iter().for_each(|ty| loosen(ty, any));
}
