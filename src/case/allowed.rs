//! What cases may have, because a subject has it.
//! Knows no subject, and not how cases are made.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::check::Feature;
use super::paths::Api;
use super::{Case, Resource, is_host};
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
}

impl Allowed {
    /// These features, and no static types.
    pub fn dynamic(features: BTreeSet<Feature>) -> Allowed {
        Allowed { features, signatures: Arc::default() }
    }

    /// The signatures that this function can be called by, or defined by: `Api::Typed` counts them, and
    /// begins again after the last.
    pub fn forms(&self, ty: &FuncType, resources: &[Resource]) -> Vec<&Signature> {
        let same = self.signatures.iter().filter(|signature| signature.ty == *ty);
        same.filter(|signature| signature.knows(resources)).collect()
    }

    /// The signatures of the function that the host calls, and of the one that it defines.
    pub fn forms_of_case(&self, case: &Case) -> [Vec<&Signature>; 2] {
        let resources = &case.shape.resources;
        let export = self.forms(&case.shape.guests[0].export.ty, resources);
        let import = case.shape.guests.last().and_then(|last| last.import.as_ref());
        [export, import.map(|import| self.forms(&import.ty, resources)).unwrap_or_default()]
    }
}

impl Signature {
    /// Whether a function of its type that has these resources is one of its functions.
    pub fn knows(&self, resources: &[Resource]) -> bool {
        self.anybodys || self.resources().all(|number| is_host(resources, number))
    }

    /// The resources that it mentions, some more than once.
    pub fn resources(&self) -> impl Iterator<Item = types::Resource> {
        self.types().flat_map(Type::handles).filter_map(Handle::resource)
    }

    /// Its params and its result.
    pub fn types(&self) -> impl Iterator<Item = &Type> {
        self.ty.params.iter().chain(&self.ty.result)
    }
}

/// The form that is meant among these.
pub fn form<'a>(api: Api, forms: &[&'a Signature]) -> Option<&'a Signature> {
    match api {
        Api::Dynamic => None,
        Api::Typed(form) => {
            let form = usize::try_from(form).ok()?.checked_rem(forms.len())?;
            Some(forms[form])
        }
    }
}
