//! The suite, on the simulator: in order of arrival, and as several seeds say.

use std::time::Duration;

use carafe_conformance::conformance;
use carafe_sim::Sim;

// Some cases have closures that wait for a task, or for each other. The loop is patient with these in
// real time, so here it is not very patient.
const PATIENCE: Duration = Duration::from_millis(20);

conformance!(fifo, || Sim::fifo().patience(PATIENCE));
conformance!(seed_1, || Sim::seeded(1).patience(PATIENCE));
conformance!(seed_2, || Sim::seeded(2).patience(PATIENCE));
conformance!(seed_3, || Sim::seeded(3).patience(PATIENCE));
