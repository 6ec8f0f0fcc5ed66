//! Whether nobody listens at any of some addresses, as their machines say themselves.
//!
//! A closed UDP port answers a datagram with an ICMP message, of which the network library says nothing: it would call
//! until its time is over. So one byte goes ahead from a socket of its own; no program takes it for anything. What comes
//! back decides nothing but the end of a wait, and only when every address refuses. Silence says nothing.

use std::{
    future::{pending, poll_fn},
    io::ErrorKind,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    pin::{Pin, pin},
    task::Poll,
    time::Duration,
};

use tokio::{net::UdpSocket, time::timeout};

/// How long an answer is waited for before another byte is sent.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// Is ready when all of `addresses` have refused; never when one has not, or when there is none.
pub(super) async fn all_refuse(addresses: &[SocketAddr]) {
    let mut probes: Vec<Pin<Box<_>>> = addresses.iter().map(|address| Box::pin(refuses(*address))).collect();
    if probes.is_empty() {
        return pending().await;
    }
    let mut all = pin!(poll_fn(|context| {
        probes.retain_mut(|probe| probe.as_mut().poll(context).is_pending());
        if probes.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    }));
    all.as_mut().await;
}

/// Is ready when the machine at `address` says that nobody listens there.
async fn refuses(address: SocketAddr) {
    if is_refused(address).await.is_none() {
        pending::<()>().await;
    }
}

async fn is_refused(address: SocketAddr) -> Option<()> {
    let own: SocketAddr =
        if address.is_ipv4() { (Ipv4Addr::UNSPECIFIED, 0).into() } else { (Ipv6Addr::UNSPECIFIED, 0).into() };
    let socket = UdpSocket::bind(own).await.ok()?;
    socket.connect(address).await.ok()?;
    loop {
        let asked = async {
            socket.send(&[0]).await?;
            socket.recv(&mut [0; 1]).await
        };
        match timeout(ASK_AGAIN, asked).await {
            Ok(Err(error)) if error.kind() == ErrorKind::ConnectionRefused => return Some(()),
            Ok(_) => return None,
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
        timeout(Duration::from_secs(30), all_refuse(&[closed, closed])).await.expect("a closed port says so at once");
        // The byte has come to the one that listens, and nothing says that it refuses.
        let both = [closed, listens];
        let probed = all_refuse(&both);
        let mut byte = [1; 1];
        tokio::select! {
            () = probed => panic!("one of them listens"),
            came = open.recv(&mut byte) => assert_eq!(came.unwrap(), 1),
        }
        assert!(timeout(Duration::from_millis(50), all_refuse(&[])).await.is_err(), "no address, no refusal");
    }
}
