//! Listening: takes connections in and serves each in a future of its own.

use std::{io, net::SocketAddr, rc::Rc, time::Duration};

use embedded_io_adapters::tokio_1::FromTokio;
use mainspring::{
    limits::FRAGMENT_MAX,
    scheduler::{Arrival, Endpoint},
    serve,
};
use tokio::net::{TcpListener, TcpStream};

use super::host::Host;
use crate::clock::Delay;

/// How long bytes that a peer does not take are offered to it, in milliseconds; then the kernel breaks the connection
/// off. So a peer that stops reading costs no timer here. The kernel looks when it offers them again, at ever longer
/// intervals: it may take twice as long.
const WRITE_TIME: u32 = 20_000;

/// How long to wait when there are no descriptors left, which somebody has to close first.
const PAUSE: Duration = Duration::from_millis(100);

/// Connections that may wait to be accepted.
const BACKLOG: u32 = 1024;

/// Listens at an address; port 0 picks a free one.
pub(super) fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { tokio::net::TcpSocket::new_v4() } else { tokio::net::TcpSocket::new_v6() }?;
    // A server that is started again gets its port at once, though connections of the last one linger.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Takes connections in, for ever. `delay` is made beforehand, because it is needed when nothing can be made.
pub(super) async fn listen(host: Rc<Host>, listener: TcpListener, mut delay: Delay, endpoint: Endpoint) {
    let mut short = false;
    loop {
        match listener.accept().await {
            Ok((stream, remote)) => {
                short = false;
                take_in(&host, stream, remote, endpoint);
            }
            // The peer has changed its mind.
            Err(error) if matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::Interrupted) => {}
            Err(error) => {
                if !short {
                    tracing::error!(%error, "no connection can be accepted");
                }
                short = true;
                delay.wait(PAUSE).await;
            }
        }
    }
}

fn take_in(host: &Rc<Host>, stream: TcpStream, remote: SocketAddr, endpoint: Endpoint) {
    let prepared = stream
        .set_nodelay(true)
        .and_then(|()| rustix::net::sockopt::set_tcp_user_timeout(&stream, WRITE_TIME).map_err(io::Error::from))
        .and_then(|()| stream.local_addr());
    let local = match prepared {
        Ok(local) => local,
        Err(error) => {
            tracing::debug!(%remote, %error, "a connection broke off at once");
            return;
        }
    };
    let Ok((connection, mut association)) = host.accept(&Arrival { endpoint, local, remote }) else { return };
    tracing::debug!(connection = connection.0, %remote, "connected");
    let serving = tokio::task::spawn_local({
        let host = Rc::clone(host);
        async move {
            let mut stream = stream;
            let mut received = vec![0; usize::from(FRAGMENT_MAX)];
            let mut reply = vec![0; usize::from(FRAGMENT_MAX)];
            let (reader, writer) = stream.split();
            serve::serve(
                &*host,
                connection,
                &mut association,
                &mut received,
                &mut reply,
                FromTokio::new(reader),
                FromTokio::new(writer),
            )
            .await;
            host.served(connection);
        }
    });
    host.serving(connection, serving.abort_handle());
}
