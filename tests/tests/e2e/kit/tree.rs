//! The live tree of a server, as its test-only route tells it.

use std::net::SocketAddr;

use super::get;

/// How many tasks of the server are alive, besides those that the question itself needs.
#[track_caller]
pub(crate) fn live_tasks(address: SocketAddr) -> usize {
    count(&live_tree(address))
}

/// The live tree.
#[track_caller]
pub(crate) fn live_tree(address: SocketAddr) -> String {
    let response = get(address, "/live");
    assert_eq!(response.status, 200, "{}", response.body);
    response.body
}

fn count(tree: &str) -> usize {
    let tasks = tree.lines().filter(|line| line.trim_start().starts_with("task ")).count();
    // A nursery tells of children that it cannot name by their number.
    let unlisted = tree.lines().filter_map(|line| {
        let (_, rest) = line.split_once(" + ")?;
        rest.split_once(" not listed")?.0.parse::<usize>().ok()
    });
    tasks + unlisted.sum::<usize>()
}

#[test]
fn every_task_of_a_tree_counts() {
    let tree = "nursery run (a.rs:1:1)\n  task server (b.rs:2:2)\n    nursery connections (c.rs:3:3) + 2 \
                not listed\n      task connection (d.rs:4:4)\n";
    assert_eq!(count(tree), 4);
}
