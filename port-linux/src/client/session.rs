//! One logged-in connection to a server: blocking, one call at a time, sealed.

use std::{
    io::{self, Read, Write},
    net::{TcpStream, ToSocketAddrs},
    time::Duration,
};

use mainspring::{
    auth::{Credentials, Policy, Provider},
    bytes::Full,
    limits::{FRAGMENT_MAX, XML_UNITS},
    ndr::DecodeError,
    rpc::{Binding, Client, ClientError, Fault, Interface, Level, Received, Secret},
    tsch::client::Request,
};

use crate::{clock::now, entropy::Kernel};

/// How long to wait for a connection to be made.
const CONNECT_TIME: Duration = Duration::from_secs(10);

/// How long to wait for an answer.
const ANSWER_TIME: Duration = Duration::from_secs(60);

/// Bytes of the longest stub either way: a task XML, and what a call has beside it.
const STUB: usize = 2 * XML_UNITS + 64 * 1024;

/// Why a call gave no answer.
#[derive(Debug)]
pub enum CallError {
    /// The server cannot be reached, or went away.
    Io(io::Error),
    /// The server's bytes are not those of the protocol, or the login was refused.
    Rpc(ClientError),
    /// The server could not carry the call out.
    Fault(Fault),
    /// The answer is not what the method answers.
    Unreadable(DecodeError),
    /// The request is longer than a request may be.
    TooLong(Full),
}

impl std::fmt::Display for CallError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::Rpc(ClientError::Denied(Fault::ACCESS_DENIED)) => {
                f.write_str("the user name is unknown or the password is wrong")
            }
            Self::Rpc(error) => error.fmt(f),
            Self::Fault(Fault(status)) => write!(f, "the server answered with fault 0x{status:08X}"),
            Self::Unreadable(error) => write!(f, "the answer cannot be read: {error}"),
            Self::TooLong(full) => write!(f, "the request is too long: {full}"),
        }
    }
}

impl std::error::Error for CallError {}

impl From<io::Error> for CallError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<ClientError> for CallError {
    fn from(error: ClientError) -> Self {
        Self::Rpc(error)
    }
}

/// A connection that is logged in and bound to one interface, at packet privacy.
pub struct Session<'c> {
    stream: TcpStream,
    client: Client<'c>,
    received: Vec<u8>,
    filled: usize,
    out: Vec<u8>,
    request: Vec<u8>,
    response: Vec<u8>,
}

impl std::fmt::Debug for Session<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("stream", &self.stream).finish_non_exhaustive()
    }
}

impl<'c> Session<'c> {
    /// Connects to the server at `address`, a name or number and a port, and logs in.
    ///
    /// # Errors
    /// [`CallError`] if the server cannot be reached or refuses the login.
    pub fn open(address: &str, interface: &Interface, credentials: Credentials<'c>) -> Result<Self, CallError> {
        let stream = connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(ANSWER_TIME))?;
        stream.set_write_timeout(Some(ANSWER_TIME))?;
        let secret =
            Secret { provider: Provider::Spnego, policy: Policy::default(), credentials, level: Level::Privacy };
        let binding = Binding { interface: interface.syntax, secret: Some(secret), fragment: FRAGMENT_MAX };
        let mut session = Self {
            stream,
            client: Client::new(binding),
            received: vec![0; usize::from(FRAGMENT_MAX)],
            filled: 0,
            out: vec![0; usize::from(FRAGMENT_MAX)],
            request: vec![0; STUB],
            response: vec![0; STUB],
        };
        session.log_in()?;
        Ok(session)
    }

    /// Makes one call and waits for its answer.
    ///
    /// # Errors
    /// [`CallError`]; after any but a fault or an unreadable answer the session is of no use any more.
    pub fn call<R: Request>(&mut self, request: &R) -> Result<R::Response<'_>, CallError> {
        let length = request.write(&mut self.request).map_err(CallError::TooLong)?;
        let mut sent = 0;
        loop {
            let stub = self.request.get(..length).unwrap_or_default();
            let (produced, upto) = self.client.request(R::OPNUM, None, stub, sent, &mut self.out)?;
            self.stream.write_all(self.out.get(..produced).unwrap_or_default())?;
            sent = upto;
            if sent >= length {
                break;
            }
        }
        loop {
            let came = self.received.get_mut(..self.filled).unwrap_or_default();
            match self.client.receive(came, &mut self.response)? {
                Received::Partial => self.read()?,
                Received::Fragment { consumed } => self.consume(consumed),
                Received::Fault { consumed, fault } => {
                    self.consume(consumed);
                    return Err(CallError::Fault(fault));
                }
                Received::Complete { consumed, length, order } => {
                    self.consume(consumed);
                    let stub = self.response.get(..length).unwrap_or_default();
                    return R::read(stub, order).map_err(CallError::Unreadable);
                }
            }
        }
    }

    fn log_in(&mut self) -> Result<(), CallError> {
        let produced = self.client.bind(now(), &mut Kernel, &mut self.out)?;
        self.stream.write_all(self.out.get(..produced).unwrap_or_default())?;
        loop {
            let came = self.received.get(..self.filled).unwrap_or_default();
            let leg = self.client.negotiate(now(), &mut Kernel, came, &mut self.out)?;
            if leg.consumed == 0 {
                self.read()?;
                continue;
            }
            self.consume(leg.consumed);
            self.stream.write_all(self.out.get(..leg.produced).unwrap_or_default())?;
            if leg.bound {
                return Ok(());
            }
        }
    }

    fn read(&mut self) -> io::Result<()> {
        let room = self.received.get_mut(self.filled..).unwrap_or_default();
        match self.stream.read(room) {
            Ok(0) => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the server closed the connection")),
            Ok(count) => {
                self.filled += count;
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                Err(io::Error::new(io::ErrorKind::TimedOut, "the server does not answer"))
            }
            Err(error) => Err(error),
        }
    }

    fn consume(&mut self, count: usize) {
        let count = count.min(self.filled);
        self.received.copy_within(count..self.filled, 0);
        self.filled -= count;
    }
}

fn connect(address: &str) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in address.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, CONNECT_TIME) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}
