//! Connections over `embassy-net`: one future for each socket.
//!
//! `embassy-net` has no listeners: each socket waits for a connection of its own, and while all are taken a further client
//! is refused by the stack (RST) and may try again. So a firmware spawns as many [`serve_socket`]s as there shall be
//! connections at once, for each port that it listens on.
//!
//! A connection ends when its peer closes it, when the core says so (a rule was broken, nothing came for too long, or every
//! place is taken and nobody has logged in on it, see [`limits`](mainspring::limits)), when the peer takes no bytes for
//! [`WRITE_TIME`], or when it does not answer the stack's probes for [`PROBE_TIME`], because it is gone. The socket then
//! waits for the next one.
//!
//! The memory of a socket is lent by the firmware: a [`SocketMemory`], or slices.

use core::{
    cell::{Cell, RefCell},
    future::{pending, poll_fn},
    pin::pin,
    task::Poll,
};

use embassy_futures::{
    poll_once,
    select::{Either, select},
};
use embassy_net::{
    Stack,
    tcp::{Error, State, TcpSocket, TcpWriter},
};
use embassy_sync::waitqueue::WakerRegistration;
use embassy_time::{Duration, Timer, with_timeout};
use embedded_io_async::{ErrorType, Write};
use mainspring::{
    scheduler::{Arrival, ConnectionId, Endpoint},
    serve::{self, Ended},
};

use crate::{host::Host, log::Told};

/// How long bytes that a peer does not take are offered to it.
pub const WRITE_TIME: Duration = Duration::from_secs(20);

/// How long a peer may be silent before the stack asks whether it is still there.
const PROBE_AFTER: Duration = Duration::from_secs(10);

/// After how long without any answer a peer is taken to be gone.
pub const PROBE_TIME: Duration = Duration::from_secs(40);

/// How long a peer may take to finish the handshake of a connection that it asked for.
const HANDSHAKE_TIME: Duration = Duration::from_secs(10);

/// How long a connection that ends in order may take for that.
const CLOSE_TIME: Duration = Duration::from_secs(2);

/// How long a reset may take to be sent: the stack may have to find the peer's hardware address first.
const RESET_TIME: Duration = Duration::from_millis(200);

/// How long to wait when the core has no room for a connection that a socket accepted.
const PAUSE: Duration = Duration::from_millis(50);

/// What a socket listens for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listener {
    /// The port.
    pub port: u16,
    /// What is served there.
    pub endpoint: Endpoint,
}

impl Listener {
    /// The scheduler's own port.
    #[must_use]
    pub const fn services(port: u16) -> Self {
        Self { port, endpoint: Endpoint::Services }
    }

    /// The endpoint mapper's port, which clients expect to be 135.
    #[must_use]
    pub const fn mapper(port: u16) -> Self {
        Self { port, endpoint: Endpoint::Mapper }
    }
}

/// Tells the future that serves a connection to end, and what it has to know of it.
#[derive(Debug)]
pub struct Closing {
    /// Which connection is to be closed.
    connection: Cell<Option<ConnectionId>>,
    waker: RefCell<WakerRegistration>,
}

impl Closing {
    /// Nothing is to be closed.
    #[must_use]
    pub const fn new() -> Self {
        Self { connection: Cell::new(None), waker: RefCell::new(WakerRegistration::new()) }
    }

    pub(crate) fn close(&self, connection: ConnectionId) {
        self.connection.set(Some(connection));
        self.waker.borrow_mut().wake();
    }

    /// Waits until that connection is to be closed.
    async fn wait(&self, connection: ConnectionId) {
        poll_fn(|cx| {
            if self.connection.get() == Some(connection) {
                return Poll::Ready(());
            }
            self.waker.borrow_mut().register(cx.waker());
            Poll::Pending
        })
        .await;
    }
}

impl Default for Closing {
    fn default() -> Self {
        Self::new()
    }
}

/// The memory of one socket: what the stack keeps of what came and of what is to be sent, and room for one fragment each
/// way.
///
/// `FRAGMENT` is at least the longest fragment of the scheduler's configuration. A longer `TX` than a fragment wins nothing;
/// a shorter one and a short `RX` cost round trips.
#[derive(Debug)]
pub struct SocketMemory<const RX: usize, const TX: usize, const FRAGMENT: usize> {
    rx: [u8; RX],
    tx: [u8; TX],
    received: [u8; FRAGMENT],
    reply: [u8; FRAGMENT],
}

impl<const RX: usize, const TX: usize, const FRAGMENT: usize> SocketMemory<RX, TX, FRAGMENT> {
    /// Memory that nobody has used.
    #[must_use]
    pub const fn new() -> Self {
        Self { rx: [0; RX], tx: [0; TX], received: [0; FRAGMENT], reply: [0; FRAGMENT] }
    }

    /// As a socket wants it.
    pub fn lend(&mut self) -> Buffers<'_> {
        Buffers { rx: &mut self.rx, tx: &mut self.tx, received: &mut self.received, reply: &mut self.reply }
    }
}

