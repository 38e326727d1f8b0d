//! An instance of a replay, as values are lifted from it and lowered into it.
//! Knows nothing of traces.

use super::Replay;
use crate::arena::Id;
use crate::machine::{Options, ResourceTypes, Subtask};
use crate::{Core, Guest, Handles, Instance, NanMode, PtrType, Stop, Watch, drive};

pub struct ReplayGuest<'a, 'b> {
    pub replay: &'a mut Replay<'b>,
    pub opts: Options,
    pub resources: ResourceTypes,
    pub subtask: Option<Id<Subtask>>,
}

impl Guest for ReplayGuest<'_, '_> {
    fn memory(&self) -> &[u8] {
        self.opts.memory.map_or(&[], |memory| &self.replay.memories[memory.0].bytes)
    }

    fn memory_mut(&mut self) -> &mut [u8] {
        match self.opts.memory {
            Some(memory) => &mut self.replay.memories[memory.0].bytes,
            None => &mut [],
        }
    }

    fn realloc(&mut self, old: u64, old_size: u64, align: u64, new_size: u64) -> Result<u64, Stop> {
        let realloc = self.opts.realloc.expect("each definition with a memory has one");
        let params = &self.replay.definitions.cores[realloc.0].ty.params;
        let args = [old, old_size, align, new_size];
        let args = params.iter().zip(args).map(|(ty, arg)| Core::from_bits(*ty, arg)).collect();
        let may_leave = self.may_leave();
        self.set_may_leave(false);
        let results = drive::run_core(self.replay, realloc, args)?;
        self.set_may_leave(may_leave);
        Ok(results[0].bits())
    }

    fn lifted(&mut self) -> &mut u64 {
        &mut self.replay.lifted
    }

    fn watch(&mut self) -> &mut dyn Watch {
        &mut self.replay.observer
    }

    fn handles(&mut self) -> Option<Handles<'_>> {
        let (machine, instance) = (&mut self.replay.machine, self.opts.instance);
        Some(machine.handles(instance, instance, &self.resources, self.subtask))
    }

    fn instance(&self) -> usize {
        self.opts.instance
    }

    fn is_wide(&self) -> bool {
        self.opts.lift_lower.ptr_type == PtrType::I64
    }

    fn nan_mode(&self) -> NanMode {
        NanMode::Canonicalize
    }
}

impl Instance for ReplayGuest<'_, '_> {
    fn post_return(&mut self, results: &[Core]) -> Result<(), Stop> {
        if let Some(post_return) = self.opts.post_return {
            drive::run_post_return(self.replay, post_return, results.to_vec())?;
        }
        Ok(())
    }

    fn may_leave(&self) -> bool {
        self.replay.machine.instances[self.opts.instance].may_leave
    }

    fn set_may_leave(&mut self, may_leave: bool) {
        self.replay.machine.instances[self.opts.instance].may_leave = may_leave;
    }
}
