//! A real client over a simulated network: it binds with NTLM, and its calls are sealed.

use embassy_net::{Ipv4Address, Stack, tcp::TcpSocket};
use embassy_time::{Duration, Instant, TimeoutError, with_timeout};
use embedded_io_async::Write as _;
use mainspring::{
    auth::{Credentials, Policy, Provider},
    limits::FRAGMENT_MAX,
    rpc::{Binding, Client, ClientError, Level, Received, Secret},
    time::{Monotonic, Now, Timestamp},
    tsch::{self, client::Request},
};
use mainspring_embassy::entropy::Seeded;

use crate::{machine::PORT, world::forever};

/// Why a call was not answered.
pub(crate) enum Lost {
    /// The connection could not be made, or broke off.
    Connection,
    /// Nothing came.
    Silence,
    /// The server refused the login, or talks nonsense.
    Rpc(ClientError),
    /// It answered with a fault.
    Fault(u32),
}

impl std::fmt::Debug for Lost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Connection => f.write_str("the connection broke off"),
            Self::Silence => f.write_str("nothing came"),
            Self::Rpc(error) => write!(f, "{error:?}"),
            Self::Fault(fault) => write!(f, "fault {fault:#010x}"),
        }
    }
}

impl From<ClientError> for Lost {
    fn from(error: ClientError) -> Self {
        Self::Rpc(error)
    }
}

impl From<embassy_net::tcp::Error> for Lost {
    fn from(_: embassy_net::tcp::Error) -> Self {
        Self::Connection
    }
}

impl From<TimeoutError> for Lost {
    fn from(_: TimeoutError) -> Self {
        Self::Silence
    }
}

/// How long to wait for anything.
const PATIENCE: Duration = Duration::from_secs(120);

/// A connection, logged in.
pub(crate) struct Session {
    socket: TcpSocket<'static>,
    client: Client<'static>,
    entropy: Seeded,
    received: Vec<u8>,
    filled: usize,
    out: Vec<u8>,
    request: Vec<u8>,
    response: Vec<u8>,
}

/// The server's address.
pub(crate) const SERVER: (Ipv4Address, u16) = (Ipv4Address::new(10, 0, 0, 1), PORT);

/// What a client on a desk would see. Logins must not depend on its time being right.
fn now() -> Now {
    let millis = Instant::now().as_millis();
    Now { monotonic: Monotonic(millis), wall: Some(Timestamp::from_seconds(1_900_000_000)) }
}

/// A socket that is connected to the server.
pub(crate) async fn connect(stack: Stack<'static>) -> Result<TcpSocket<'static>, Lost> {
    connect_with(stack, 4096).await
}

/// The same, with room for a few bytes only of what comes.
pub(crate) async fn narrow(stack: Stack<'static>) -> Result<TcpSocket<'static>, Lost> {
    connect_with(stack, 512).await
}

async fn connect_with(stack: Stack<'static>, window: usize) -> Result<TcpSocket<'static>, Lost> {
    let (rx, tx) = (vec![0; window].leak(), forever([0; 4096]));
    let mut socket = TcpSocket::new(stack, rx, tx);
    socket.set_nagle_enabled(false);
    with_timeout(PATIENCE, socket.connect(SERVER)).await?.map_err(|_| Lost::Connection)?;
    Ok(socket)
}

impl Session {
    /// Connects and logs in.
    pub(crate) async fn open(stack: Stack<'static>, user: &'static str, password: &'static str) -> Result<Self, Lost> {
        Self::over(connect(stack).await?, user, password).await
    }

    /// Logs in over a connection.
    pub(crate) async fn over(
        socket: TcpSocket<'static>,
        user: &'static str,
        password: &'static str,
    ) -> Result<Self, Lost> {
        let secret = Secret {
            provider: Provider::Spnego,
            policy: Policy::default(),
            credentials: Credentials::new(user, "", password),
            level: Level::Privacy,
        };
        let binding = Binding { interface: tsch::INTERFACE.syntax, secret: Some(secret), fragment: FRAGMENT_MAX };
        let mut session = Self {
            socket,
            client: Client::new(binding),
            entropy: Seeded::new([9; 32]),
            received: vec![0; usize::from(FRAGMENT_MAX)],
            filled: 0,
            out: vec![0; usize::from(FRAGMENT_MAX)],
            request: vec![0; 65_536],
            response: vec![0; 65_536],
        };
        session.log_in().await?;
        Ok(session)
    }

    /// One call; `look` sees the answer.
    pub(crate) async fn call<R: Request, T>(
        &mut self,
        request: &R,
        look: impl FnOnce(R::Response<'_>) -> T,
    ) -> Result<T, Lost> {
        self.send(request).await?;
        loop {
            let came = &mut self.received[..self.filled];
            match self.client.receive(came, &mut self.response)? {
                Received::Partial => self.read().await?,
                Received::Fragment { consumed } => self.consume(consumed),
                Received::Fault { consumed, fault } => {
                    self.consume(consumed);
                    return Err(Lost::Fault(fault.0));
                }
                Received::Complete { consumed, length, order } => {
                    self.consume(consumed);
                    return Ok(look(R::read(&self.response[..length], order).expect("an answer")));
                }
            }
        }
    }

    /// The request of a call, whose answer nobody waits for.
    pub(crate) async fn send<R: Request>(&mut self, request: &R) -> Result<(), Lost> {
        let length = request.write(&mut self.request).expect("it fits");
        let mut sent = 0;
        loop {
            let stub = &self.request[..length];
            let (produced, upto) = self.client.request(R::OPNUM, None, stub, sent, &mut self.out)?;
            with_timeout(PATIENCE, self.socket.write_all(&self.out[..produced])).await??;
            sent = upto;
            if sent >= length {
                return Ok(());
            }
        }
    }

    /// The first fragment of a call of several.
    pub(crate) async fn send_some<R: Request>(&mut self, request: &R) -> Result<(), Lost> {
        let length = request.write(&mut self.request).expect("it fits");
        let (produced, upto) = self.client.request(R::OPNUM, None, &self.request[..length], 0, &mut self.out)?;
        assert!(upto < length, "the call fits one fragment");
        with_timeout(PATIENCE, self.socket.write_all(&self.out[..produced])).await??;
        Ok(())
    }

    /// Ends it in order.
    pub(crate) async fn close(mut self) {
        self.socket.close();
        let _ = with_timeout(PATIENCE, self.socket.flush()).await;
    }

    async fn log_in(&mut self) -> Result<(), Lost> {
        let produced = self.client.bind(now(), &mut self.entropy, &mut self.out)?;
        with_timeout(PATIENCE, self.socket.write_all(&self.out[..produced])).await??;
        loop {
            let came = &self.received[..self.filled];
            let leg = self.client.negotiate(now(), &mut self.entropy, came, &mut self.out)?;
            if leg.consumed == 0 {
                self.read().await?;
                continue;
            }
            self.consume(leg.consumed);
            with_timeout(PATIENCE, self.socket.write_all(&self.out[..leg.produced])).await??;
            if leg.bound {
                return Ok(());
            }
        }
    }

    async fn read(&mut self) -> Result<(), Lost> {
        match with_timeout(PATIENCE, self.socket.read(&mut self.received[self.filled..])).await?? {
            0 => Err(Lost::Connection),
            count => {
                self.filled += count;
                Ok(())
            }
        }
    }

    fn consume(&mut self, count: usize) {
        self.received.copy_within(count..self.filled, 0);
        self.filled -= count;
    }
}
