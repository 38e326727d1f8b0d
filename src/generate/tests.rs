use super::*;
use crate::case::check::check;
use crate::encode::script::{guest_data, script};

fn all() -> BTreeSet<Feature> {
    BTreeSet::from([Feature::Map, Feature::FixedLengthList])
}

#[track_caller]
fn check_valid(case: &Case) {
    assert_eq!(check(case, &Limits::CASE), Ok(()), "{case:#?}");
    for (index, call) in case.calls.iter().enumerate() {
        let data = guest_data(&case.shape, call).expect("it fits");
        script(call, &data, index == 0).expect("it fits");
    }
}

#[test]
fn streamed_cases_are_valid() {
    let mut stream = Stream::new(7, all(), Limits::CASE);
    for _ in 0..2000 {
        check_valid(&stream.next_case());
    }
}

#[test]
fn the_same_seed_gives_the_same_cases() {
    let mut streams = [0; 2].map(|seed| Stream::new(seed, all(), Limits::CASE));
    for _ in 0..200 {
        let [a, b] = streams.each_mut().map(Stream::next_case);
        assert_eq!(a, b);
    }
}

#[test]
fn mutation_keeps_cases_valid() {
    let mut stream = Stream::new(1, all(), Limits::CASE);
    for seed in 0..200 {
        let mut case = stream.next_case();
        for step in 0..50 {
            let before = case.clone();
            let changed = mutate(&mut case, seed * 50 + step, &all(), &Limits::CASE, false);
            assert_eq!(changed, before != case);
            check_valid(&case);
        }
    }
}

#[test]
fn shrinking_ends_small() {
    let mut stream = Stream::new(2, all(), Limits::CASE);
    for seed in 0..50 {
        let mut case = stream.next_case();
        let mut size = mutate::size(&case);
        let mut step = 0;
        while mutate(&mut case, seed * 1000 + step, &all(), &Limits::CASE, true) {
            check_valid(&case);
            assert!(mutate::size(&case) < size);
            size = mutate::size(&case);
            step += 1;
        }
        assert!(size <= (20, 100), "{size:?} {case:#?}");
    }
}

#[test]
fn crossing_keeps_cases_valid() {
    let mut stream = Stream::new(3, all(), Limits::CASE);
    let cases: Vec<Case> = (0..400).map(|_| stream.next_case()).collect();
    for (seed, pair) in (0..).zip(cases.windows(30)) {
        check_valid(&crossover(&pair[0], &pair[29], seed));
    }
}
