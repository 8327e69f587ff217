"""A server as a process: started, awaited by what it logs, ended in every way."""

import os
import random
import signal
import socket
import subprocess
import time
import urllib.request

# Below the ports that the kernel gives to outgoing connections, so that nobody
# takes a server's port while it is down.
_PORTS = range(20000, 32000)
_given_ports = set()
# Longer than a drain may take.
_STOP_SECONDS = 12
START_SECONDS = 30


class Failure(AssertionError):
    """What a helper of this file found to be wrong."""


def wait_until(condition, seconds=30, what=None):
    """Returns what `condition` returns once that is true; Failure after so many
    seconds."""
    end = time.monotonic() + seconds
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() >= end:
            raise Failure(f"not so after {seconds} s: {what or condition}")
        time.sleep(0.02)


def free_port(host="127.0.0.1"):
    """A port that nobody listens at on `host`, and that was not given before."""
    while True:
        port = random.choice(_PORTS)
        if port in _given_ports:
            continue
        with socket.socket() as probe:
            try:
                probe.bind((host, port))
                _given_ports.add(port)
                return port
            except OSError:
                continue


class ServerProcess:
    """One server: its program, configuration, log and, while it runs, process.

    `port` stays the same over restarts. `was_ended` tells whether it has run and
    somebody has ended it, in whichever way."""

    def __init__(self, name, program, folder, host="127.0.0.1"):
        self.name = name
        self.program = program
        self.host = host
        self.port = free_port(host)
        self.address = f"{host}:{self.port}"
        self.metrics_address = f"127.0.0.1:{free_port()}"
        self.config = os.path.join(folder, "config", name + ".textproto")
        self.data = os.path.join(folder, name)
        self.log = os.path.join(folder, "log", name + ".log")
        self.process = None
        self.was_ended = False
        self._log_start = 0

    def create(self):
        """Makes its data folder, as an administrator does once. Returns the public
        half of the key that belongs to it."""
        flag = "--create-log" if os.path.basename(self.program) == "gaceta-hub" else "--create-data"
        done = subprocess.run([self.program, "--config", self.config, flag], text=True,
                              stdin=subprocess.DEVNULL, capture_output=True, check=False)
        if done.returncode != 0:
            raise Failure(f"{self.name} {flag} ended with code {done.returncode}: {done.stderr}")
        return done.stdout.strip()

    def start(self, wait=True):
        assert self.process is None, f"{self.name} runs already"
        self._log_start = os.path.getsize(self.log) if os.path.exists(self.log) else 0
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [self.program, "--config", self.config],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        if wait:
            self.await_log(" started program=")

    def stop(self):
        """SIGTERM. Returns the exit code."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.join(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise Failure(f"{self.name} did not end {_STOP_SECONDS} s after SIGTERM") from None

    def kill(self):
        """SIGKILL."""
        self.process.kill()
        self.join()

    def join(self, seconds=None):
        """Waits until the process has ended, and returns its exit code."""
        code = self.process.wait(seconds)
        self.process = None
        self.was_ended = True
        return code

    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def log_text(self):
        """What it logged since its last start."""
        if not os.path.exists(self.log):
            return ""
        with open(self.log, encoding="utf-8", errors="replace") as log:
            log.seek(self._log_start)
            return log.read()

    def metrics(self):
        """What it shows to a monitoring system, by name."""
        with urllib.request.urlopen(f"http://{self.metrics_address}/metrics", timeout=10) as shown:
            lines = shown.read().decode().splitlines()
        values = (line.split() for line in lines if line and not line.startswith("#"))
        return {words[0]: float(words[1]) for words in values}

    def await_log(self, text, seconds=START_SECONDS):
        """Waits until it has logged `text` since its last start."""
        def has_logged():
            ended = not self.is_running()
            if text in self.log_text():
                return True
            if ended:
                raise Failure(f"{self.name} ended: {self.log_text()}")
            return False
        wait_until(has_logged, seconds, f"{self.name} logs {text!r}")
