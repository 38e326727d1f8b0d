//! Chains of guests, as components: they are valid, have the types of their shape, and do what their
//! scripts say.

use std::collections::BTreeMap;

use canonfuzz::abi::{BuiltIn, Core, PtrType, Stop, StringEncoding, Trap};
use canonfuzz::case::paths::Paths;
use canonfuzz::case::{
    Act, Answer, BuiltInCall, Call, CanonOpts, Case, CaseKind, End, Function, Guest, ImportCall,
    Limits, Manner, Pages, Passed, Patch, Pointer, Resource, Script, Shape, Tuning, Turn,
    function_name,
};
use canonfuzz::component::definition::Import;
use canonfuzz::component::{Compiled, Context, Failure, Host, Instance, decode};
use canonfuzz::encode::script::read_observed;
use canonfuzz::encode::{self, EXPORT, Prepared, Puppets};
use canonfuzz::engine::numbers::same_but_for_numbers;
use canonfuzz::engine::wasmtime;
use canonfuzz::generate::Stream;
use canonfuzz::observation::GuestEvent;
use canonfuzz::types::{Field, FuncType, Handle, Label, Type, VariantCase};
use canonfuzz::value::{Str, StringSource, Value};

const SEED: u64 = 20_261_125;

const ALL: CanonOpts = CanonOpts {
    string_encoding: StringEncoding::Utf8,
    memory: true,
    realloc: true,
    post_return: true,
};

fn opts(string_encoding: StringEncoding) -> CanonOpts {
    CanonOpts { string_encoding, ..ALL }
}

/// Guests whose functions have these types, and what the last one imports. All options are given, and
/// strings are encoded in turns.
fn chain(functions: &[FuncType], import: Option<FuncType>, resources: &[Resource]) -> Shape {
    const ENCODINGS: [StringEncoding; 3] =
        [StringEncoding::Utf8, StringEncoding::Utf16, StringEncoding::Latin1OrUtf16];
    let imports = functions[1..].iter().cloned().map(Some).chain([import]);
    let guests = functions.iter().cloned().zip(imports).enumerate();
    let guests = guests.map(|(i, (export, import))| Guest {
        export: Function { ty: export, opts: opts(ENCODINGS[i % 3]) },
        import: import.map(|ty| Function {
            ty,
            opts: CanonOpts { post_return: false, ..opts(ENCODINGS[(i + 1) % 3]) },
        }),
        ptr_type: PtrType::I32,
        pages: Pages { initial: 1, maximum: 2 },
        noise: None,
    });
    Shape { guests: guests.collect(), resources: resources.to_vec() }
}

fn func(params: &[Type], result: Option<Type>) -> FuncType {
    FuncType { params: params.to_vec(), result, is_async: false }
}

fn own(resource: u32) -> Type {
    Type::Handle(Handle::Own(resource))
}

fn borrow(resource: u32) -> Type {
    Type::Handle(Handle::Borrow(resource))
}

fn record(types: &[Type]) -> Type {
    Type::Record(types.iter().cloned().map(Field::new).collect())
}

fn variant(types: &[Type]) -> Type {
    Type::Variant(types.iter().cloned().map(|ty| VariantCase::new(Some(ty))).collect())
}

fn labels(count: usize) -> Vec<Label> {
    vec![Label::default(); count]
}

fn size(number: u32) -> usize {
    usize::try_from(number).unwrap()
}

fn list(elem: Type) -> Type {
    Type::List(Box::new(elem))
}

/// Resources of the host's and of each of the guests, with destructors and without.
fn resources(guests: u32) -> Vec<Resource> {
    let of_guests = (0..guests).map(|by| Resource::Guest { by, destructor: by != 1 });
    [Resource::Host].into_iter().chain(of_guests).collect()
}

