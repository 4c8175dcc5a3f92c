//! The chat's page, in a browser.

use crate::kit::browser::{Browser, Tab};
use crate::kit::{Program, skipped, watchdog};

#[test]
fn two_pages_talk() {
    let _watch = watchdog();
    let Some(mut browser) = Browser::start() else { return skipped("no chromium") };
    for runtime in ["tokio", "smol", "async-std"] {
        let server = Program::new(env!("CARGO_BIN_EXE_all-loops-chat")).on(runtime).serve();
        let url = format!("http://{}/", server.address);
        let tabs = [browser.open(&url), browser.open(&url)];
        for tab in &tabs {
            browser.wait_until(tab, "document.querySelector('#status')?.innerText == 'connected'");
            let named = browser.evaluate(tab, "document.querySelector('#loop').innerText");
            assert_eq!(named, runtime, "the page names the loop");
        }
        let lines = ["hello, is this on?", "it is, <b>loud</b> & clear"];
        for (tab, line) in tabs.iter().zip(lines) {
            say(&mut browser, tab, line);
            for tab in &tabs {
                wait_until_heard(&mut browser, tab, line);
            }
        }
    }
}

fn say(browser: &mut Browser, tab: &Tab, line: &str) {
    browser.evaluate(tab, "document.querySelector('#text').focus()");
    browser.type_line(tab, line);
}

/// Waits until the line is the last of what the page shows.
fn wait_until_heard(browser: &mut Browser, tab: &Tab, line: &str) {
    let last = "document.querySelector('#log li:last-child')?.innerText";
    browser.wait_until(tab, &format!("{last} == {line:?}"));
}
