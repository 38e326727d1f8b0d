//! Less of each value, and fewer bytes.
//! Knows the values by their types; numbers are another pass.

use std::ops::Range;

use super::one::{Cut, ranges};
use crate::case::parts::TypedMut;
use crate::case::{Case, Chunk};
use crate::generate::mutate::values::{count, node, sites};
use crate::generate::values::least;
use crate::types::Type;
use crate::value::Value;

/// The least value of a type, fewer elements, fewer characters.
pub fn values(case: &Case) -> Vec<Cut> {
    let mut copy = case.clone();
    let mut cuts = vec![Cut::new(|case| {
        sites(&case.shape, &mut case.calls).into_iter().for_each(|(value, ty)| *value = least(ty));
    })];
    for (site, (value, ty)) in sites(&copy.shape, &mut copy.calls).into_iter().enumerate() {
        for number in 0..count(value) {
            let Some((value, ty)) = node(value, ty, &mut { number }) else { continue };
            if *value == least(ty) {
                continue;
            }
            cuts.push(at(site, number, |value, ty| *value = least(ty)));
            let fewer = ranges(length(value, ty)).into_iter();
            cuts.extend(
                fewer.map(|range| at(site, number, move |value, _| shorten(value, &range))),
            );
        }
    }
    cuts
}

/// Takes away these elements or characters.
fn shorten(value: &mut Value, range: &Range<usize>) {
    if let Value::List(values) = value {
        values.drain(range.clone());
    } else if let Value::String(text) = value {
        let kept = text.text.chars().enumerate();
        let kept = kept.filter(|(position, _)| !range.contains(position));
        text.text = kept.map(|(_, c)| c).collect();
    }
}

/// Changes the part of this number of the value at this site.
fn at(site: usize, number: usize, change: impl Fn(&mut Value, &Type) + 'static) -> Cut {
    Cut::new(move |case| {
        let mut sites: Vec<TypedMut> = sites(&case.shape, &mut case.calls);
        let (value, ty) = sites.swap_remove(site);
        if let Some((value, ty)) = node(value, ty, &mut { number }) {
            change(value, ty);
        }
    })
}

/// Of how many elements or characters a value may have fewer.
fn length(value: &Value, ty: &Type) -> usize {
    match (value, ty) {
        (Value::List(values), Type::List(_) | Type::Map(..)) => values.len(),
        (Value::String(text), _) => text.text.chars().count(),
        (_, _) => 0,
    }
}

/// Patches and chunks that begin later or end earlier.
pub fn bytes(case: &Case) -> Vec<Cut> {
    let mut lengths = Vec::new();
    each_chunk(&mut case.clone(), &mut |_, chunk| lengths.push(chunk.bytes.len()));
    let mut cuts = Vec::new();
    for (wanted, length) in lengths.into_iter().enumerate() {
        for range in ranges(length).into_iter().filter(|range| range.len() < length) {
            if range.start != 0 && range.end != length {
                continue;
            }
            cuts.push(Cut::new(move |case| {
                each_chunk(case, &mut |number, chunk| {
                    if number == wanted {
                        chunk.bytes.drain(range.clone());
                        if range.start == 0 {
                            chunk.at += u32::try_from(range.len()).expect("chunks are short");
                        }
                    }
                });
            }));
        }
    }
    cuts
}

/// Every chunk, and every patch that is one, by number.
fn each_chunk(case: &mut Case, change: &mut dyn FnMut(usize, &mut Chunk)) {
    let mut number = 0;
    for script in case.calls.iter_mut().flat_map(|call| &mut call.scripts) {
        for chunk in script.passed_mut().flat_map(|(_, passed)| passed.chunks_mut()) {
            change(number, chunk);
            number += 1;
        }
    }
}
