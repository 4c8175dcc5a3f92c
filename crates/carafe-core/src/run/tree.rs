//! The live tree: a run's nurseries and tasks, as text.

use std::fmt::Write;
use std::sync::Arc;

use super::Run;
use crate::cancel::node::{Kind, Node};

impl Run {
    /// One line for each nursery, task and closure on a thread; children are indented.
    pub(crate) fn live_tree(&self) -> String {
        let mut out = String::new();
        if let Some(root) = self.root() {
            draw_nursery(&root, 0, &mut out);
        }
        let threads = self.threads();
        if !threads.is_empty() {
            line(&mut out, 0, "threads");
            for (_, closure) in threads.iter() {
                line(&mut out, 1, &format!("closure {closure}"));
            }
        }
        out
    }
}

fn draw_nursery(nursery: &Arc<Node>, depth: usize, out: &mut String) {
    let part = nursery.part();
    let mut text = format!("nursery {}", part.info);
    if let Some(state) = state(nursery) {
        write!(text, " [{state}]").expect("writing to a string does not fail");
    }
    let tasks = part.tasks();
    // What counts without being listed: children that have never suspended, closures on threads, and
    // nurseries that were adopted.
    let adopted: Vec<_> = nursery.kids().into_iter().filter(|kid| kid.is_nursery()).collect();
    let unlisted = part.count.live().saturating_sub(tasks.len());
    if unlisted > 0 {
        write!(text, " + {unlisted} not listed").expect("writing to a string does not fail");
    }
    line(out, depth, &text);
    for (info, root) in tasks {
        let mut text = format!("task {info}");
        if let Some(state) = root.as_ref().and_then(state) {
            write!(text, " [{state}]").expect("writing to a string does not fail");
        }
        line(out, depth + 1, &text);
        if let Some(root) = root {
            draw_inside(&root, depth + 2, out);
        }
    }
    for nursery in adopted {
        draw_nursery(&nursery, depth + 1, out);
    }
}

/// The nurseries inside a task or scope; scopes and shields themselves are not worth a line.
fn draw_inside(node: &Arc<Node>, depth: usize, out: &mut String) {
    for kid in node.kids() {
        match kid.kind() {
            Kind::Nursery => draw_nursery(&kid, depth, out),
            _ => draw_inside(&kid, depth, out),
        }
    }
}

fn state(node: &Arc<Node>) -> Option<String> {
    match (node.is_effective(), node.is_held()) {
        (false, _) => None,
        (true, held) => {
            let cause = node.cause().map_or_else(String::new, |cause| format!(": {cause}"));
            let held = if held { ", held" } else { "" };
            Some(format!("cancelled{cause}{held}"))
        }
    }
}

fn line(out: &mut String, depth: usize, text: &str) {
    for _ in 0..depth {
        out.push_str("  ");
    }
    out.push_str(text);
    out.push('\n');
}
