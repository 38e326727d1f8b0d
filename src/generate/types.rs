//! Types and function types.
//! Knows what validation accepts and where the ABI's limits are; no values.

use std::collections::BTreeSet;

use arbitrary::{Result, Unstructured};

use super::choices::{Constructor, TypePlan, Wrapping};
use super::draw::{Shares, between, chance, pick, weighted, weighted_where};
use super::handles::needs_guests;
use super::labels::labels;
use super::weights;
use crate::abi::PtrType;
use crate::abi::flatten::{flatten_type, flatten_types};
use crate::abi::layout::elem_size;
use crate::case::check::Feature;
use crate::case::{Limits, Resource};
use crate::types::{Field, FuncType, Handle, Label, MAP_KEYS, PRIMITIVES, Type, VariantCase};

/// Draws types while there is room for them.
pub struct Types<'a> {
    allowed: &'a BTreeSet<Feature>,
    limits: &'a Limits,
    /// How many more types there may be.
    nodes: u32,
    /// The handle types that there are.
    handles: &'a [Type],
    constructors: &'static Shares<Constructor>,
}

/// The handle types that a function may mention.
pub struct Palette {
    pub params: Vec<Type>,
    pub result: Vec<Type>,
}

impl Palette {
    /// Of the function of this number among that many guests: its caller and its callee know what is
    /// mentioned. No result is borrowed.
    pub fn of(resources: &[Resource], function: usize, guests: usize) -> Palette {
        let known = |resource: &Resource| match resource {
            Resource::Host => true,
            Resource::Guest { by, .. } => {
                function < guests && usize::try_from(*by).is_ok_and(|by| by >= function)
            }
        };
        let numbers = (0..).zip(resources);
        let known = numbers.filter(|(_, resource)| known(resource)).map(|(number, _)| number);
        let result: Vec<Type> = known.clone().map(|n| Type::Handle(Handle::Own(n))).collect();
        let borrows = known.map(|n| Type::Handle(Handle::Borrow(n)));
        Palette { params: result.iter().cloned().chain(borrows).collect(), result }
    }
}

/// The types of one function.
pub fn func_type(
    u: &mut Unstructured,
    allowed: &BTreeSet<Feature>,
    limits: &Limits,
    palette: &Palette,
    plans: &Shares<TypePlan>,
) -> Result<FuncType> {
    let has_handles = |plan| plan != TypePlan::Handles || !palette.params.is_empty();
    let plan = weighted_where(u, plans, has_handles)?;
    let nodes = if plan == TypePlan::Rich { weights::RICH_NODES } else { weights::SMALL_NODES };
    let nodes = nodes.min(limits.type_nodes);
    let mut types = Types::new(allowed, limits, nodes, &palette.params);
    if plan == TypePlan::Handles {
        types.constructors = weights::HANDLE_CONSTRUCTORS;
    }
    if plan == TypePlan::Strings {
        types.constructors = weights::chain::STRING_CONSTRUCTORS;
    }
    let mut params = types.params(u, plan)?;
    types.handles = &palette.result;
    let mut result = types.result(u, plan)?;
    if plan == TypePlan::Handles {
        pair(u, palette, &mut params, &mut result)?;
    }
    if let Some(special) = types.special(u, plan)? {
        place(u, special, &mut params, &mut result)?;
    }
    if chance(u, weights::AIM_PARAMS)? {
        aim(u, &mut params)?;
    }
    params.truncate(usize::try_from(limits.params).unwrap_or(usize::MAX));
    Ok(FuncType { params, result, is_async: false })
}

/// Adds an own and a borrow of one resource, sometimes, and its own as the result.
fn pair(
    u: &mut Unstructured,
    palette: &Palette,
    params: &mut Vec<Type>,
    result: &mut Option<Type>,
) -> Result<()> {
    let own = u.choose(&palette.result)?.clone();
    if chance(u, weights::PAIR)? {
        let same = |ty: &&Type| ty.handles()[0].resource() == own.handles()[0].resource();
        let both: Vec<Type> = palette.params.iter().filter(same).cloned().collect();
        let tuple = u.ratio(1, 4)?;
        let both = if tuple { vec![Type::Tuple(both)] } else { both };
        for ty in both {
            params.push(wrapped(u, ty)?);
        }
        let (last, other) = (params.len() - 1, u.choose_index(params.len())?);
        params.swap(last, other);
    }
    if chance(u, weights::HANDLES_SPILLED)? {
        params.extend(spilling(u)?);
    }
    if chance(u, weights::RETURNED)? {
        *result = Some(wrapped(u, own)?);
    }
    Ok(())
}

