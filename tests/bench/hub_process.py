"""A gaceta-hub of its own, and the load that runs against it."""

import contextlib
import json
import pathlib
import re
import resource
import shutil
import signal
import subprocess
import time

START_SECONDS = 120
LOAD_SECONDS = 900
# The hub makes it, in its data folder.
LOG_KEY = "log.key.pub"

CONFIG = """\
federation: "gaceta.example"
listen: "127.0.0.1:0"
data_folder: "{data}"
tls {{
  certificate_file: "{pki}/secretariat/hub.pem"
  key_file: "{pki}/secretariat/hub.key"
  root_file: "{pki}/root.pem"
}}
# Limits by identity are not what is measured.
publish_limits {{ per_second: 1000000 burst: 1000000 window: 1024 }}
relay_limits {{ max_streams_per_identity: 100000 heartbeat_seconds: 15 }}
log_level: INFO
"""


class BenchError(Exception):
    """A run that did not come to its end."""


def raise_file_limit():
    """Each subscriber is a connection; children inherit the limit."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


class Bench:
    """Programs, certificates and data folders of one place."""

    def __init__(self, bin_dir: pathlib.Path, folder: pathlib.Path):
        self.bin_dir = bin_dir
        self.folder = folder
        self.pki = folder / "pki"
        folder.mkdir(parents=True, exist_ok=True)

    def make_federation(self):
        """Once: a log that was filled before needs the same certificates."""
        if (self.folder / "pki.made").exists():
            return
        for left in (self.pki, *self.folder.glob("filled-*")):
            shutil.rmtree(left, ignore_errors=True)
        self.load(None, "make-federation")
        (self.folder / "pki.made").touch()

    def load(self, hub, *arguments):
        """Runs the load generator; returns its figures."""
        command = [str(self.bin_dir / "gaceta_bench"), "--federation", str(self.pki)]
        if hub is not None:
            command += ["--server", hub.address, "--server-pid", str(hub.pid)]
        command += [str(argument) for argument in arguments]
        try:
            done = subprocess.run(
                command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                timeout=LOAD_SECONDS, check=False)
        except subprocess.TimeoutExpired as late:
            raise BenchError(f"{' '.join(command)}: not done after {LOAD_SECONDS} s") from late
        if done.returncode != 0:
            raise BenchError(f"{' '.join(command)}: {done.stderr.strip()}")
        return json.loads(done.stdout)

    def fill_registry(self, hub):
        """The hub takes no updates before its log key is in the registry."""
        self.load(hub, "fill-registry", "--log-key", hub.data / LOG_KEY)

    @contextlib.contextmanager
    def fresh_hub(self):
        """A hub whose log holds the registry alone."""
        data = self.folder / "fresh"
        shutil.rmtree(data, ignore_errors=True)
        with Hub(self, data) as hub:
            self.fill_registry(hub)
            yield hub
        shutil.rmtree(data, ignore_errors=True)

    @contextlib.contextmanager
    def filled_hub(self, entries):
        """A hub just started on a log of so many updates. Who uses it does not
        write, so the log is filled once."""
        data = self.folder / f"filled-{entries}"
        if not ((data / "filled").exists() and (data / LOG_KEY).exists()):
            shutil.rmtree(data, ignore_errors=True)
            with Hub(self, data) as hub:
                self.fill_registry(hub)
                self.load(hub, "publish", "--nodes", 35, "--updates", entries)
            (data / "filled").touch()
        with Hub(self, data) as hub:
            yield hub


class Hub:
    """A gaceta-hub process: mutual TLS, SQLite with fsync, loopback."""

    def __init__(self, bench: Bench, data: pathlib.Path):
        data.mkdir(parents=True, exist_ok=True)
        self.data = data
        self.log = bench.folder / "hub.log"
        config = bench.folder / "hub.textproto"
        config.write_text(CONFIG.format(data=data, pki=bench.pki), encoding="utf-8")
        self.command = [str(bench.bin_dir / "gaceta-hub"), "--config", str(config)]
        self.process = None
        self.address = ""

    @property
    def pid(self):
        return self.process.pid

    def __enter__(self):
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            self.address = f"127.0.0.1:{self._port()}"
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *_):
        self._end()

    def _port(self):
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            text = self.log.read_text(encoding="utf-8")
            if found := re.search(r" started program=.* listen=\S*:(\d+) ", text):
                return int(found.group(1))
            if self.process.poll() is not None:
                raise BenchError(f"the hub ended: {text[-2000:]}")
            time.sleep(0.01)
        raise BenchError(f"the hub has not started; see {self.log}")

    def _end(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
