mod guests;

use super::super::Manner;
use super::super::paths::{Mode, Paths};
use super::*;
use crate::abi::{BuiltIn, StringEncoding};
use crate::case::{
    Act, Answer, BuiltInCall, Call, CanonOpts, Chunk, End, Guest, ImportCall, Passed,
};
use crate::case::{Patch, Pointer, Resource, Script, Tuning, Turn};
use crate::types::{Field, Handle, Label, VariantCase};
use crate::value::{Str, StringSource, Value};

/// `check` of a valid case after `change`; "" where it is still valid.
#[track_caller]
fn check(expected: &str, change: impl FnOnce(&mut Case)) {
    let mut case = valid();
    change(&mut case);
    let found = super::check(&case, &Limits::CASE);
    assert_eq!(found.err().unwrap_or_default(), expected);
}

/// Its export is `func(p0: string, p1: u8) -> tuple<u8, f32>`, its import `func(p0: u8) -> u8`.
fn valid() -> Case {
    let opts = CanonOpts {
        string_encoding: StringEncoding::Utf8,
        memory: true,
        realloc: true,
        post_return: true,
    };
    let result = Some(Type::Tuple(vec![Type::U8, Type::F32]));
    let export = FuncType { params: vec![Type::String, Type::U8], result, is_async: false };
    let import = FuncType { params: vec![Type::U8], result: Some(Type::U8), is_async: false };
    let import_opts = CanonOpts { memory: false, realloc: false, post_return: false, ..opts };
    let returned = Value::Record(vec![Value::U8(1), Value::F32(0)]);
    let script = Script {
        realloc: vec![Turn::PLAIN, Turn::of(Act::Leave)],
        function: Turn {
            acts: vec![Act::Import(ImportCall {
                passed: Passed::lowered(vec![Value::U8(1)]),
                answer: Answer::Return(Some(Value::U8(2))),
            })],
            end: End::Return(Passed::lowered(vec![returned])),
        },
        post_return: Turn::of(Act::Leave),
        destructor: Turn::PLAIN,
    };
    let args = vec![Value::string("a"), Value::U8(1)];
    let (host_drops, manner) = (Vec::new(), Manner::Once);
    let call = Call { args, scripts: vec![script], host_drops, manner };
    let guest = Guest {
        export: Function { ty: export, opts },
        import: Some(Function { ty: import, opts: import_opts }),
        ptr_type: PtrType::I32,
        pages: Pages::ONE,
        noise: None,
    };
    Case {
        tuning: Tuning::PLAIN,
        paths: Paths::PLAIN,
        shape: Shape { guests: vec![guest], resources: Vec::new() },
        calls: vec![call],
    }
}

fn param(ty: Type) -> impl FnOnce(&mut Case) {
    move |case| {
        case.calls.clear();
        case.shape.guests[0].export.ty.params = vec![Type::U8, ty];
    }
}

fn arg(ty: Type, value: Value) -> impl FnOnce(&mut Case) {
    move |case| {
        case.shape.guests[0].export.ty.params[1] = ty;
        case.calls[0].args[1] = value;
    }
}

fn import(case: &mut Case) -> &mut Function {
    case.shape.guests[0].import.as_mut().unwrap()
}

fn import_call(case: &mut Case) -> &mut ImportCall {
    case.calls[0].scripts[0].import_calls_mut().next().unwrap()
}

fn flag(name: &str) -> Type {
    Type::Flags(vec![Label::default(), Label(Some(name.into()))])
}

fn nested(depth: usize) -> Type {
    (1..depth).fold(Type::U8, |ty, _| Type::Option(Box::new(ty)))
}

#[test]
fn the_sample_is_valid() {
    check("", |_| {});
}

