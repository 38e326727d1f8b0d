use super::*;

/// The sample with a second guest: what the first one imports, this one exports and imports.
fn chain(change: impl FnOnce(&mut Case)) -> impl FnOnce(&mut Case) {
    |case| {
        let first = &mut case.shape.guests[0];
        let import = first.import.as_mut().unwrap();
        let export = Function { ty: import.ty.clone(), opts: first.export.opts };
        let second = Guest { export, ..first.clone() };
        case.shape.guests.push(second);
        let mut script = case.calls[0].scripts[0].clone();
        script.function.end = End::Return(Passed::lowered(vec![Value::U8(1)]));
        case.calls[0].scripts.push(script);
        import_call(case).answer = Answer::Guest;
        change(case);
    }
}

#[test]
fn guests_are_some_and_not_many() {
    check("", chain(|_| {}));
    check("there is no guest", |case| case.shape.guests.clear());
    check("5 guests are more than 4", |case| {
        case.shape.guests = vec![case.shape.guests[0].clone(); 5];
    });
    check("call 0: 1 of 2 scripts are given", chain(|case| case.calls[0].scripts.truncate(1)));
    check(
        "call 0: 3 of 2 scripts are given",
        chain(|case| {
            let script = case.calls[0].scripts[0].clone();
            case.calls[0].scripts.push(script);
        }),
    );
}

#[test]
fn what_a_guest_imports_the_next_one_exports() {
    let why = "import: it is missing, guest 1 exports it";
    check(why, chain(|case| case.shape.guests[0].import = None));
    let why = "import: its type is not that of what guest 1 exports";
    check(why, chain(|case| import(case).ty.params[0] = Type::S8));
    check(
        why,
        chain(|case| {
            import(case).ty.params[0] = Type::Enum(vec![Label(Some("a".into()))]);
            case.shape.guests[1].export.ty.params[0] = Type::Enum(vec![Label(None)]);
        }),
    );
    check(
        "",
        chain(|case| {
            case.shape.guests[1].import = None;
            case.calls[0].scripts[1] = Script::least();
        }),
    );
    check(
        "call 0, guest 1: there is no import to call",
        chain(|case| {
            case.shape.guests[1].import = None;
        }),
    );
}

#[test]
fn who_answers_a_call_is_clear_from_the_guest() {
    let why = "call 0, step 0: the host answers what the next guest has to";
    check(why, chain(|case| import_call(case).answer = Answer::Error));
    let answer = |answer| {
        chain(|case| {
            case.calls[0].scripts[1].import_calls_mut().next().unwrap().answer = answer;
        })
    };
    let why = "call 0, guest 1, step 0: there is no next guest to answer";
    check(why, answer(Answer::Guest));
    let why = "call 0, guest 1, step 0: answer 0 is not of type u8";
    check(why, answer(Answer::Return(Some(Value::S8(0)))));
}

#[test]
fn errors_name_the_guest() {
    let second = |change: fn(&mut Guest)| chain(move |case| change(&mut case.shape.guests[1]));
    let why = "guest 1: memory: initial is 0";
    check(why, second(|guest| guest.pages.initial = 0));
    let why = "guest 1: export: realloc needs memory";
    check(why, second(|guest| guest.export.opts.memory = false));
    let why = "guest 1: import: 1001 params are more than 1000";
    check(
        why,
        second(|guest| {
            guest.import.as_mut().unwrap().ty.params = vec![Type::U8; 1_001];
        }),
    );
    let why = "call 0, guest 1: the export has no post-return";
    check(why, second(|guest| guest.export.opts.post_return = false));
    let why = "call 0, guest 1, return: 0 of 1 values are given";
    check(
        why,
        chain(|case| {
            case.calls[0].scripts[1].function.end = End::Return(Passed::lowered(Vec::new()));
        }),
    );
    check(
        "call 0, guest 1: 65 calls of realloc are more than 64",
        chain(|case| {
            case.calls[0].scripts[1].realloc = vec![Turn::PLAIN; 65];
        }),
    );
}

/// Two guests and three resources: the host's, the first guest's and the second's.
fn chain_with_resources(change: impl FnOnce(&mut Case)) -> impl FnOnce(&mut Case) {
    chain(|case| {
        let guest = |by| Resource::Guest { by, destructor: true };
        case.shape.resources = vec![Resource::Host, guest(0), guest(1)];
        change(case);
    })
}

