//! One cut: what it changes, what is repaired after it, and whether the case is smaller then.
//! Knows no pass.

use std::ops::Range;
use std::rc::Rc;

use arbitrary::Unstructured;

use super::aim::{Aim, move_patches};
use crate::case::allowed::Allowed;
use crate::case::{Case, Limits};
use crate::generate::mutate::bounds::valid;
use crate::generate::mutate::repair::repair;
use crate::generate::mutate::size::size;

/// A change that may make a case smaller. What no longer fits is repaired after it.
#[derive(Clone)]
pub struct Cut {
    change: Rc<dyn Fn(&mut Case)>,
    /// What becomes of damage to data that moves.
    aim: Aim,
    /// So many scripted actions of each `realloc` are for calls that are not made any more.
    skip: usize,
}

impl Cut {
    pub fn new(change: impl Fn(&mut Case) + 'static) -> Cut {
        Cut { change: Rc::new(change), aim: Aim::Stay, skip: 0 }
    }

    /// Its change, after which damage to data moves like this.
    pub fn aimed(&self, aim: Aim) -> Cut {
        Cut { aim, ..self.clone() }
    }

    /// Its change, after which so many actions of each `realloc` go.
    pub fn skipping(&self, skip: usize) -> Cut {
        Cut { skip, ..self.clone() }
    }

    /// The case after it, if that is valid and smaller.
    pub fn of(&self, case: &Case, allowed: &Allowed, limits: &Limits) -> Option<Case> {
        let mut next = case.clone();
        (self.change)(&mut next);
        for script in next.calls.iter_mut().flat_map(|call| &mut call.scripts) {
            script.realloc.drain(..self.skip.min(script.realloc.len()));
        }
        // Without bytes, all that repair draws is the least.
        repair(&mut Unstructured::new(&[]), &mut next, allowed, limits).ok()?;
        if self.aim != Aim::Stay {
            move_patches(case, &mut next, self.aim);
        }
        (size(&next) < size(case) && valid(&next, limits)).then_some(next)
    }
}

/// What can be taken away of so many: all, then halves, quarters and so on down to each alone; of those of
/// one length the last first.
pub fn ranges(count: usize) -> Vec<Range<usize>> {
    let mut ranges = Vec::new();
    let mut length = count;
    while length > 0 {
        let starts = (0..count).step_by(length).collect::<Vec<_>>();
        let of_length = starts.into_iter().rev().map(|start| start..count.min(start + length));
        ranges.extend(of_length);
        length /= 2;
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_goes_first_and_then_less() {
        assert_eq!(ranges(0), []);
        assert_eq!(ranges(2), [0..2, 1..2, 0..1]);
        assert_eq!(ranges(3), [0..3, 2..3, 1..2, 0..1]);
        assert_eq!(ranges(4), [0..4, 2..4, 0..2, 3..4, 2..3, 1..2, 0..1]);
    }
}
