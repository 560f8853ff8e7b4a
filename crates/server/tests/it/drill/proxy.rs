//! A wire between the program and its database that can be slow, cut, or silent.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    task::JoinSet,
};

/// What the wire does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wire {
    Open,
    /// Everything arrives that much later.
    Slow(Duration),
    /// What is open breaks, what comes is refused, as when the server is stopped.
    Cut,
    /// Nothing arrives and nobody says so, as when a network is pulled.
    Silent,
}

/// A running proxy. It stops when dropped.
pub struct Proxy {
    wire: watch::Sender<Wire>,
    _tasks: JoinSet<()>,
}

impl Proxy {
    /// Starts a proxy to the server that `database`, a `postgres://` address, names; returns it with
    /// the address of the same database through it.
    pub async fn to(database: &str) -> (Self, String) {
        let host = database.split('@').nth(1).unwrap().split('/').next().unwrap().to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let through = database.replace(&host, &address.to_string());
        let (wire, state) = watch::channel(Wire::Open);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut open = JoinSet::new();
            loop {
                let Ok((near, _)) = listener.accept().await else { continue };
                if *state.borrow() != Wire::Cut {
                    open.spawn(carry(near, host.clone(), state.clone()));
                }
                while open.try_join_next().is_some() {}
            }
        });
        (Self { wire, _tasks: tasks }, through)
    }

    pub fn set(&self, wire: Wire) {
        self.wire.send_replace(wire);
    }
}

async fn carry(near: TcpStream, host: String, mut state: watch::Receiver<Wire>) {
    let mut silent = state.clone();
    if silent.wait_for(|wire| *wire != Wire::Silent).await.is_err() {
        return;
    }
    let Ok(far) = TcpStream::connect(host).await else { return };
    let _ = near.set_nodelay(true);
    let _ = far.set_nodelay(true);
    let (near_read, near_write) = near.into_split();
    let (far_read, far_write) = far.into_split();
    tokio::select! {
        () = one_way(near_read, far_write, state.clone()) => {}
        () = one_way(far_read, near_write, state.clone()) => {}
        _ = state.wait_for(|wire| *wire == Wire::Cut) => {}
    }
}

async fn one_way(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut state: watch::Receiver<Wire>,
) {
    let mut block = vec![0; 1 << 16];
    while let Ok(count @ 1..) = from.read(&mut block).await {
        let wire = *state.borrow();
        if let Wire::Slow(delay) = wire {
            tokio::time::sleep(delay).await;
        }
        if state.wait_for(|wire| *wire != Wire::Silent).await.is_err() {
            return;
        }
        if to.write_all(&block[..count]).await.is_err() {
            return;
        }
    }
}