/// The type with something around it, or not.
fn wrapped(u: &mut Unstructured, ty: Type) -> Result<Type> {
    Ok(match weighted(u, weights::WRAPPINGS)? {
        Wrapping::None => ty,
        Wrapping::Tuple => Type::Tuple(vec![primitive(u)?, ty]),
        Wrapping::WithString => Type::Tuple(vec![Type::String, ty]),
        Wrapping::Option => Type::Option(Box::new(ty)),
        Wrapping::List => Type::List(Box::new(ty)),
        Wrapping::ListOfOption => Type::List(Box::new(Type::Option(Box::new(ty)))),
    })
}

/// Lets the host call a function before it holds anything of the guest's: what always has a handle
/// of a guest's resource is made a list or an option.
pub fn callable(
    u: &mut Unstructured,
    mut ty: FuncType,
    resources: &[Resource],
) -> Result<FuncType> {
    for param in &mut ty.params {
        if needs_guests(resources, param) && chance(u, weights::CALLABLE)? {
            *param = dispensable(u, param)?;
        }
    }
    Ok(ty)
}

/// The type made a list or an option, of which there can be values without any of this type.
pub fn dispensable(u: &mut Unstructured, ty: &Type) -> Result<Type> {
    let inside = Box::new(ty.clone());
    Ok(if u.arbitrary()? { Type::List(inside) } else { Type::Option(inside) })
}

/// One more type, in front of all others or as the result.
fn place(
    u: &mut Unstructured,
    special: Type,
    params: &mut Vec<Type>,
    result: &mut Option<Type>,
) -> Result<()> {
    if u.arbitrary()? {
        *result = Some(special)
    } else {
        params.insert(0, special)
    }
    Ok(())
}

/// Brings the params to a number of flat values near the limit.
fn aim(u: &mut Unstructured, params: &mut Vec<Type>) -> Result<()> {
    let target = pick(u, weights::FLAT_PARAMS)?;
    let mut count = flat_count(params);
    while count > target {
        params.pop();
        count = flat_count(params);
    }
    for _ in count..target {
        params.push(primitive(u)?);
    }
    Ok(())
}

fn flat_count(types: &[Type]) -> usize {
    flatten_types(types, PtrType::I32).len()
}

/// So many params that all spill.
pub fn spilling(u: &mut Unstructured) -> Result<Vec<Type>> {
    (0..weights::SPILLED_PARAMS).map(|_| primitive(u)).collect()
}

/// A type without parts that is no string.
pub fn primitive(u: &mut Unstructured) -> Result<Type> {
    let [primitives @ .., Type::String] = &PRIMITIVES else { unreachable!("a string comes last") };
    u.choose(primitives).cloned()
}

fn flags(u: &mut Unstructured) -> Result<Type> {
    let count = pick(u, weights::FLAGS)?;
    labels(u, count).map(Type::Flags)
}

fn feature(constructor: Constructor) -> Option<Feature> {
    match constructor {
        Constructor::FixedLengthList => Some(Feature::FixedLengthList),
        Constructor::Map => Some(Feature::Map),
        Constructor::Primitive
        | Constructor::String
        | Constructor::List
        | Constructor::Record
        | Constructor::Tuple
        | Constructor::Variant
        | Constructor::Enum
        | Constructor::Option
        | Constructor::Result
        | Constructor::Flags
        | Constructor::Handle => None,
    }
}

