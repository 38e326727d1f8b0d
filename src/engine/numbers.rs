//! Function types that are the same but for the numbers of their resources, which a component and a case
//! count each in its own way.
//! Knows nothing of either.

use std::collections::BTreeMap;

use crate::types::{FuncType, Handle, Resource, Type};

/// The component's number of each resource that is mentioned in a type of the case, if both types are
/// the same otherwise.
pub fn same_but_for_numbers(ours: &FuncType, theirs: &FuncType) -> Option<BTreeMap<Resource, u32>> {
    let (our_numbers, theirs_numbers) = (numbers(ours), numbers(theirs));
    let same = canonical(ours, &our_numbers) == canonical(theirs, &theirs_numbers);
    let pairs = our_numbers.into_iter().zip(theirs_numbers);
    same.then(|| pairs.collect())
}

/// The resources in a type, in the order in which it mentions them first.
fn numbers(ty: &FuncType) -> Vec<Resource> {
    let mut numbers = Vec::new();
    let types = ty.params.iter().chain(&ty.result);
    for resource in types.flat_map(Type::handles).filter_map(Handle::resource) {
        if !numbers.contains(&resource) {
            numbers.push(resource);
        }
    }
    numbers
}

/// The type with each resource numbered by its position.
fn canonical(ty: &FuncType, numbers: &[Resource]) -> FuncType {
    let mut ty = ty.clone();
    if !numbers.is_empty() {
        ty.params.iter_mut().chain(&mut ty.result).for_each(|ty| renumber(ty, numbers));
    }
    ty
}

fn renumber(ty: &mut Type, numbers: &[Resource]) {
    if let Type::Handle(Handle::Own(resource) | Handle::Borrow(resource)) = ty {
        let position = numbers.iter().position(|number| number == resource);
        let position = position.expect("all that are mentioned are listed");
        *resource = u32::try_from(position).expect("resources are few");
    }
    ty.children_mut().into_iter().for_each(|ty| renumber(ty, numbers));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resources_may_have_other_numbers() {
        let handle = |resource| Type::Handle(Handle::Own(resource));
        let borrow = |resource| Type::Handle(Handle::Borrow(resource));
        let ty = |params: &[Type]| FuncType { params: params.to_vec(), ..FuncType::default() };
        let ours = ty(&[handle(2), Type::List(Box::new(borrow(0))), borrow(2)]);
        let same = ty(&[handle(0), Type::List(Box::new(borrow(1))), borrow(0)]);
        let numbers = BTreeMap::from([(0, 1), (2, 0)]);
        assert_eq!(same_but_for_numbers(&ours, &same), Some(numbers));
        let one = ty(&[handle(0), Type::List(Box::new(borrow(0))), borrow(0)]);
        assert_eq!(same_but_for_numbers(&ours, &one), None);
        let lent = ty(&[borrow(0), Type::List(Box::new(borrow(1))), borrow(0)]);
        assert_eq!(same_but_for_numbers(&ours, &lent), None);
    }
}
