"""Requests: a fixed number of ours, for what is counted; wrk's, for what is timed."""

import re
import socket
import subprocess

from runner import tools

REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
CONNECTIONS = 16


def requests(port, n):
    """Makes n requests over 16 connections, of which each always has one outstanding: the server
    meets batches, as it does under load."""
    streams = [socket.create_connection(("127.0.0.1", port), timeout=60) for _ in range(CONNECTIONS)]
    for _ in range(n // CONNECTIONS):
        for stream in streams:
            stream.sendall(REQUEST)
        for stream in streams:
            read_response(stream)
    for stream in streams:
        stream.close()


def read_response(stream):
    response = b""
    while not response.endswith(b"Hello, World!"):
        got = stream.recv(65536)
        if not got:
            raise RuntimeError(f"hung up after {response!r}")
        response += got
    if not response.startswith(b"HTTP/1.1 200 "):
        raise RuntimeError(f"answered {response!r}")


def has_wrk():
    return tools.has("wrk", "requests a second and CPU per request")


def wrk(port, seconds, connections=64):
    """How many requests were answered, and how many a second. The client has the second core."""
    command = [*tools.pinned(1), "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", f"http://127.0.0.1:{port}/"]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in out or "Socket errors" in out:
        raise RuntimeError(f"wrk met errors:\n{out}")
    total = int(re.search(r"(\d+) requests in", out)[1])
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", out)[1])
    return total, rate
