//! A slow function keeps nobody else waiting.

#[path = "../../chat/tests/kit/program.rs"]
mod program;

use program::{Program, on_every_loop};

fn programs() -> impl Iterator<Item = Program> {
    on_every_loop(env!("CARGO_BIN_EXE_blocking-handler"))
}

#[test]
fn both_ways_give_the_result() {
    for program in programs() {
        let (status, text) = program.get("/plain?millis=1");
        assert_eq!(status, 200);
        assert!(text.starts_with("worked for 1 ms"), "{text}");
        let (status, text) = program.get("/offloading?millis=1");
        assert_eq!(status, 200);
        assert!(text.starts_with("offloaded: worked for 1 ms"), "{text}");
    }
}

/// If the slow ones blocked the loop, the fast answer would come an hour later.
#[test]
fn fast_stays_fast() {
    for program in programs() {
        let hour = "3600000";
        let slow: Vec<_> = ["/plain", "/offloading"]
            .into_iter()
            .flat_map(|target| (0..10).map(move |_| format!("{target}?millis={hour}")))
            .map(|target| program.send("GET", &target))
            .collect();
        for _ in 0..10 {
            assert_eq!(program.get("/fast"), (200, "fast\n".to_owned()));
        }
        drop(slow);
    }
}
