//! The adapter between a byte stream and an association; the only room that sees a stream.
//!
//! It reads until [`Scheduler::exchange`] has something to answer, writes the answer, and goes on. It reads nothing while it
//! writes, so a peer that does not take its answers is not given more work. It holds no clock: when a connection has been
//! silent for too long, the scheduler says [`Output::Close`](crate::scheduler::Output::Close) and the host drops the future.

use embedded_io_async::{Read, Write};

use crate::{
    ports::Ports,
    rpc::{Association, Step},
    scheduler::{ConnectionId, Scheduler},
    time::{Now, zone::Zone},
};

/// Lends the scheduler for as long as one call takes.
///
/// An implementation
/// - MUST call `borrow` exactly once before it returns;
/// - MUST drain [`Scheduler::output`] after it, at once or soon;
/// - MUST NOT drop a future of [`serve`] while it lends.
pub trait Host {
    /// Calls `borrow` with the scheduler, the time, the zone and the ports.
    fn lend(&self, borrow: &mut dyn FnMut(&mut Scheduler<'_>, Now, &Zone<'_>, &mut Ports<'_>));

    /// Waits for as long as what a step made is to be held back, because of logins that failed; `false` if the connection
    /// is to be closed instead. Meanwhile nothing more is read from it. By default nothing is held back.
    fn hold(&self, connection: ConnectionId, step: &Step) -> impl Future<Output = bool> {
        let _ = (connection, step);
        core::future::ready(true)
    }
}

/// Why [`serve`] returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The peer closed the connection.
    ByPeer,
    /// The scheduler closed it, and has told why as an event.
    ByServer,
    /// The stream failed.
    Stream,
}

/// Tells the scheduler that the connection is gone, also when the future is dropped half way.
struct Gone<'h, H: Host> {
    host: &'h H,
    connection: ConnectionId,
}

impl<H: Host> Drop for Gone<'_, H> {
    fn drop(&mut self) {
        self.host.lend(&mut |scheduler, _, _, _| scheduler.closed(self.connection));
    }
}

/// Serves one accepted connection until it ends.
///
/// `received` and `reply` are room for one fragment each, at least as long as
/// [`Config::fragment`](crate::scheduler::Config::fragment) says; what they hold at first does not matter. The scheduler forgets the connection when this returns or is dropped.
pub async fn serve<H: Host>(
    host: &H,
    connection: ConnectionId,
    association: &mut Association,
    received: &mut [u8],
    reply: &mut [u8],
    mut reader: impl Read,
    mut writer: impl Write,
) -> Ended {
    let _gone = Gone { host, connection };
    let mut filled = 0;
    loop {
        let count = match reader.read(received.get_mut(filled..).unwrap_or_default()).await {
            Ok(0) => return Ended::ByPeer,
            Ok(count) => count,
            Err(_) => return Ended::Stream,
        };
        filled += count;
        loop {
            let mut step = None;
            host.lend(&mut |scheduler, now, zone, ports| {
                let came = received.get_mut(..filled).unwrap_or_default();
                step = Some(scheduler.exchange(now, zone, connection, association, came, reply, ports));
            });
            let Some(step) = step else { return Ended::ByServer };
            if !host.hold(connection, &step).await {
                return Ended::ByServer;
            }
            if step.produced > 0 && writer.write_all(reply.get(..step.produced).unwrap_or_default()).await.is_err() {
                return Ended::Stream;
            }
            if step.close.is_some() {
                return Ended::ByServer;
            }
            let consumed = step.consumed.min(filled);
            received.copy_within(consumed..filled, 0);
            filled -= consumed;
            if !step.more {
                break;
            }
        }
    }
}
