//! Chromium, driven over its DevTools protocol.

use std::fs;
use std::net::TcpStream;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{self, Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::{Value, json};
use tungstenite::{Message, WebSocket};

use super::http::connect;
use super::{wait_for, watchdog};

/// What a browser of this kind is called.
const NAMES: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

const FLAGS: [&str; 9] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-port=0",
];

/// A browser with a fresh profile; it ends with this value.
pub(crate) struct Browser {
    devtools: WebSocket<TcpStream>,
    next_id: u64,
    // Dropped last, in this order: first the processes, then the folder in which they write.
    _processes: Processes,
    _profile: Profile,
}

/// A tab of the browser, by its DevTools session.
pub(crate) struct Tab {
    target: String,
    session: String,
}

impl Browser {
    /// Starts a browser; none where none is installed.
    #[track_caller]
    pub(crate) fn start() -> Option<Self> {
        let program = installed()?;
        let profile = Profile::new();
        let child = Command::new(program)
            .args(FLAGS)
            .arg(format!("--user-data-dir={}", profile.0.display()))
            .arg("about:blank")
            // It brings processes of its own, which end with their group.
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the browser can be started");
        let mut processes = Processes(child);
        watchdog::register(Pid::from_child(&processes.0));
        let told = profile.0.join("DevToolsActivePort");
        let (port, path) = wait_for("the browser tells its port", || {
            let ended = processes.0.try_wait().expect("it is a child");
            assert!(ended.is_none(), "the browser has ended: {ended:?}");
            // The second line comes last.
            let told = fs::read_to_string(&told).ok()?;
            let (port, path) = told.split_once('\n')?;
            Some((port.parse::<u16>().ok()?, path.trim().to_owned()))
                .filter(|(_, path)| path.len() > 1)
        });
        let url = format!("ws://127.0.0.1:{port}{path}");
        let (devtools, _) = tungstenite::client(url, connect(([127, 0, 0, 1], port).into()))
            .expect("the browser speaks DevTools");
        Some(Browser { devtools, next_id: 0, _processes: processes, _profile: profile })
    }

    /// Opens `url` in a tab of its own.
    #[track_caller]
    pub(crate) fn open(&mut self, url: &str) -> Tab {
        let opened = self.call(None, "Target.createTarget", json!({ "url": url }));
        let target = text(&opened["targetId"]);
        let attach = json!({ "targetId": target, "flatten": true });
        let attached = self.call(None, "Target.attachToTarget", attach);
        Tab { target, session: text(&attached["sessionId"]) }
    }

    /// The value of a JavaScript expression in `tab`.
    ///
    /// # Panics
    ///
    /// If the expression throws.
    #[track_caller]
    pub(crate) fn evaluate(&mut self, tab: &Tab, expression: &str) -> Value {
        let evaluate = json!({ "expression": expression, "returnByValue": true });
        let mut result = self.call(Some(tab), "Runtime.evaluate", evaluate);
        assert!(result["exceptionDetails"].is_null(), "{expression}: {result}");
        result["result"]["value"].take()
    }

    /// Waits until a JavaScript expression is true in `tab`.
    #[track_caller]
    pub(crate) fn wait_until(&mut self, tab: &Tab, expression: &str) {
        wait_for(&format!("the page makes true: {expression}"), || {
            (self.evaluate(tab, expression) == true).then_some(())
        });
    }

    /// Types `text` where the focus of `tab` is, and presses Enter.
    #[track_caller]
    pub(crate) fn type_line(&mut self, tab: &Tab, text: &str) {
        self.call(None, "Target.activateTarget", json!({ "targetId": tab.target }));
        self.call(Some(tab), "Input.insertText", json!({ "text": text }));
        for kind in ["keyDown", "keyUp"] {
            let mut press = json!({ "type": kind, "key": "Enter", "code": "Enter" });
            press["windowsVirtualKeyCode"] = 13.into();
            if kind == "keyDown" {
                press["text"] = "\r".into();
            }
            self.call(Some(tab), "Input.dispatchKeyEvent", press);
        }
    }

    /// Calls a method of the protocol, and waits for its answer; events in between are nobody's.
    #[track_caller]
    fn call(&mut self, tab: Option<&Tab>, method: &str, params: Value) -> Value {
        self.next_id += 1;
        let mut call = json!({ "id": self.next_id, "method": method, "params": params });
        if let Some(tab) = tab {
            call["sessionId"] = json!(tab.session);
        }
        self.devtools.send(Message::text(call.to_string())).expect("the browser reads");
        loop {
            let message = self.devtools.read().expect("the browser answers");
            let Message::Text(message) = message else { continue };
            let mut answer: Value = serde_json::from_str(&message).expect("DevTools speaks JSON");
            if answer["id"] == self.next_id {
                assert!(answer["error"].is_null(), "{method}: {answer}");
                return answer["result"].take();
            }
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("a string, not {value}")).to_owned()
}

fn installed() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let mut found = std::env::split_paths(&path)
        .flat_map(|folder| NAMES.map(|name| folder.join(name)))
        .filter(|program| program.is_file());
    found.next()
}

/// The browser's process group.
struct Processes(Child);

impl Drop for Processes {
    fn drop(&mut self) {
        let leader = Pid::from_child(&self.0);
        // It fails where all have ended already.
        let _ = kill_process_group(leader, Signal::KILL);
        let _ = self.0.wait();
        watchdog::unregister(leader);
    }
}

/// A folder that nobody has used before.
struct Profile(PathBuf);

impl Profile {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("chromium-{}-{number}", process::id());
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        // A process of the same number may have left one.
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).expect("the target directory is writable");
        Profile(folder)
    }
}

impl Drop for Profile {
    fn drop(&mut self) {
        // Processes that are being killed may still write: then the next `cargo clean` takes it.
        let _ = fs::remove_dir_all(&self.0);
    }
}
