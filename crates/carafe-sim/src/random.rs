//! A small generator of numbers that repeat.

/// xoshiro256** 1.0 by David Blackman and Sebastiano Vigna, its state drawn from their splitmix64
/// (both public domain, <https://prng.di.unimi.it>).
///
/// Our own, because a run must repeat for as long as its seed stands in somebody's bug report: a
/// library may change its generator, these 30 lines do not.
#[derive(Debug)]
pub(crate) struct Prng {
    state: [u64; 4],
}

impl Prng {
    /// A generator whose numbers follow from `seed`.
    pub(crate) fn seeded(seed: u64) -> Self {
        let mut splitmix = seed;
        Prng { state: std::array::from_fn(|_| splitmix64(&mut splitmix)) }
    }

    /// A generator of its own: what is drawn from one does not move the other.
    pub(crate) fn split(&mut self) -> Self {
        Prng::seeded(self.next())
    }

    /// The next number.
    pub(crate) fn next(&mut self) -> u64 {
        let state = &mut self.state;
        let result = state[1].wrapping_mul(5).rotate_left(7).wrapping_mul(9);
        let shifted = state[1] << 17;
        state[2] ^= state[0];
        state[3] ^= state[1];
        state[1] ^= state[2];
        state[0] ^= state[3];
        state[2] ^= shifted;
        state[3] = state[3].rotate_left(45);
        result
    }

    /// A number below `bound`, which is not 0. The high half of a wide product, not a remainder:
    /// cheaper, and as even as the queue's length can notice.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.next()) * bound as u128) >> 64) as usize
    }

    /// Fills `bytes`, in an order that does not depend on the machine's.
    pub(crate) fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&self.next().to_le_bytes()[..chunk.len()]);
        }
    }
}

fn splitmix64(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::{Prng, splitmix64};

    /// The first outputs of the authors' `splitmix64.c` for the state 1234567.
    #[test]
    fn splitmix64_gives_its_authors_numbers() {
        let mut state = 1_234_567;
        let drawn: [u64; 3] = std::array::from_fn(|_| splitmix64(&mut state));
        assert_eq!(
            drawn,
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]
        );
    }

    /// The first outputs of the authors' `xoshiro256starstar.c` for the state 1, 2, 3, 4.
    #[test]
    fn xoshiro_gives_its_authors_numbers() {
        let mut prng = Prng { state: [1, 2, 3, 4] };
        let drawn: [u64; 4] = std::array::from_fn(|_| prng.next());
        assert_eq!(drawn, [11520, 0, 1_509_978_240, 1_215_971_899_390_074_240]);
    }

    #[test]
    fn below_reaches_every_number_and_none_other() {
        let mut prng = Prng::seeded(1);
        let mut seen = [false; 5];
        for _ in 0..200 {
            seen[prng.below(5)] = true;
        }
        assert_eq!(seen, [true; 5]);
    }
}
