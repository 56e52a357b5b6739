//! What tasks may run on this firmware.

use embassy_futures::select::{Either, select};
use embassy_time::{Duration, Timer};
use mainspring::status::Status;
use mainspring_embassy::{actions, actions::Call};

use crate::{note, stack};

/// A demonstration has nothing to switch: what it does it does with words and time.
pub(crate) struct Demo;

impl Demo {
    /// `log WORDS…` writes its arguments to the log, with the time.
    async fn log(&self, call: &Call<'_>) -> Status {
        note::write(call.now().wall, call.arguments());
        Status::S_OK
    }

    /// `sleep SECONDS`; when it is asked to stop it does, and fails.
    async fn sleep(&self, call: &Call<'_>) -> Status {
        let Some(seconds) = call.words().next().and_then(|word| word.parse::<u32>().ok()) else {
            return Status::E_INVALIDARG;
        };
        match select(Timer::after(Duration::from_secs(seconds.into())), call.stopped()).await {
            Either::First(()) => Status::S_OK,
            Either::Second(()) => Status::SCHED_S_TASK_TERMINATED,
        }
    }

    /// `fail CODE` ends with that code.
    async fn fail(&self, call: &Call<'_>) -> Status {
        call.words().next().and_then(|word| word.parse().ok()).map_or(Status::E_INVALIDARG, Status)
    }

    /// `memory` writes to the log how deep the stack ever was.
    async fn memory(&self, _: &Call<'_>) -> Status {
        let (size, used) = stack::used();
        defmt::info!("stack: {=usize} of {=usize} bytes", used, size);
        Status::S_OK
    }
}

actions! {
    Demo {
        exec "log" => Demo::log,
        exec "sleep" => Demo::sleep,
        exec "fail" => Demo::fail,
        exec "memory" => Demo::memory,
    }
}
