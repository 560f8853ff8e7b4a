//! How many connections may be open: all in all, and for one address. Knows nothing of what they carry.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Bits of an IPv6 address that name a network of one subscriber; the rest anybody picks freely.
const IPV6_NETWORK_BITS: u32 = 64;

/// The open connections of each address.
#[derive(Debug, Clone)]
pub(super) struct Addresses {
    most: usize,
    /// A reverse proxy: many people come from it, and it bounds them itself.
    exempt: Option<IpAddr>,
    open: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

/// The place of one connection; given back when dropped.
#[derive(Debug)]
pub(super) struct AddressPlace {
    address: IpAddr,
    addresses: Addresses,
}

impl Addresses {
    pub fn new(most: usize, exempt: Option<IpAddr>) -> Self {
        Self { most, exempt, open: Arc::default() }
    }

    /// Takes a place; `None` if the address has as many as it may.
    pub fn take(&self, address: IpAddr) -> Option<AddressPlace> {
        let canonical = address.to_canonical();
        let most = if Some(canonical) == self.exempt { usize::MAX } else { self.most };
        let address = subscriber(canonical);
        let mut open = self.open();
        let count = open.entry(address).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        Some(AddressPlace { address, addresses: self.clone() })
    }

    fn open(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        // Nothing panics between a change and its end.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for AddressPlace {
    fn drop(&mut self) {
        let mut open = self.addresses.open();
        if let Some(count) = open.get_mut(&self.address) {
            *count -= 1;
            // The table holds open connections only: it cannot grow beyond their bound.
            if *count == 0 {
                open.remove(&self.address);
            }
        }
    }
}

/// What stands for one subscriber: an address, or a network of IPv6.
fn subscriber(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => {
            Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << (128 - IPV6_NETWORK_BITS))).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn an_address_has_so_many_places_and_gets_them_back() {
        let addresses = Addresses::new(2, None);
        let first = addresses.take(at("192.0.2.1"));
        let second = addresses.take(at("::ffff:192.0.2.1"));
        assert!(first.is_some() && second.is_some());
        assert!(addresses.take(at("192.0.2.1")).is_none());
        assert!(addresses.take(at("192.0.2.2")).is_some());
        drop(first);
        assert!(addresses.take(at("192.0.2.1")).is_some());
        drop(second);
        assert!(addresses.open().is_empty(), "the table keeps what is closed");
    }

    #[test]
    fn a_network_of_one_subscriber_counts_as_one() {
        let addresses = Addresses::new(1, None);
        let _held = addresses.take(at("2001:db8:0:1::1")).expect("the first");
        assert!(addresses.take(at("2001:db8:0:1:ffff::2")).is_none());
        assert!(addresses.take(at("2001:db8:0:2::1")).is_some());
    }

    #[test]
    fn a_trusted_proxy_is_not_bounded() {
        let addresses = Addresses::new(1, Some(at("192.0.2.9")));
        let held: Vec<_> = (0..50).map(|_| addresses.take(at("192.0.2.9"))).collect();
        assert!(held.iter().all(Option::is_some));
    }
}
