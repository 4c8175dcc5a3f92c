//! Random numbers: what `rt::Random` promises.

use std::collections::BTreeSet;

use carafe_core::rt::Random;

use crate::Backend;

/// `Random::fill_random`: every byte of the buffer is filled, whatever its length.
pub fn every_byte_is_filled<B: Backend>(backend: B) {
    backend.enter(async |rt| {
        for len in [0, 1, 7, 8, 9, 64, 257] {
            // A byte that stays 0 in 20 fillings is one that nobody fills: by chance, once in 256^20.
            let mut filled = vec![0; len];
            for _ in 0..20 {
                let mut buf = vec![0; len];
                rt.fill_random(&mut buf);
                filled.iter_mut().zip(buf).for_each(|(all, byte)| *all |= byte);
            }
            assert!(filled.iter().all(|&byte| byte != 0), "of {len} bytes: {filled:?}");
        }
    });
}

/// `Random::random_u64`: numbers differ.
pub fn random_numbers_differ<B: Backend>(backend: B) {
    backend.enter(async |rt| {
        let drawn: BTreeSet<u64> = (0..100).map(|_| rt.random_u64()).collect();
        assert_eq!(drawn.len(), 100);
    });
}