impl<'a> Types<'a> {
    pub fn new(
        allowed: &'a BTreeSet<Feature>,
        limits: &'a Limits,
        nodes: u32,
        handles: &'a [Type],
    ) -> Types<'a> {
        Types { allowed, limits, nodes, handles, constructors: weights::CONSTRUCTORS }
    }

    fn params(&mut self, u: &mut Unstructured, plan: TypePlan) -> Result<Vec<Type>> {
        let handles = plan == TypePlan::Handles;
        let count = weighted(u, if handles { weights::HANDLE_PARAMS } else { weights::PARAMS })?;
        (0..count).map(|_| self.ty(u, depth(plan))).collect()
    }

    fn result(&mut self, u: &mut Unstructured, plan: TypePlan) -> Result<Option<Type>> {
        if !chance(u, weights::RESULT)? {
            return Ok(None);
        }
        let ty = self.ty(u, depth(plan))?;
        let aimed = chance(u, weights::AIM_RESULT)? && plan != TypePlan::Strings;
        Ok(Some(if aimed { one_flat(u, ty)? } else { ty }))
    }

    /// The type that a plan is named after.
    fn special(&mut self, u: &mut Unstructured, plan: TypePlan) -> Result<Option<Type>> {
        match plan {
            TypePlan::Small | TypePlan::Rich | TypePlan::Handles | TypePlan::Strings => Ok(None),
            TypePlan::Wide => self.wide(u).map(Some),
            TypePlan::ManyFlat => self.many_flat(u).map(Some),
            TypePlan::Joined => joined(u, weights::JOINED_DEPTH).map(Some),
            TypePlan::Cases => self.cases(u).map(Some),
            TypePlan::Deep => self.deep(u).map(Some),
        }
    }

    /// A type of at most `depth` levels.
    pub fn ty(&mut self, u: &mut Unstructured, depth: u32) -> Result<Type> {
        let depth = depth.min(self.limits.type_depth);
        let constructor =
            weighted_where(u, self.constructors, |constructor| self.has_room(constructor, depth))?;
        self.nodes = self.nodes.saturating_sub(1);
        self.construct(u, constructor, depth)
    }

    fn has_room(&self, constructor: Constructor, depth: u32) -> bool {
        let levels = match constructor {
            Constructor::Primitive
            | Constructor::String
            | Constructor::Enum
            | Constructor::Flags => return true,
            Constructor::Handle => return !self.handles.is_empty(),
            Constructor::List
            | Constructor::FixedLengthList
            | Constructor::Record
            | Constructor::Tuple
            | Constructor::Variant
            | Constructor::Option
            | Constructor::Result => 2,
            Constructor::Map => 3,
        };
        let allowed = feature(constructor).is_none_or(|feature| self.allowed.contains(&feature));
        allowed && depth >= levels && self.nodes > 2
    }

    fn construct(
        &mut self,
        u: &mut Unstructured,
        constructor: Constructor,
        depth: u32,
    ) -> Result<Type> {
        let inside = depth.saturating_sub(1);
        match constructor {
            Constructor::Primitive => primitive(u),
            Constructor::String => Ok(Type::String),
            Constructor::List => Ok(Type::List(self.boxed(u, inside)?)),
            Constructor::FixedLengthList => self.fixed_length_list(u, inside),
            Constructor::Record => self.record(u, inside),
            Constructor::Tuple => self.tuple(u, inside),
            Constructor::Variant => self.variant(u, inside),
            Constructor::Enum => Ok(Type::Enum(self.labels(u)?)),
            Constructor::Option => Ok(Type::Option(self.boxed(u, inside)?)),
            Constructor::Result => {
                Ok(Type::Result(self.payload(u, inside)?, self.payload(u, inside)?))
            }
            Constructor::Flags => flags(u),
            Constructor::Map => self.map(u, inside),
            Constructor::Handle => u.choose(self.handles).cloned(),
        }
    }

    fn boxed(&mut self, u: &mut Unstructured, depth: u32) -> Result<Box<Type>> {
        self.ty(u, depth).map(Box::new)
    }

    fn payload(&mut self, u: &mut Unstructured, depth: u32) -> Result<Option<Box<Type>>> {
        let some = chance(u, weights::PAYLOAD)?;
        some.then(|| self.boxed(u, depth)).transpose()
    }

    fn members(&self, u: &mut Unstructured) -> Result<usize> {
        let count = weighted(u, weights::MEMBERS)?;
        Ok(count.min(self.most_members()).max(1))
    }

    fn labels(&self, u: &mut Unstructured) -> Result<Vec<Label>> {
        let count = self.members(u)?;
        labels(u, count)
    }

    fn most_members(&self) -> usize {
        usize::try_from(self.limits.members).unwrap_or(usize::MAX)
    }

    fn fixed_length_list(&mut self, u: &mut Unstructured, depth: u32) -> Result<Type> {
        let elem = self.boxed(u, depth)?;
        let length = weighted(u, weights::FIXED_LENGTHS)?;
        Ok(Type::FixedLengthList(elem.clone(), fixed_length(&elem, length)))
    }

    fn record(&mut self, u: &mut Unstructured, depth: u32) -> Result<Type> {
        let labels = self.labels(u)?;
        let field = |label| Ok(Field { label, ty: self.ty(u, depth)? });
        labels.into_iter().map(field).collect::<Result<_>>().map(Type::Record)
    }

    fn tuple(&mut self, u: &mut Unstructured, depth: u32) -> Result<Type> {
        let count = self.members(u)?;
        (0..count).map(|_| self.ty(u, depth)).collect::<Result<_>>().map(Type::Tuple)
    }

    fn variant(&mut self, u: &mut Unstructured, depth: u32) -> Result<Type> {
        let labels = self.labels(u)?;
        let case = |label| {
            let ty = self.payload(u, depth)?.map(|ty| *ty);
            Ok(VariantCase { label, ty })
        };
        labels.into_iter().map(case).collect::<Result<_>>().map(Type::Variant)
    }

    fn map(&mut self, u: &mut Unstructured, depth: u32) -> Result<Type> {
        let key = u.choose(&MAP_KEYS)?.clone();
        let handles = std::mem::take(&mut self.handles);
        let value = self.boxed(u, depth.saturating_sub(1))?;
        self.handles = handles;
        Ok(Type::Map(Box::new(key), value))
    }

    /// A type of which the discriminant may need two bytes.
    fn wide(&mut self, u: &mut Unstructured) -> Result<Type> {
        let widest = chance(u, weights::WIDEST)?;
        let count = if widest { self.most_members() } else { pick(u, weights::WIDE_MEMBERS)? };
        let count = count.min(self.most_members());
        let wide = self.wide_of(u, count)?;
        // Flat, a discriminant is an i32 whatever its width.
        Ok(if u.arbitrary()? { Type::List(Box::new(wide)) } else { wide })
    }

    fn wide_of(&mut self, u: &mut Unstructured, count: usize) -> Result<Type> {
        if u.arbitrary()? {
            return Ok(Type::Enum(labels(u, count)?));
        }
        let mut cases = vec![VariantCase::new(None); count];
        for _ in 0..between(u, 1, 4)? {
            let at = *u.choose(&[0, count - 1, count / 2, count.min(256) - 1])?;
            cases[at].ty = Some(self.ty(u, 3)?);
        }
        Ok(Type::Variant(cases))
    }

    fn many_flat(&mut self, u: &mut Unstructured) -> Result<Type> {
        let count = pick(u, weights::WIDE_FIELDS)?.min(self.most_members());
        let types = [primitive(u)?, primitive(u)?, self.ty(u, 3)?];
        let types = types.into_iter().cycle().take(count);
        if u.arbitrary()? {
            return Ok(Type::Tuple(types.collect()));
        }
        Ok(Type::Record(types.map(Field::new).collect()))
    }

    fn cases(&mut self, u: &mut Unstructured) -> Result<Type> {
        // What came before may have used up all room.
        self.nodes = self.nodes.max(weights::SMALL_NODES);
        let case = |_| Ok(VariantCase::new(Some(self.ty(u, 3)?)));
        let cases = (0..weights::CASES).map(case).collect::<Result<_>>()?;
        Ok(Type::List(Box::new(Type::Variant(cases))))
    }

    /// One constructor around the other, without branches.
    fn deep(&mut self, u: &mut Unstructured) -> Result<Type> {
        let levels = *u.choose(&[12, 24, 48, 100])?;
        let mut ty = self.ty(u, 1)?;
        for _ in 1..self.limits.type_depth.min(levels) {
            ty = wrap(u, ty)?;
        }
        Ok(ty)
    }
}