#[test]
fn types_need_members() {
    check("export: param 1: record without members", param(Type::Record(Vec::new())));
    check("export: param 1: tuple without members", param(Type::Tuple(Vec::new())));
    check("export: param 1: variant without members", param(Type::Variant(Vec::new())));
    check("export: param 1: enum without members", param(Type::Enum(Vec::new())));
    check("export: param 1: flags without members", param(Type::Flags(Vec::new())));
    let inner = Type::List(Box::new(Type::Option(Box::new(Type::Tuple(Vec::new())))));
    check("export: param 1: tuple without members", param(inner));
    check("import: result: tuple without members", |case| {
        import(case).ty.result = Some(Type::Tuple(Vec::new()));
    });
}

#[test]
fn there_are_at_most_32_flags_in_a_type() {
    check("", param(Type::Flags(vec![Label::default(); 32])));
    check(
        "export: param 1: 33 flags are more than 32",
        param(Type::Flags(vec![Label::default(); 33])),
    );
}

#[test]
fn labels_are_in_kebab_case() {
    for label in ["a", "A", "a1", "a-1", "ab-CD-e0", "type", "true"] {
        check("", param(flag(label)));
    }
    for label in ["", "1", "a--b", "-a", "a-", "aB", "a_b", "é", "a b"] {
        check(
            &format!("export: param 1: label `{label}` is not in kebab-case"),
            param(flag(label)),
        );
    }
}

#[test]
fn labels_differ_in_more_than_case_and_hyphens() {
    check("export: param 1: label `B-0` is there twice", param(flag("B-0")));
    check("export: param 1: label `B0` is there twice", param(flag("B0")));
    check("export: param 1: label `b0` is there twice", param(flag("b0")));
    check("", param(flag("b-2")));
}

#[test]
fn a_label_that_its_position_gives_is_not_given() {
    check("export: param 1: label `b1` is given where it is implied", param(flag("b1")));
    let label = Label(Some("f0".into()));
    let record = Type::Record(vec![Field { label: label.clone(), ty: Type::U8 }]);
    check("export: param 1: label `f0` is given where it is implied", param(record));
    check("", param(Type::Variant(vec![VariantCase { label, ty: None }])));
}

#[test]
fn types_are_bounded() {
    check("", param(nested(90)));
    check("export: param 1: the type is nested too deeply", param(nested(91)));
    let maps = |depth| (0..depth).fold(Type::U8, |ty, _| Type::Map(Type::U8.into(), ty.into()));
    check("", |case| {
        import(case).opts.memory = true;
        param(maps(44))(case);
    });
    check("export: param 1: the type is nested too deeply", param(maps(45)));
    let wide = |count| Type::Enum(vec![Label::default(); count]);
    check("", param(wide(10_000)));
    check("export: param 1: 10001 members are more than 10000", param(wide(10_001)));
    let twice = Type::Tuple(vec![wide(6_000), wide(6_000)]);
    check("export: param 1: 12004 types are more than 12000", param(twice));
    check("export: 1001 params are more than 1000", |case| {
        case.shape.guests[0].export.ty.params = vec![Type::U8; 1_001];
    });
}

#[test]
fn fixed_length_lists_are_neither_empty_nor_huge() {
    let fixed = |elem, length| Type::FixedLengthList(Box::new(elem), length);
    check("", param(fixed(Type::U8, 524_288)));
    check("export: param 1: a fixed-length list has length 0", param(fixed(Type::U8, 0)));
    let why = "export: param 1: 524289 bytes of one value are more than 524288";
    check(why, param(fixed(Type::U8, 524_289)));
    let why = "export: param 1: 34359738360 bytes of one value are more than 524288";
    check(why, param(fixed(fixed(Type::U64, u32::MAX), u32::MAX)));
}

#[test]
fn map_keys_are_discrete() {
    let map = |key| Type::Map(Box::new(key), Box::new(Type::U8));
    check("", param(map(Type::Char)));
    check("export: param 1: no map has keys of type f32", param(map(Type::F32)));
    check("export: param 1: no map has keys of type option", param(map(nested(2))));
}

