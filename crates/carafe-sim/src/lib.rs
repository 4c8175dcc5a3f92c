//! Carafe's deterministic backend: one thread, a virtual clock, a seeded scheduler, a network in memory.