/// The component is valid, exports what the host calls and imports what the host has.
#[track_caller]
fn check_component(shape: &Shape) {
    let decoded = decode::decode(&encode::component(shape, Puppets::Contained));
    let decoded = decoded.unwrap_or_else(|refusal| panic!("{refusal} in {shape:?}"));
    let exported = decoded.export(EXPORT).unwrap();
    assert!(same_but_for_numbers(&shape.guests[0].export.ty, exported).is_some(), "{exported:?}");
    for guest in 0..shape.guests.len() {
        assert!(decoded.export(&encode::load_script(guest)).is_some(), "{guest}");
        assert!(decoded.export(&encode::observe(guest)).is_some(), "{guest}");
    }
    let mut imports = BTreeMap::new();
    for (name, import) in &decoded.imports {
        match import {
            Import::Func(signature) => {
                assert!(imports.insert(name.as_str(), signature.ty()).is_none());
            }
            Import::Resource(_) | Import::Type => {}
            Import::Instance(_) | Import::Module | Import::Component => panic!("{name}"),
        }
    }
    let import = shape.guests.last().unwrap().import.as_ref();
    let name = function_name(shape.guests.len());
    assert_eq!(imports.keys().copied().collect::<Vec<_>>(), import.map_or(vec![], |_| vec![name]));
    let same = |import: &Function| same_but_for_numbers(&import.ty, imports[name]).is_some();
    assert!(import.is_none_or(same), "{imports:?}");
}

#[test]
fn components_of_chains_are_valid() {
    let named = record(&[
        Type::U8,
        variant(&[Type::String, Type::Enum(labels(3))]),
        list(Type::Flags(labels(9))),
    ]);
    let handles = |first: u32| {
        variant(&[record(&[own(first)]), list(own(first)), Type::Option(Box::new(own(0)))])
    };
    let host = func(&[named.clone(), own(0), borrow(0)], Some(own(0)));
    let functions = [
        func(&[named.clone(), borrow(1), handles(2)], Some(handles(1))),
        func(&[handles(2), borrow(3), list(borrow(0)), borrow(2)], Some(named.clone())),
        func(&[handles(3), named.clone(), borrow(3), own(3)], Some(record(&[own(0), handles(3)]))),
    ];
    check_component(&chain(&[func(&[], None), func(&[], None)], None, &[]));
    check_component(&chain(&functions, None, &resources(3)));
    check_component(&chain(&functions, Some(host.clone()), &resources(3)));
    check_component(&chain(&[func(&[], None), func(&[], None)], Some(host), &resources(2)));
}

#[test]
fn functions_without_options_are_valid() {
    let mut shape = chain(&vec![func(&[Type::U8], Some(Type::F64)); 4], None, &[]);
    for guest in &mut shape.guests {
        let none = CanonOpts { memory: false, realloc: false, post_return: false, ..ALL };
        guest.ptr_type = PtrType::I64;
        guest.export.opts = none;
        guest.import.iter_mut().for_each(|import| import.opts = none);
    }
    check_component(&shape);
}

/// The type of a function that was drawn, of other resources.
fn drawn(stream: &mut Stream, allowed: &[u32]) -> FuncType {
    // A shape is kept for some cases.
    let kept = stream.next_case().shape;
    let mut shapes = std::iter::repeat_with(|| stream.next_case().shape);
    let mut ty = shapes.find(|shape| *shape != kept).unwrap().guests.remove(0).export.ty;
    let types = ty.params.iter_mut().chain(&mut ty.result);
    types.for_each(|ty| renumber(ty, allowed));
    ty
}

fn renumber(ty: &mut Type, allowed: &[u32]) {
    if let Type::Handle(Handle::Own(resource) | Handle::Borrow(resource)) = ty {
        *resource = allowed[size(*resource) % allowed.len()];
    }
    ty.children_mut().into_iter().for_each(|ty| renumber(ty, allowed));
}