impl<const RX: usize, const TX: usize, const FRAGMENT: usize> Default for SocketMemory<RX, TX, FRAGMENT> {
    fn default() -> Self {
        Self::new()
    }
}

/// The memory of one socket, lent.
#[derive(Debug)]
pub struct Buffers<'b> {
    /// What came, until it is looked at; the stack tells the peer how much room is left.
    pub rx: &'b mut [u8],
    /// What is to be sent, until the peer has it.
    pub tx: &'b mut [u8],
    /// Room for the fragment that is coming in.
    pub received: &'b mut [u8],
    /// Room for the fragment that goes out.
    pub reply: &'b mut [u8],
}

/// Accepts and serves connections with one socket, one after another; for ever.
pub async fn serve_socket(host: &Host<'_>, stack: Stack<'_>, listener: Listener, buffers: Buffers<'_>) -> ! {
    let Buffers { rx, tx, received, reply } = buffers;
    let mut socket = TcpSocket::new(stack, rx, tx);
    let mut told = false;
    loop {
        // A segment of a reply that is not full is not held back for the acknowledgement of the one before.
        socket.set_nagle_enabled(false);
        socket.set_keep_alive(Some(PROBE_AFTER));
        // Whoever does not finish the handshake is in the way of those who would.
        socket.set_timeout(Some(HANDSHAKE_TIME));
        let accepted = {
            let mut accepting = pin!(socket.accept(listener.port));
            // What refuses to listen says so at once.
            match poll_once(accepting.as_mut()) {
                Poll::Ready(accepted) => accepted.is_ok(),
                Poll::Pending => {
                    if !told {
                        host.tell(&Told::Listening { port: listener.port });
                        told = true;
                    }
                    accepting.await.is_ok()
                }
            }
        };
        socket.set_timeout(Some(PROBE_TIME));
        if accepted && let (Some(local), Some(remote)) = (socket.local_endpoint(), socket.remote_endpoint()) {
            let arrival = Arrival { endpoint: listener.endpoint, local: local.into(), remote: remote.into() };
            if serve_one(host, &mut socket, &arrival, received, reply).await == Manner::InOrder {
                close(&mut socket).await;
            }
        } else {
            Timer::after(PAUSE).await;
        }
        reset(&mut socket).await;
    }
}

/// How a connection is to be ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    /// What was written still goes out, then both sides say that they have finished.
    InOrder,
    /// At once.
    Reset,
}

/// Serves one connection to its end.
async fn serve_one(
    host: &Host<'_>,
    socket: &mut TcpSocket<'_>,
    arrival: &Arrival,
    received: &mut [u8],
    reply: &mut [u8],
) -> Manner {
    let mut association = None;
    let (Ok(connection), Some(association)) = (host.accept(arrival, &mut association), &mut association) else {
        Timer::after(PAUSE).await;
        return Manner::Reset;
    };
    host.tell(&Told::Connected { connection: connection.0, remote: arrival.remote });
    let (reader, writer) = socket.split();
    let writer = Impatient(writer);
    let serving = serve::serve(host, connection, association, received, reply, reader, writer);
    let closed = async {
        match host.closing(connection) {
            Some(closing) => closing.wait(connection).await,
            None => pending().await,
        }
    };
    match select(serving, closed).await {
        Either::First(Ended::Stream) => {
            host.tell(&Told::BrokenOff { connection: connection.0 });
            Manner::Reset
        }
        // What the core answered before it closed, a fault for example, still goes out.
        Either::First(Ended::ByPeer | Ended::ByServer) | Either::Second(()) => Manner::InOrder,
    }
}

/// Sends what is left, says that there is no more, and waits until the peer says so too.
async fn close(socket: &mut TcpSocket<'_>) {
    socket.close();
    let finished = async {
        let _ = socket.flush().await;
        // The peer's end of stream; what else it sends is of no interest.
        let mut rest = [0; 64];
        while let Ok(1..) = socket.read(&mut rest).await {}
    };
    let _ = with_timeout(CLOSE_TIME, finished).await;
}

/// Makes a socket ready for the next connection. One that did not end in order is reset, so that the peer hears of it.
async fn reset(socket: &mut TcpSocket<'_>) {
    if !matches!(socket.state(), State::Closed | State::TimeWait) {
        socket.abort();
        let _ = with_timeout(RESET_TIME, socket.flush()).await;
    }
}

/// A writer that gives up on a peer that takes nothing for [`WRITE_TIME`].
struct Impatient<'s>(TcpWriter<'s>);

impl ErrorType for Impatient<'_> {
    type Error = Error;
}

impl Write for Impatient<'_> {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, Self::Error> {
        let written = with_timeout(WRITE_TIME, self.0.write(bytes)).await;
        written.unwrap_or(Err(Error::ConnectionReset))
    }

    async fn flush(&mut self) -> Result<(), Self::Error> {
        self.0.flush().await
    }
}
