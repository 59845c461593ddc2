//! The functions as glibc calls them, on a machine without a node: the lab has the others.

use super::*;
use std::ffi::CString;

/// How a function ended.
#[derive(Debug, PartialEq, Eq)]
struct Ended(Status, c_int, c_int);

fn by_name(name: &str) -> Ended {
    let name = CString::new(name).unwrap();
    let (mut list, mut errno, mut h_errno, mut ttl) = (ptr::null_mut(), 0, 0, 0);
    let mut buffer = [0 as c_char; 1024];
    // SAFETY: as glibc calls it.
    let status = unsafe {
        _nss_kumi_gethostbyname4_r(
            name.as_ptr(),
            &raw mut list,
            buffer.as_mut_ptr(),
            buffer.len(),
            &raw mut errno,
            &raw mut h_errno,
            &raw mut ttl,
        )
    };
    Ended(status, errno, h_errno)
}

#[test]
fn names_of_others_are_left_to_others_at_once() {
    for name in ["example.com", "localhost", "", "kumi"] {
        assert_eq!(by_name(name), Ended(UNAVAIL, ENOENT, HOST_NOT_FOUND));
    }
}

#[test]
fn without_a_node_a_name_is_a_failure_for_now() {
    let started = now_ms();
    let ended = by_name("ada.lab.kumi");
    // A node may run on the machine that tests this.
    if ended.0 == TRYAGAIN {
        assert_eq!(ended, Ended(TRYAGAIN, EAGAIN, TRY_AGAIN));
    }
    assert!(now_ms() - started < WAIT_MS + 1_000);
}

#[test]
fn members_have_no_ipv4() {
    let name = CString::new("ada.lab.kumi").unwrap();
    let (mut errno, mut h_errno) = (0, 0);
    let mut buffer = [0 as c_char; 64];
    // SAFETY: as glibc calls it; the host is not written for a failure.
    let status = unsafe {
        _nss_kumi_gethostbyname2_r(
            name.as_ptr(),
            2,
            ptr::null_mut(),
            buffer.as_mut_ptr(),
            buffer.len(),
            &raw mut errno,
            &raw mut h_errno,
        )
    };
    assert_eq!(
        Ended(status, errno, h_errno),
        Ended(NOTFOUND, ENOENT, NO_DATA)
    );
}

#[test]
fn addresses_of_others_are_left_to_others() {
    let (mut errno, mut h_errno) = (0, 0);
    let mut buffer = [0 as c_char; 64];
    for (family, address) in [(2, [127u8; 16]), (AF_INET6, [0x20; 16])] {
        // SAFETY: as glibc calls it; the host is not written for a failure.
        let status = unsafe {
            _nss_kumi_gethostbyaddr_r(
                address.as_ptr().cast(),
                if family == 2 { 4 } else { 16 },
                family,
                ptr::null_mut(),
                buffer.as_mut_ptr(),
                buffer.len(),
                &raw mut errno,
                &raw mut h_errno,
            )
        };
        assert_eq!(status, UNAVAIL);
    }
}

#[test]
fn a_buffer_of_any_size_and_place_is_filled_or_too_small() {
    let (name, address) = (b"ada.lab.kumi", [7; 16]);
    let says = Says {
        errno: ptr::null_mut(),
        h_errno: ptr::null_mut(),
        ttl: ptr::null_mut(),
    };
    let mut fitted = 0;
    for start in 0..9 {
        for len in 0..128 {
            let mut bytes = [0x55u8; 160];
            let mut host = hostent {
                name: ptr::null_mut(),
                aliases: ptr::null_mut(),
                addrtype: 0,
                length: 0,
                addr_list: ptr::null_mut(),
            };
            // SAFETY: the buffer is that part of `bytes`.
            let status = unsafe {
                let at = bytes.as_mut_ptr().add(start).cast();
                fill(&says, &raw mut host, at, len, (name, address, 10))
            };
            let end = start + len;
            if status == SUCCESS {
                fitted += 1;
                // SAFETY: it was filled.
                unsafe {
                    assert_eq!(CStr::from_ptr(host.name).to_bytes(), name);
                    assert!((*host.aliases).is_null());
                    assert_eq!(*(*host.addr_list).cast::<[u8; 16]>(), address);
                    assert!((*host.addr_list.add(1)).is_null());
                }
            } else {
                assert_eq!(status, TRYAGAIN);
            }
            assert!(bytes[..start].iter().all(|it| *it == 0x55));
            assert!(bytes[end..].iter().all(|it| *it == 0x55), "{start} {len}");
        }
    }
    assert!(fitted > 400, "{fitted}");
}