#[test]
fn components_of_drawn_chains_are_valid() {
    let mut stream = Stream::new(SEED, CaseKind::LiftLower, wasmtime::allowed(), Limits::CASE);
    for round in 0..300 {
        let guests = 2 + round % 3;
        // The host's comes last: each guest knows those from its own number on.
        let mut of_case: Vec<Resource> =
            (0..guests).map(|by| Resource::Guest { by, destructor: by == round % 2 }).collect();
        of_case.push(Resource::Host);
        let known = |guest: u32| (guest..=guests).collect::<Vec<_>>();
        let functions: Vec<_> =
            (0..guests).map(|guest| drawn(&mut stream, &known(guest))).collect();
        let import = (round % 2 == 0).then(|| drawn(&mut stream, &known(guests)));
        let mut shape = chain(&functions, import, &of_case);
        for (i, guest) in (0..).zip(&mut shape.guests) {
            guest.ptr_type = if (round + i) % 5 == 0 { PtrType::I64 } else { PtrType::I32 };
        }
        check_component(&shape);
    }
}

/// A host that answers its function always alike.
struct Always(Option<Value>);

impl Host for Always {
    fn call(
        context: &mut Context<'_, Always>,
        _: &str,
        _: Vec<Value>,
    ) -> Result<Option<Value>, Stop> {
        Ok(context.host().0.clone())
    }

    fn drop(_: &mut Context<'_, Always>, _: &str, _: u32) -> Result<(), Stop> {
        Ok(())
    }
}

/// What a chain showed: the result, and for each guest its events and its memory.
type Shown = (Option<Value>, Vec<(Vec<GuestEvent>, Vec<u8>)>);

/// Runs the last call of a case of one or more.
fn run(case: &Case, host: Option<Value>) -> Result<Shown, Failure> {
    let compiled = Compiled::new(&encode::component(&case.shape, Puppets::Contained)).unwrap();
    let mut instance = compiled.instantiate(Always(host), ()).unwrap();
    let mut shown = None;
    for (call, scripts) in case.calls.iter().zip(Prepared::of(case).unwrap().calls) {
        for (guest, script) in scripts.iter().enumerate() {
            load(&mut instance, &encode::load_script(guest), &script.bytes);
        }
        let result = instance.call(EXPORT, &call.args)?;
        let guests = case.shape.guests.iter().enumerate();
        let seen = guests.map(|(i, guest)| observe(&mut instance, &encode::observe(i), guest));
        shown = Some((result, seen.collect()));
    }
    Ok(shown.unwrap())
}

fn load(instance: &mut Instance<Always>, name: &str, script: &[u8]) {
    let length = u32::try_from(script.len()).unwrap();
    let at = instance.allocate(name, 1, length).unwrap();
    instance.memory(name)[size(at)..][..script.len()].copy_from_slice(script);
    instance.inspect(name, &[Core::I32(at), Core::I32(length)]).unwrap();
}

fn observe(
    instance: &mut Instance<Always>,
    name: &str,
    guest: &Guest,
) -> (Vec<GuestEvent>, Vec<u8>) {
    let (_, memory) = instance.inspect(name, &[]).unwrap();
    let word = |at: usize| size(u32::from_le_bytes(*memory[at..].first_chunk().unwrap()));
    let (events, memory) = read_observed(&memory[word(0)..][..word(4)], guest).unwrap();
    (events, memory.to_vec())
}

fn lowered(values: &[Value]) -> Passed {
    Passed::lowered(values.to_vec())
}

fn import(values: &[Value]) -> Act {
    Act::Import(ImportCall { passed: lowered(values), answer: Answer::Guest })
}

fn script(acts: Vec<Act>, result: &[Value]) -> Script {
    let function = Turn { acts, end: End::Return(lowered(result)) };
    Script { function, ..Script::least() }
}

fn case(shape: Shape, args: &[Value], scripts: Vec<Script>) -> Case {
    let tuning = Tuning { concurrency: true, ..Tuning::PLAIN };
    let (host_drops, manner) = (Vec::new(), Manner::Once);
    let call = Call { args: args.to_vec(), scripts, host_drops, manner };
    Case { tuning, paths: Paths::PLAIN, shape, calls: vec![call] }
}

fn string(text: &str) -> Value {
    Value::String(Str { text: text.to_string(), source: StringSource::Utf8 })
}