/// Two resources, the host's and the guest's, of whose handles the export takes and returns some.
fn with_resources(change: impl FnOnce(&mut Case)) -> impl FnOnce(&mut Case) {
    |case| {
        case.shape.resources = vec![Resource::Host, Resource::Guest { by: 0, destructor: true }];
        case.shape.guests[0].export.ty.params[1] = Type::List(Box::new(borrow(1)));
        case.calls[0].args[1] = Value::List(vec![Value::Handle(7)]);
        change(case);
    }
}

fn own(resource: u32) -> Type {
    Type::Handle(Handle::Own(resource))
}

fn borrow(resource: u32) -> Type {
    Type::Handle(Handle::Borrow(resource))
}

#[test]
fn handles_are_of_resources_and_borrowed_only_as_params() {
    check("", with_resources(|_| {}));
    check("export: there is no resource 0", param(own(0)));
    check(
        "export: there is no resource 2",
        with_resources(|case| {
            case.shape.guests[0].export.ty.params[1] = borrow(2);
        }),
    );
    check(
        "export: a result cannot be borrowed",
        with_resources(|case| {
            case.shape.guests[0].export.ty.result = Some(Type::Option(Box::new(borrow(0))));
        }),
    );
    check(
        "export: handles of async values are not supported",
        param(Type::Handle(Handle::Future(None))),
    );
    check("5 resources are more than 4", |case| case.shape.resources = vec![Resource::Host; 5]);
    check(
        "call 0: arg 1.0 is not of type borrow",
        with_resources(|case| {
            case.calls[0].args[1] = Value::List(vec![Value::U32(7)]);
        }),
    );
}

#[test]
fn an_import_knows_only_resources_of_the_host() {
    let takes = |ty| {
        with_resources(|case: &mut Case| {
            case.calls.clear();
            import(case).ty.params = vec![ty];
        })
    };
    check("", takes(own(0)));
    check("", takes(borrow(0)));
    check("import: it mentions resource 1, which guest 0 defines", takes(own(1)));
}

#[test]
fn built_ins_are_of_resources_and_some_of_the_guest_s_alone() {
    let step = |built_in| {
        with_resources(move |case: &mut Case| {
            case.calls[0].scripts[0].function.acts.push(Act::BuiltIn(built_in));
        })
    };
    check("", step(BuiltInCall { which: BuiltIn::ResourceNew, of: 1, operand: 5 }));
    check("", step(BuiltInCall { which: BuiltIn::ResourceDrop, of: 0, operand: 5 }));
    let why = "call 0, step 1: resource 0 is not the guest's";
    check(why, step(BuiltInCall { which: BuiltIn::ResourceRep, of: 0, operand: 5 }));
    check(
        "call 0, step 1: there is no resource 2",
        step(BuiltInCall { which: BuiltIn::ResourceDrop, of: 2, operand: 5 }),
    );
    let new = BuiltInCall { which: BuiltIn::ResourceNew, of: 0, operand: 5 };
    let why = "call 0: resource 0 is not the guest's";
    let new = || Turn::of(Act::BuiltIn(new));
    check(why, with_resources(|case| case.calls[0].scripts[0].realloc = vec![new()]));
    check(why, with_resources(|case| case.calls[0].scripts[0].post_return = new()));
    check(why, with_resources(|case| case.calls[0].scripts[0].destructor = new()));
}

#[test]
fn what_is_dropped_and_destroyed_is_the_guest_s() {
    check("", with_resources(|case| case.calls[0].host_drops = vec![0, 9]));
    check("call 0: no guest defines a resource", |case| case.calls[0].host_drops = vec![0]);
    check(
        "call 0: 17 handles to drop are more than 16",
        with_resources(|case| {
            case.calls[0].host_drops = vec![0; 17];
        }),
    );
    check("call 0: no resource of the guest has a destructor", |case| {
        case.shape.resources = vec![Resource::Guest { by: 0, destructor: false }];
        case.calls[0].scripts[0].destructor = Turn::ending(End::Trap);
    });
}

