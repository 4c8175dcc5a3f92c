"""The servers, and how one is started."""

import os
import signal
import socket
import subprocess
import time
from dataclasses import dataclass

from runner import build


@dataclass(frozen=True)
class Server:
    name: str
    package: str
    is_ours: bool = False
    is_unlocked: bool = False

    def program(self):
        return build.binary(self.package, self.is_unlocked)


SERVERS = [
    Server("hyper on tokio", "http-hyper"),
    Server("axum on tokio", "http-axum"),
    Server("trillium on tokio", "http-trillium-tokio", is_unlocked=True),
    Server("trillium on smol", "http-trillium-smol", is_unlocked=True),
    Server("trillium on async-std", "http-trillium-async-std", is_unlocked=True),
    Server("carafe-http on tokio", "http-bare-tokio", is_ours=True),
    Server("carafe-http on smol", "http-bare-smol", is_ours=True),
    Server("carafe-http on async-std", "http-bare-async-std", is_ours=True),
    Server("carafe `App` on tokio", "http-app-tokio", is_ours=True),
    Server("carafe `App` on smol", "http-app-smol", is_ours=True),
    Server("carafe `App` on async-std", "http-app-async-std", is_ours=True),
]


class Running:
    """A server that runs while the block does. One thread polls tasks."""

    def __init__(self, server, under=(), patience=60):
        self.command = [*under, server.program()]
        self.patience = patience

    def __enter__(self):
        self.port = free_port()
        env = dict(os.environ, PORT=str(self.port), THREADS="1", RUST_LOG="off")
        for name in ("TOKIO_WORKER", "ASYNC_GLOBAL_EXECUTOR", "ASYNC_STD"):
            env[f"{name}_THREAD{'_COUNT' if name == 'ASYNC_STD' else 'S'}"] = "1"
        self.process = subprocess.Popen(
            self.command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        deadline = time.monotonic() + self.patience
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                return self
            except OSError:
                if self.process.poll() is not None:
                    raise RuntimeError(f"it ended: {self.process.stderr.read()[-300:]}")
                if time.monotonic() > deadline:
                    self.process.kill()
                    raise RuntimeError("it does not listen")
                time.sleep(0.02)

    @property
    def pid(self):
        return self.process.pid

    def stop(self):
        """Ends it as an operator would, and gives what it has printed."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.communicate(timeout=self.patience)[1]

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def cpu_seconds(pid):
    """The CPU time of all threads, to the nanosecond."""
    total = 0
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/schedstat") as stat:
            total += int(stat.read().split()[0])
    return total / 1e9