/// Three guests that pass a string on, each with pointers of this type.
fn passing_on(ptr_types: [PtrType; 3]) -> Case {
    let ty = func(&[Type::String, list(Type::U64)], Some(Type::String));
    let mut shape = chain(&vec![ty.clone(); 3], Some(ty), &[]);
    for (guest, ptr_type) in shape.guests.iter_mut().zip(ptr_types) {
        guest.ptr_type = ptr_type;
    }
    let numbers = || Value::List(vec![Value::U64(1 << 40), Value::U64(7)]);
    let scripts = ["aé☃", "b", "c"]
        .map(|text| script(vec![import(&[string(text), numbers()])], &[string(&text.repeat(2))]));
    case(shape, &[string("from the host"), numbers()], scripts.to_vec())
}

#[test]
fn strings_pass_through_memories_of_any_addresses() {
    use PtrType::{I32, I64};
    for ptr_types in [[I32, I32, I32], [I64, I64, I64], [I32, I64, I32], [I64, I32, I64]] {
        let (result, guests) = run(&passing_on(ptr_types), Some(string("ü"))).unwrap();
        assert_eq!(result, Some(string("aé☃aé☃")));
        for ((events, memory), ptr_type) in guests.iter().zip(ptr_types) {
            assert_eq!(memory.len(), 65_536);
            assert_eq!(called(events)[0].ty(), ptr_type.core_type());
        }
        let (events, memory) = &guests[1];
        let ptr = usize::try_from(called(events)[0].bits()).unwrap();
        let utf16: Vec<u8> = "aé☃".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(memory[ptr..][..utf16.len()], utf16);
    }
}

/// What a guest's function was called with first.
fn called(events: &[GuestEvent]) -> &[Core] {
    let mut calls = events.iter().filter_map(|event| {
        if let GuestEvent::Called(flat) = event { Some(&flat[..]) } else { None }
    });
    calls.next().unwrap()
}

/// A guest that takes a list, and does this in the first call of `realloc`.
fn taking_a_list(ptr_type: PtrType, realloc: Turn) -> Case {
    let mut shape = chain(&[func(&[list(Type::U8)], None)], None, &[]);
    shape.guests[0].ptr_type = ptr_type;
    let script = Script { realloc: vec![realloc], ..script(vec![], &[]) };
    case(shape, &[Value::List(vec![Value::U8(0); 8])], vec![script])
}

fn answering(pointer: Pointer) -> Turn {
    Turn::ending(End::Answer(pointer))
}

/// What `realloc` answers.
fn answer(ptr_type: PtrType, realloc: Turn, align: u32, size: u32) -> Result<u32, Failure> {
    let case = taking_a_list(ptr_type, realloc);
    let compiled = Compiled::new(&encode::component(&case.shape, Puppets::Contained)).unwrap();
    let mut instance = compiled.instantiate(Always(None), ()).unwrap();
    load(&mut instance, &encode::load_script(0), &Prepared::of(&case).unwrap().calls[0][0].bytes);
    instance.allocate(EXPORT, align, size)
}

#[test]
fn realloc_finds_the_end_of_memory() {
    for ptr_type in [PtrType::I32, PtrType::I64] {
        let check = |beyond, align, size, expected| {
            assert_eq!(
                answer(ptr_type, answering(Pointer::AtEnd(beyond)), align, size),
                Ok(expected)
            );
        };
        check(0, 1, 3, 65_533);
        check(1, 1, 3, 65_534);
        check(0, 1, 0, 65_536);
        check(0, 8, 16, 65_520);
        check(0, 4, 3, 65_532);
        check(2, 2, 65_536, 2);
        check(0, 8, 65_537, 0);
        check(5, 8, u32::MAX, 5);
        let bump = answer(ptr_type, Turn::PLAIN, 8, 65_536);
        assert_eq!(bump, Err(Failure::Trap(Trap::Guest)));
    }
}

#[test]
fn answers_of_64_bits_are_not_cut() {
    let beyond = || answering(Pointer::At((1 << 32) + 2048));
    let trap = run(&taking_a_list(PtrType::I64, beyond()), None).unwrap_err();
    assert_eq!(trap, Failure::Trap(Trap::ListOutOfBounds));
    let (_, guests) = run(&taking_a_list(PtrType::I32, beyond()), None).unwrap();
    assert_eq!(
        guests[0].0[..2],
        [
            GuestEvent::Realloc { old: 0, old_size: 0, align: 1, new_size: 8 },
            GuestEvent::Reallocated(2048)
        ]
    );
}

