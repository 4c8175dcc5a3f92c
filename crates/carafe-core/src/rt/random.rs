/// Gives random numbers.
///
/// Part of the contract so that a simulator can make a run repeat.
pub trait Random {
    /// Fills `buf` with random bytes: the operating system's on a real loop, the seed's in a
    /// simulator.
    fn fill_random(&self, buf: &mut [u8]);

    /// A random number.
    fn random_u64(&self) -> u64 {
        let mut bytes = [0; 8];
        self.fill_random(&mut bytes);
        u64::from_ne_bytes(bytes)
    }
}
