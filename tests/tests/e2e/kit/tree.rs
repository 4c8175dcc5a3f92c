//! The live tree of a server, as its test-only route tells it.

use super::http::Connection;

/// How many tasks of the server are alive, the one that serves this connection among them.
#[track_caller]
pub(crate) fn live_tasks(connection: &mut Connection) -> usize {
    count(&live_tree(connection))
}

/// The live tree.
#[track_caller]
pub(crate) fn live_tree(connection: &mut Connection) -> String {
    let response = connection.get("/live");
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
    let tree = "nursery `run` (a.rs:1)\n  task `main` (b.rs:2)\n    nursery `peers` (c.rs:3) + 2 not \
                listed\n      task `127.0.0.1:4` (d.rs:5)\n";
    assert_eq!(count(tree), 4);
}