/// A variant of payloads that are joined, some of them joined already.
fn joined(u: &mut Unstructured, depth: u32) -> Result<Type> {
    let count = between(u, 2, 4)?;
    let case = |_| {
        let types = (0..between(u, 1, 3)?)
            .map(|_| if depth > 1 && u.ratio(1, 4)? { joined(u, depth - 1) } else { pick_core(u) });
        let types = types.collect::<Result<Vec<Type>>>()?;
        Ok(VariantCase::new(Some(Type::Tuple(types))))
    };
    (0..count).map(case).collect::<Result<_>>().map(Type::Variant)
}

/// A type for each core type, and one that is narrower than its own.
fn pick_core(u: &mut Unstructured) -> Result<Type> {
    u.choose(&[Type::U32, Type::S64, Type::F32, Type::F64, Type::S8]).cloned()
}

fn depth(plan: TypePlan) -> u32 {
    if plan == TypePlan::Rich { weights::RICH_DEPTH } else { weights::SMALL_DEPTH }
}

/// The length, or less where the list would be large.
pub fn fixed_length(elem: &Type, length: u32) -> u32 {
    let bytes = elem_size(elem, PtrType::I32).max(1);
    let most = (weights::FIXED_LENGTH_LIST_BYTES / bytes).max(1);
    length.min(u32::try_from(most).unwrap_or(u32::MAX))
}

/// A type of one level around another, by which it has at most one flat value more.
pub fn wrap(u: &mut Unstructured, ty: Type) -> Result<Type> {
    let ty = Box::new(ty);
    Ok(match u.int_in_range(0..=6)? {
        0 => Type::Tuple(vec![*ty]),
        1 => Type::Record(vec![Field::new(*ty)]),
        2 => Type::List(ty),
        3 => Type::Option(ty),
        4 => Type::Result(None, Some(ty)),
        5 => Type::Result(Some(ty), None),
        _ => Type::Variant(vec![VariantCase::new(Some(*ty))]),
    })
}

/// This type if it has one flat value, or another that has.
fn one_flat(u: &mut Unstructured, ty: Type) -> Result<Type> {
    if flatten_type(&ty, PtrType::I32).len() == 1 {
        return Ok(ty);
    }
    Ok(match u.int_in_range(0..=4)? {
        0 => primitive(u)?,
        1 => Type::Record(vec![Field::new(primitive(u)?)]),
        2 => Type::Tuple(vec![Type::Tuple(vec![primitive(u)?])]),
        3 => Type::Enum(vec![Label::default(); u.int_in_range(1..=3)?]),
        _ => flags(u)?,
    })
}
