//! Whether nobody listens at any of some addresses, as their machines say themselves.
//!
//! A closed UDP port answers a datagram with an ICMP message, of which the network library says nothing: it would call
//! until its time is over. So one byte goes ahead from a socket of its own; no program takes it for anything. What comes
//! back decides nothing but the end of a wait, and only when every address refuses. Silence says nothing.
//!
//! Where this machine itself cannot send to an address, because it has no way there or no socket left, it says so here
//! and not to the network library either: that is told as what it is, and not as somebody else's silence.

use std::{
    future::{pending, poll_fn},
    io::{self, ErrorKind},
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    pin::{Pin, pin},
    task::Poll,
    time::Duration,
};

use tokio::{
    net::UdpSocket,
    time::{sleep, timeout},
};

/// How long an answer is waited for before another byte is sent.
const ASK_AGAIN: Duration = Duration::from_secs(1);
/// How long a connection may still come about though this machine could not send: its own sockets are other ones.
const LOCAL_PATIENCE: Duration = Duration::from_secs(5);

/// Is ready when nobody can be reached at any of `addresses`: each has refused, or this machine cannot send to it; never
/// when one has not, or when there is none. Gives what this machine says, if it is that.
pub(super) async fn all_refuse(addresses: &[SocketAddr]) -> Option<io::Error> {
    let mut probes: Vec<Pin<Box<_>>> = addresses.iter().map(|address| Box::pin(refuses(*address))).collect();
    if probes.is_empty() {
        return pending().await;
    }
    let mut own = None;
    let mut all = pin!(poll_fn(|context| {
        probes.retain_mut(|probe| match probe.as_mut().poll(context) {
            Poll::Ready(Ok(())) => false,
            Poll::Ready(Err(error)) => {
                own = Some(error);
                false
            }
            Poll::Pending => true,
        });
        if probes.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    }));
    all.as_mut().await;
    if own.is_some() {
        sleep(LOCAL_PATIENCE).await;
    }
    own
}

/// Is ready when the machine at `address` says that nobody listens there, or fails when this one cannot ask it.
async fn refuses(address: SocketAddr) -> io::Result<()> {
    let own: SocketAddr =
        if address.is_ipv4() { (Ipv4Addr::UNSPECIFIED, 0).into() } else { (Ipv6Addr::UNSPECIFIED, 0).into() };
    let socket = UdpSocket::bind(own).await?;
    socket.connect(address).await?;
    loop {
        let asked = async {
            socket.send(&[0]).await?;
            socket.recv(&mut [0; 1]).await
        };
        match timeout(ASK_AGAIN, asked).await {
            Ok(Err(error)) if error.kind() == ErrorKind::ConnectionRefused => return Ok(()),
            Ok(_) => return pending().await,
            // Lost, or on its way.
            Err(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_when_every_address_refuses_is_the_wait_over() {
        let open = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let was_open = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let (listens, closed) = (open.local_addr().unwrap(), was_open.local_addr().unwrap());
        drop(was_open);
        let refused = timeout(Duration::from_secs(30), all_refuse(&[closed, closed])).await;
        assert!(refused.expect("a closed port says so at once").is_none(), "this machine can send");
        // The byte has come to the one that listens, and nothing says that it refuses.
        let both = [closed, listens];
        let probed = all_refuse(&both);
        let mut byte = [1; 1];
        tokio::select! {
            _ = probed => panic!("one of them listens"),
            came = open.recv(&mut byte) => assert_eq!(came.unwrap(), 1),
        }
        assert!(timeout(Duration::from_millis(50), all_refuse(&[])).await.is_err(), "no address, no refusal");
    }

    #[tokio::test]
    async fn what_this_machine_cannot_do_is_no_refusal_of_others() {
        let everybody = SocketAddr::from((Ipv4Addr::BROADCAST, 9));
        let said = timeout(Duration::from_secs(30), all_refuse(&[everybody])).await.expect("it says so at once");
        assert_eq!(said.map(|error| error.kind()), Some(ErrorKind::PermissionDenied));
        // Where another address may answer, nothing is over.
        let open = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let both = [everybody, open.local_addr().unwrap()];
        assert!(timeout(LOCAL_PATIENCE + ASK_AGAIN, all_refuse(&both)).await.is_err(), "one of them listens");
    }
}
