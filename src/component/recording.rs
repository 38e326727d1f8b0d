//! What core code of one instance was called with and what it did, as its caller shows it: enough to have
//! it do the same elsewhere.
//! Knows nothing of what is lifted and lowered meanwhile.

use std::collections::BTreeMap;
use std::sync::Arc;

use canonical_abi::Core;
use wasmi::StoreContextMut;

use super::state::State;

/// The memories of an instance, by the names under which core code exports them.
pub type Memories = BTreeMap<Arc<str>, Arc<Vec<u8>>>;

/// All of one instance.
#[derive(Clone, Debug)]
pub struct Recording {
    pub instance: usize,
    pub events: Vec<Event>,
    /// As they were last.
    memories: Memories,
}

/// Calls into core code and out of it, within one another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A core function was called, under the name that it is exported by, with the memories like this.
    Called { name: String, args: Vec<Core>, memories: Memories },
    /// It came back, or trapped.
    Returned { results: Option<Vec<Core>>, memories: Memories },
    /// It called the lowered function or built-in of this number, in the order of definitions.
    Out { number: usize, args: Vec<Core> },
    /// That came back, or trapped, with the memories like this.
    Back { results: Option<Vec<Core>>, memories: Memories },
}

impl Recording {
    pub fn of(instance: usize) -> Recording {
        Recording { instance, events: Vec::new(), memories: Memories::new() }
    }

    /// The memories as they are now. What has not changed is not kept twice.
    pub fn memories<'a>(
        &mut self,
        now: impl IntoIterator<Item = (&'a Arc<str>, &'a [u8])>,
    ) -> Memories {
        for (name, memory) in now {
            let same = self.memories.get(name).is_some_and(|known| known.as_slice() == memory);
            if !same {
                self.memories.insert(name.clone(), Arc::new(memory.to_vec()));
            }
        }
        self.memories.clone()
    }
}

/// Notes an event of an instance, if someone wants to know. It is told what the memories are.
pub fn record<T>(
    store: &mut StoreContextMut<'_, State<T>>,
    instance: usize,
    event: impl FnOnce(&State<T>, Memories) -> Event,
) {
    let wanted = |recording: &Recording| recording.instance == instance;
    if !store.data().recording.as_ref().is_some_and(wanted) {
        return;
    }
    let Some(mut recording) = store.data_mut().recording.take() else {
        return;
    };
    let memories = store.data().guests[instance].memories.clone();
    let now = memories.iter().map(|(name, memory)| (name, memory.data(&*store)));
    let memories = recording.memories(now);
    recording.events.push(event(store.data(), memories));
    store.data_mut().recording = Some(recording);
}