#[test]
fn values_are_of_their_types() {
    check("call 0: arg 1 is not of type u8", arg(Type::U8, Value::U16(1)));
    check("call 0: 1 of 2 args are given", |case| case.calls[0].args.truncate(1));
    let pair = Type::Tuple(vec![Type::U8, nested(2)]);
    let value = |some| Value::Record(vec![Value::U8(1), Value::case(1, some)]);
    check("", arg(pair.clone(), value(Value::U8(1))));
    check("call 0: arg 1.1.0 is not of type u8", arg(pair, value(Value::S8(1))));
    let flags = Type::Flags(vec![Label::default(); 3]);
    check("", arg(flags.clone(), Value::Flags(7)));
    check("call 0: arg 1 has a flag that its type lacks", arg(flags, Value::Flags(8)));
    let bytes = Type::List(Box::new(Type::U8));
    check("", arg(bytes.clone(), Value::List(vec![Value::U8(1)])));
    check("call 0: arg 1 is a list that was lifted", arg(bytes, Value::Bytes(vec![1])));
    let fixed = Type::FixedLengthList(Box::new(Type::U8), 2);
    check("call 0: arg 1 has 1 of 2 parts", arg(fixed, Value::List(vec![Value::U8(1)])));
    check(
        "call 0: arg 1 has 1 of 2 parts",
        arg(Type::Tuple(vec![Type::U8, Type::U8]), Value::Record(vec![Value::U8(1)])),
    );
    check("call 0, step 0: answer 0 is not of type u8", |case| {
        import_call(case).answer = Answer::Reenter(Some(Value::Bool(true)));
    });
    check("call 0, step 0: 0 of 1 answers are given", |case| {
        import_call(case).answer = Answer::Return(None);
    });
}

#[test]
fn cases_have_the_payload_of_their_type() {
    check("call 0: arg 1 lacks its payload", arg(nested(2), Value::Variant(1, None)));
    check(
        "call 0: arg 1 has a payload that its type lacks",
        arg(nested(2), Value::case(0, Value::U8(1))),
    );
    let why = "call 0: arg 1 is of a case that its type lacks";
    check(why, arg(nested(2), Value::Variant(2, None)));
    check("", arg(Type::Result(None, None), Value::Variant(1, None)));
}

#[test]
fn values_are_such_that_text_can_tell_them_apart() {
    check("", arg(Type::F32, Value::F32(0x7fc0_0000)));
    let why = "call 0: arg 1 is a NaN other than the canonical one";
    check(why, arg(Type::F32, Value::F32(0x7fc0_0001)));
    check(why, arg(Type::F64, Value::F64(0xfff8_0000_0000_0000)));
    let lifted = Str { text: String::new(), source: StringSource::Utf16 };
    check("call 0: arg 1 is a string that was lifted", arg(Type::String, Value::String(lifted)));
}

#[test]
fn a_lift_has_the_options_that_its_type_needs() {
    let opts = |params: Vec<Type>, result: Option<Type>, memory, realloc| {
        move |case: &mut Case| {
            case.calls.clear();
            case.shape.guests[0].export.ty = FuncType { params, result, is_async: false };
            case.shape.guests[0].export.opts.memory = memory;
            case.shape.guests[0].export.opts.realloc = realloc;
        }
    };
    check("export: realloc needs memory", opts(vec![], None, false, true));
    check("", opts(vec![Type::U8; 16], Some(Type::U8), false, false));
    check("export: the type needs memory", opts(vec![Type::U8; 17], None, false, false));
    check("export: the type needs realloc", opts(vec![Type::U8; 17], None, true, false));
    check("export: the type needs realloc", opts(vec![Type::String], None, true, false));
    check("export: the type needs memory", opts(vec![], Some(nested(2)), false, false));
    check("", opts(vec![], Some(Type::String), true, false));
}

