//! Fresh cases, and changes to cases: all chance is here.
//! Knows no engine and no outcome; what it makes is valid, not what it will show.

mod choices;
mod weights;

mod acts;
mod asyncs;
mod calls;
mod damage;
mod guest;
mod handles;
mod labels;
mod misuses;
mod noise;
mod options;
mod paths;
mod places;
mod realloc;
mod shapes;
mod strings;
mod types;
mod values;

mod fresh;
mod mutate;
mod stream;

mod draw;
mod draws;

#[cfg(test)]
mod tests;

pub use draws::Draws;
pub use fresh::case;
pub use mutate::cut::{Cut, PASSES, Pass};
pub use mutate::{Size, crossover, mutate, shrink, size};
pub use stream::Stream;