#[test]
fn a_function_mentions_what_both_its_ends_know() {
    let exports = |number: usize, ty| {
        chain_with_resources(move |case: &mut Case| {
            case.calls.clear();
            case.shape.guests[number].export.ty.params = vec![ty];
            import(case).ty = case.shape.guests[1].export.ty.clone();
        })
    };
    for resource in [own(0), own(1), borrow(2)] {
        check("", exports(0, resource));
    }
    check("", exports(1, borrow(0)));
    check("", exports(1, own(2)));
    let why = "guest 1: export: it mentions resource 1, which guest 0 defines";
    check(why, exports(1, borrow(1)));
    let why = "guest 1: import: it mentions resource 2, which guest 1 defines";
    check(
        why,
        chain_with_resources(|case| {
            case.shape.guests[1].import.as_mut().unwrap().ty.params = vec![own(2)];
        }),
    );
    check(
        "resource 2: there is no guest 2",
        chain_with_resources(|case| {
            case.shape.resources[2] = Resource::Guest { by: 2, destructor: false };
        }),
    );
}

#[test]
fn a_guest_makes_its_own_handles_and_drops_those_that_it_knows() {
    let step = |number: usize, built_in| {
        chain_with_resources(move |case: &mut Case| {
            case.calls[0].scripts[number].function.acts.push(Act::BuiltIn(built_in));
        })
    };
    check("", step(0, BuiltInCall { which: BuiltIn::ResourceNew, of: 1, operand: 5 }));
    check("", step(1, BuiltInCall { which: BuiltIn::ResourceRep, of: 2, operand: 5 }));
    for (number, resource) in [(0, 0), (0, 1), (0, 2), (1, 0), (1, 2)] {
        check(
            "",
            step(number, BuiltInCall { which: BuiltIn::ResourceDrop, of: resource, operand: 5 }),
        );
    }
    let why = "call 0, step 1: resource 2 is not the guest's";
    check(why, step(0, BuiltInCall { which: BuiltIn::ResourceNew, of: 2, operand: 5 }));
    let why = "call 0, guest 1, step 1: resource 1 is not the guest's";
    check(why, step(1, BuiltInCall { which: BuiltIn::ResourceRep, of: 1, operand: 5 }));
    let why = "call 0, guest 1, step 1: the guest does not know resource 1";
    check(why, step(1, BuiltInCall { which: BuiltIn::ResourceDrop, of: 1, operand: 5 }));
    let destructor = |number: usize| {
        chain_with_resources(move |case: &mut Case| {
            case.shape.resources[1] = Resource::Host;
            case.calls[0].scripts[number].destructor = Turn::ending(End::Trap);
        })
    };
    check("", destructor(1));
    check("call 0: no resource of the guest has a destructor", destructor(0));
}

#[test]
fn pointers_are_as_wide_as_the_guest_s_memory() {
    let memory = |ptr_type, change: fn(&mut Case)| {
        chain(move |case: &mut Case| {
            case.shape.guests[1].ptr_type = ptr_type;
            change(case);
        })
    };
    fn answer(case: &mut Case, pointer: Pointer) {
        case.calls[0].scripts[1].realloc = vec![Turn::ending(End::Answer(pointer))];
    }
    let at = |case: &mut Case| answer(case, Pointer::At(1 << 32));
    check("", memory(PtrType::I64, at));
    let why = "call 0, guest 1: 0x100000000 exceeds 32 bits";
    check(why, memory(PtrType::I32, at));
    let end = |case: &mut Case| answer(case, Pointer::AtEnd(1 << 32));
    check(why, memory(PtrType::I32, end));
    let returned = |case: &mut Case| {
        let export = &mut case.shape.guests[1].export;
        export.ty.result = Some(Type::String);
        import(case).ty.result = Some(Type::String);
        import(case).opts = CanonOpts { post_return: false, ..case.shape.guests[0].export.opts };
        let passed = Passed::Raw { flat: vec![1 << 32], memory: Vec::new() };
        case.calls[0].scripts[1].function.end = End::Return(passed);
    };
    check("", memory(PtrType::I64, returned));
    let why = "call 0, guest 1, return: 0x100000000 exceeds 32 bits";
    check(why, memory(PtrType::I32, returned));
    let long = |case: &mut Case| {
        case.calls.clear();
        let strings = Type::FixedLengthList(Box::new(Type::String), 65_536);
        case.shape.guests[1].import.as_mut().unwrap().ty.params = vec![strings];
        case.shape.guests[1].import.as_mut().unwrap().opts.memory = true;
    };
    check("", memory(PtrType::I32, long));
    let why = "guest 1: import: param 0: 1048576 bytes of one value are more than 524288";
    check(why, memory(PtrType::I64, long));
}