#[test]
fn a_guest_takes_its_steps_when_it_is_called_first() {
    let ty = func(&[], None);
    let shape = chain(&[ty.clone(), ty.clone()], Some(ty), &[]);
    let scripts = vec![script(vec![import(&[]); 3], &[]), script(vec![import(&[]); 2], &[])];
    let mut case = case(shape, &[], scripts);
    case.calls.push(case.calls[0].clone());
    let (_, guests) = run(&case, None).unwrap();
    let (called, came_back) = (GuestEvent::Called(vec![]), GuestEvent::ImportReturned(vec![]));
    let count = |guest: usize, event| guests[guest].0.iter().filter(|seen| *seen == event).count();
    assert_eq!((count(0, &called), count(0, &came_back)), (1, 3));
    assert_eq!((count(1, &called), count(1, &came_back)), (3, 2));
}

#[test]
fn handles_pass_from_guest_to_guest() {
    let defined = [
        Resource::Guest { by: 1, destructor: true },
        Resource::Host,
        Resource::Guest { by: 0, destructor: true },
    ];
    let functions = [func(&[own(1)], Some(own(0))), func(&[own(1)], Some(own(0)))];
    let shape = chain(&functions, Some(func(&[own(1)], None)), &defined);
    let handle = Value::Handle;
    let scripts = vec![
        script(
            vec![
                Act::BuiltIn(BuiltInCall { which: BuiltIn::ResourceNew, of: 2, operand: 9 }),
                Act::BuiltIn(BuiltInCall { which: BuiltIn::ResourceDrop, of: 2, operand: 2 }),
                import(&[handle(1)]),
            ],
            &[handle(1)],
        ),
        script(
            vec![
                import(&[handle(1)]),
                Act::BuiltIn(BuiltInCall { which: BuiltIn::ResourceNew, of: 0, operand: 77 }),
            ],
            &[handle(1)],
        ),
    ];
    let (result, guests) = run(&case(shape, &[handle(5)], scripts), None).unwrap();
    assert_eq!(result, Some(handle(77)));
    assert!(guests[0].0.contains(&GuestEvent::Destructor { resource: 2, rep: 9 }));
    assert!(guests[1].0.contains(&GuestEvent::BuiltIn {
        which: BuiltIn::ResourceNew,
        of: 0,
        answer: Some(1)
    }));
}

#[test]
fn what_does_not_fit_is_reported_with_its_guest() {
    let mut case = passing_on([PtrType::I32; 3]);
    let long = string(&"a".repeat(70_000));
    case.calls[0].scripts[2].function.end = End::Return(lowered(&[long]));
    let error = Prepared::of(&case).unwrap_err();
    assert_eq!(error, "call 0: guest 2: return: the data does not fit into the guest's memory");
    case.calls[0].scripts.swap(0, 2);
    assert!(Prepared::of(&case).unwrap_err().starts_with("call 0: return: "));
}

#[test]
fn patches_and_post_return_are_each_guests_own() {
    let mut case = passing_on([PtrType::I64, PtrType::I32, PtrType::I64]);
    let scripts = &mut case.calls[0].scripts;
    scripts[1].post_return = Turn::ending(End::Trap);
    assert_eq!(run(&case, Some(string(""))).unwrap_err(), Failure::Trap(Trap::Guest));
    case.calls[0].scripts[1].post_return = Turn::PLAIN;
    let wrong = Patch::Flat { index: 0, bits: 1 << 32 };
    let passed =
        Passed::Lowered { values: vec![string("b"), Value::List(vec![])], patches: vec![wrong] };
    let call = ImportCall { passed, answer: Answer::Guest };
    case.calls[0].scripts[0].function.acts = vec![Act::Import(call)];
    assert_eq!(run(&case, Some(string(""))).unwrap_err(), Failure::Trap(Trap::StringOutOfBounds));
}