#[test]
fn a_lower_has_the_options_that_its_type_needs() {
    let opts = |params: Vec<Type>, result: Option<Type>, memory, realloc| {
        move |case: &mut Case| {
            case.calls.clear();
            import(case).ty = FuncType { params, result, is_async: false };
            import(case).opts.memory = memory;
            import(case).opts.realloc = realloc;
        }
    };
    check("import: realloc needs memory", opts(vec![], None, false, true));
    check("import: the type needs memory", opts(vec![Type::U8; 17], None, false, false));
    check("", opts(vec![Type::String], Some(nested(2)), true, false));
    check("import: the type needs memory", opts(vec![], Some(nested(2)), false, false));
    check("import: the type needs realloc", opts(vec![], Some(Type::String), true, false));
    check("import: post-return is not an option of an import", |case| {
        import(case).opts.post_return = true;
    });
}

#[test]
fn scripts_speak_of_what_is_there() {
    check("call 0: the export has no post-return", |case| {
        case.shape.guests[0].export.opts.post_return = false;
    });
    let no_import = |realloc: Turn, post_return: Turn| {
        move |case: &mut Case| {
            case.shape.guests[0].import = None;
            case.calls[0].scripts[0].function.acts.clear();
            case.calls[0].scripts[0].realloc = vec![realloc];
            case.calls[0].scripts[0].post_return = post_return;
        }
    };
    check("", no_import(Turn::ending(End::Answer(Pointer::At(0))), Turn::ending(End::Trap)));
    let why = "call 0: there is no import to call";
    check(why, no_import(Turn::of(Act::Leave), Turn::PLAIN));
    check(why, no_import(Turn::PLAIN, Turn::of(Act::Leave)));
    check(why, |case| case.shape.guests[0].import = None);
    check("call 0: no function has realloc", |case| {
        case.shape.guests[0].export.ty.params.remove(0);
        case.calls[0].args.remove(0);
        case.shape.guests[0].export.opts.realloc = false;
    });
}

#[test]
fn each_entry_ends_and_acts_as_it_can() {
    let turns =
        |change: fn(&mut Script)| move |case: &mut Case| change(&mut case.calls[0].scripts[0]);
    check("", turns(|script| script.function.acts.push(Act::Grow(1))));
    check("", turns(|script| script.post_return.acts.extend([Act::Grow(1), Act::Leave])));
    let both = |script: &mut Script| {
        script.realloc = vec![Turn { acts: vec![Act::Grow(1)], end: End::Answer(Pointer::Old) }];
    };
    check("", turns(both));
    let why = "call 0, step 1: the function says what it passes to the import";
    check(why, turns(|script| script.function.acts.push(Act::Leave)));
    let why = "call 0: post-return passes nothing on";
    check(why, turns(|script| script.post_return = script.function.clone()));
    check("call 0: the function does not end so", turns(|script| script.function.end = End::Plain));
    let why = "call 0: post-return does not end so";
    check(why, turns(|script| script.post_return.end = End::Answer(Pointer::Old)));
    let why = "call 0: realloc does not end so";
    check(why, turns(|script| script.realloc[0].end = script.function.end.clone()));
    check("call 0, step 0: the guest has no memory that could grow", |case| {
        case.shape.guests = vec![Guest::empty()];
        case.calls[0].args.clear();
        let mut script = Script::ending(End::Return(Passed::lowered(Vec::new())));
        script.function.acts.push(Act::Grow(1));
        case.calls[0].scripts = vec![script];
    });
    let many = |script: &mut Script| script.realloc[0].acts = vec![Act::Grow(1); 17];
    check("call 0: 17 steps are more than 16", turns(many));
}

#[test]
fn raw_data_is_in_its_core_types_and_its_memory() {
    let flat = |flat: &'static [u64]| {
        move |case: &mut Case| {
            let passed = Passed::Raw { flat: flat.to_vec(), memory: Vec::new() };
            case.calls[0].scripts[0].function.end = End::Return(passed);
        }
    };
    check("", flat(&[0xffff_ffff]));
    check("call 0, return: 0x100000000 exceeds 32 bits", flat(&[1 << 32]));
    check("call 0, return: 2 of 1 core values are given", flat(&[0, 0]));
    let patch = |patch: Patch| {
        move |case: &mut Case| {
            let Some(Passed::Lowered { patches, .. }) = case.calls[0].scripts[0].returned_mut()
            else {
                panic!("the sample returns");
            };
            patches.push(patch);
        }
    };
    let chunk = |at, len| Patch::Memory(Chunk { at, bytes: vec![0; len] });
    check("", patch(Patch::Flat { index: 0, bits: 7 }));
    check("call 0, return: there is no flat 1", patch(Patch::Flat { index: 1, bits: 7 }));
    check("", patch(chunk(0xffff, 1)));
    let why = "call 0, return: memory 0xffff: the bytes exceed the initial memory";
    check(why, patch(chunk(0xffff, 2)));
    check("call 0, return: memory 0x0: there are no bytes", patch(chunk(0, 0)));
    check("call 0, step 0: memory 0x0: the function has no memory", |case| {
        let memory = vec![Chunk { at: 0, bytes: vec![0] }];
        import_call(case).passed = Passed::Raw { flat: vec![0], memory };
    });
}

#[test]
fn memory_has_pages() {
    let pages = |initial, maximum| {
        move |case: &mut Case| case.shape.guests[0].pages = Pages { initial, maximum }
    };
    check("", pages(8, 8));
    check("memory: initial is 0", pages(0, 1));
    check("memory: initial is more than maximum", pages(2, 1));
    check("9 pages of memory are more than 8", pages(1, 9));
}

#[test]
fn a_case_is_bounded_as_a_whole() {
    check("17 calls are more than 16", |case| case.calls = vec![case.calls[0].clone(); 17]);
    check("call 0: 17 steps are more than 16", |case| {
        let acts = &mut case.calls[0].scripts[0].function.acts;
        *acts = vec![acts[0].clone(); 17];
    });
    check("call 0: 65 calls of realloc are more than 64", |case| {
        case.calls[0].scripts[0].realloc = vec![Turn::PLAIN; 65];
    });
    check("65537 bytes of labels, strings and memory are more than 65536", |case| {
        case.calls[0].args[0] = Value::string("a".repeat(65_537));
    });
    check("40007 values are more than 40000", |case| {
        case.shape.guests[0].export.ty.params[1] = Type::List(Box::new(Type::U8));
        case.calls[0].args[1] = Value::List(vec![Value::U8(0); 40_000]);
    });
}

#[test]
fn features_are_found_at_any_depth() {
    let mut case = valid();
    assert_eq!(features(&case), BTreeSet::new());
    let fixed = Type::FixedLengthList(Box::new(Type::U8), 1);
    import(&mut case).ty.result = Some(Type::Map(Box::new(Type::U8), Box::new(fixed)));
    let names: Vec<&str> = features(&case).into_iter().map(Feature::name).collect();
    assert_eq!(names, ["map", "fixed-length-list"]);
    let mut case = valid();
    case.shape.guests[0].ptr_type = PtrType::I64;
    assert_eq!(features(&case), BTreeSet::from([Feature::Memory64]));
    let mut case = valid();
    import(&mut case).ty.is_async = true;
    assert_eq!(features(&case), BTreeSet::from([Feature::AsyncFunction]));
}

#[test]
fn async_functions_need_a_subject_and_a_host_for_them() {
    let with = |is_async: [bool; 2], concurrency, import: Mode| {
        move |case: &mut Case| {
            case.tuning.concurrency = concurrency;
            case.paths.call.mode = Mode::Async;
            case.paths.import.mode = import;
            case.shape.guests[0].export.ty.is_async = is_async[0];
            self::import(case).ty.is_async = is_async[1];
        }
    };
    check("", with([true, true], true, Mode::Concurrent));
    check("", with([false, true], true, Mode::Concurrent));
    check("", with([true, false], true, Mode::Async));
    let alone = "paths: async functions need `concurrency`";
    check(alone, with([true, false], false, Mode::Sync));
    check(
        "paths: concurrent calls need `concurrency`",
        with([true, true], false, Mode::Concurrent),
    );
    let sync = "paths: the import is async, so that it has to be `concurrent`";
    check(sync, with([true, true], true, Mode::Async));
    check("", with([true, false], true, Mode::Concurrent));
}
