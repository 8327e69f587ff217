"""Servers of their own, and the load that runs against them."""

import contextlib
import json
import os
import pathlib
import re
import resource
import shutil
import signal
import subprocess
import time

START_SECONDS = 120
LOAD_SECONDS = 900
# Made with the log, in its data folder.
LOG_KEY = "log.key.pub"
# As in bench_federation.cc; the first ones are witnesses, if anybody is.
STATES = ("HN", "GT", "MX", "AG", "AR", "BS", "BB", "BZ", "BO", "BR")

HUB_CONFIG = """\
federation: "gaceta.example"
listen: "{address}"
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

NODE_CONFIG = """\
state: "{state}"
federation: "gaceta.example"
listen: "127.0.0.1:0"
hub: "{hub}"
data_folder: "{data}"
signer_key_file: "{pki}/{member}/signer.key"
cosigner_key_file: "{pki}/{member}/cosigner.key"
tls {{
  certificate_file: "{pki}/{member}/node.pem"
  key_file: "{pki}/{member}/node.key"
  root_file: "{pki}/root.pem"
}}
log_level: INFO
"""

PROFILE = """\
profiles {{
  name: "bench"
  server: "{server}"
  server_id: "spiffe://secretariat.gaceta.example/hub"
  certificate_file: "{pki}/hn/subscriber-bench.pem"
  key_file: "{pki}/hn/subscriber-bench.key"
  root_file: "{pki}/root.pem"
}}
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
        # The number counts what certificates and keys are made.
        made = self.folder / "pki.made.2"
        if made.exists():
            return
        for left in (self.pki, *self.folder.glob("filled-*"),
                     *self.folder.glob("growth-*")):
            shutil.rmtree(left, ignore_errors=True)
        self.load(None, "make-federation")
        made.touch()

    def load(self, hub, *arguments):
        """Runs the load generator; returns its figures."""
        command = self._load_command(hub, *arguments)
        try:
            done = subprocess.run(
                command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                timeout=LOAD_SECONDS, check=False)
        except subprocess.TimeoutExpired as late:
            raise BenchError(f"{' '.join(command)}: not done after {LOAD_SECONDS} s") from late
        if done.returncode != 0:
            raise BenchError(f"{' '.join(command)}: {done.stderr.strip()}")
        return json.loads(done.stdout)

    def _load_command(self, hub, *arguments):
        command = [str(self.bin_dir / "gaceta_bench"), "--federation", str(self.pki)]
        if hub is not None:
            command += ["--server", hub.address, "--server-pid", str(hub.pid)]
        return command + [str(argument) for argument in arguments]

    def fill_registry(self, hub, witnesses=0, quorum=0):
        """The hub takes no updates before its log key is in the registry."""
        self.load(hub, "fill-registry", "--log-key", hub.data / LOG_KEY,
                  "--witnesses", witnesses, "--quorum", quorum)

    @contextlib.contextmanager
    def empty_folder(self, name):
        """A folder that is there while it is used."""
        folder = self.folder / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        yield folder
        shutil.rmtree(folder, ignore_errors=True)

    @contextlib.contextmanager
    def fresh_hub(self):
        """A hub whose log holds the registry alone."""
        with self.empty_folder("fresh") as data, Hub(self, data) as hub:
            self.fill_registry(hub)
            yield hub

    @contextlib.contextmanager
    def hub_with_witnesses(self, witnesses, quorum):
        """A hub whose checkpoints so many states' nodes cosign."""
        with self.empty_folder("fresh") as data, Hub(self, data / "hub") as hub:
            self.fill_registry(hub, witnesses, quorum)
            with contextlib.ExitStack() as nodes:
                running = [
                    nodes.enter_context(Node(self, state, data / state.lower(), hub))
                    for state in STATES[:witnesses]]
                # A node cosigns once it has the registry.
                for node in running:
                    node.await_log(" mirror live ")
                yield hub

    def filled_folder(self, entries, name="filled"):
        """Data of a hub whose log has so many entries. Who uses `filled` does
        not write, so the log is filled once."""
        data = self.folder / f"{name}-{entries}"
        if not ((data / "filled").exists() and (data / LOG_KEY).exists()):
            shutil.rmtree(data, ignore_errors=True)
            with Hub(self, data) as hub:
                self.fill_registry(hub)
            self.fill(data, entries)
            (data / "filled").touch()
        return data

    def fill(self, data, entries):
        """Appends to a log until it has so many entries; its hub is ended."""
        self.load(None, "fill", "--data", data, "--entries", entries)
        # The hub signs a checkpoint, and makes its tree, when it starts.
        with Hub(self, data):
            pass

    @contextlib.contextmanager
    def filled_hub(self, entries):
        """A hub just started on a log of so many entries."""
        with Hub(self, self.filled_folder(entries)) as hub:
            yield hub

    @contextlib.contextmanager
    def growing_hub(self, entries):
        """The same on a log that is written to: a little more with each use."""
        with Hub(self, self.filled_folder(entries, "growth")) as hub:
            yield hub

    @contextlib.contextmanager
    def hub_on_copy(self, entries):
        """The same on a log that nobody uses again."""
        with self.empty_folder("copy") as folder:
            shutil.copytree(self.filled_folder(entries), folder / "hub")
            # What the copy has not written yet is not the hub's to wait for.
            os.sync()
            with Hub(self, folder / "hub") as hub:
                yield hub

    @contextlib.contextmanager
    def load_beside(self, hub, *arguments):
        """A load that prints `live` and ends when its input does. The figures
        that it gives then are put into what this returns."""
        figures = {}
        with subprocess.Popen(self._load_command(hub, *arguments), stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True) as load:
            try:
                if load.stdout.readline() != "live\n":
                    raise BenchError("the load did not come to be live")
                yield figures
                out, _ = load.communicate(timeout=LOAD_SECONDS)
                if load.returncode != 0:
                    raise BenchError("the load beside failed")
                figures.update(json.loads(out))
            finally:
                load.kill()

    def restart_under(self, entries, *arguments):
        """Starts the hub again once the load has printed `live`. Returns the
        seconds until the load says `live_at`: from the start of the program, and
        from when it served."""
        data = self.filled_folder(entries)
        with contextlib.ExitStack() as loads:
            with Hub(self, data) as hub:
                address = hub.address
                load = loads.enter_context(subprocess.Popen(
                    self._load_command(hub, *arguments), stdout=subprocess.PIPE, text=True))
                loads.callback(load.kill)
                if load.stdout.readline() != "live\n":
                    raise BenchError("the load did not come to be live")
            begin = time.time()
            with Hub(self, data, address) as hub:
                out, _ = load.communicate(timeout=LOAD_SECONDS)
                if load.returncode != 0:
                    raise BenchError("the load did not come back")
                from_start = json.loads(out)["live_at"] - begin
        return from_start, from_start - hub.start_seconds

    def audit(self, hub):
        """Runs `gaceta log audit`; returns its seconds, of wall and of CPU."""
        # What an audit of another log has seen is not this one's.
        with self.empty_folder("home") as home:
            profiles = home / "profiles.textproto"
            profiles.write_text(PROFILE.format(server=hub.address, pki=self.pki),
                                encoding="utf-8")
            before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
            done = subprocess.run(
                [str(self.bin_dir / "gaceta"), "--config", str(profiles), "log", "audit"],
                env={"HOME": str(home)}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.PIPE, text=True, timeout=LOAD_SECONDS, check=False)
            wall = time.monotonic() - begin
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
        if done.returncode != 0:
            raise BenchError(f"the audit failed: {done.stderr.strip()}")
        cpu = (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime)
        return wall, cpu


class Server:
    """A process of its own: mutual TLS, SQLite with fsync, loopback."""

    def __init__(self, bench: Bench, program, data: pathlib.Path, config, creation):
        data.mkdir(parents=True, exist_ok=True)
        self.data = data
        self.log = data.with_name(f"{data.name}.log")
        config_file = data.with_name(f"{data.name}.textproto")
        config_file.write_text(config, encoding="utf-8")
        self.command = [str(bench.bin_dir / program), "--config", str(config_file)]
        if not any(data.iterdir()):
            self._create(creation)
        self.process = None
        self.address = ""
        # From the start of the program until it served.
        self.start_seconds = 0.0

    def _create(self, creation):
        """A start makes no data folder: an option of its own does."""
        done = subprocess.run([*self.command, *creation], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise BenchError(f"{' '.join(done.args)}: {done.stderr.strip()}")

    @property
    def pid(self):
        return self.process.pid

    def __enter__(self):
        begin = time.monotonic()
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            started = self.await_log(r" started program=.* listen=\S*:(\d+) ")
        except BaseException:
            self._end()
            raise
        self.start_seconds = time.monotonic() - begin
        self.address = f"127.0.0.1:{started.group(1)}"
        return self

    def __exit__(self, *_):
        self._end()

    def await_log(self, pattern):
        """Waits for a line of the log; returns the match."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            text = self.log.read_text(encoding="utf-8")
            if found := re.search(pattern, text):
                return found
            if self.process.poll() is not None:
                raise BenchError(f"{self.command[0]} ended: {text[-2000:]}")
            time.sleep(0.002)
        raise BenchError(f"{self.command[0]} has not come to {pattern}; see {self.log}")

    def _end(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Hub(Server):
    """A gaceta-hub."""

    def __init__(self, bench: Bench, data: pathlib.Path, address="127.0.0.1:0"):
        super().__init__(bench, "gaceta-hub", data, HUB_CONFIG.format(
            data=data, pki=bench.pki, address=address), ["--create-log"])


class Node(Server):
    """The gaceta-node of a state."""

    def __init__(self, bench: Bench, state, data: pathlib.Path, hub: Hub):
        super().__init__(bench, "gaceta-node", data, NODE_CONFIG.format(
            state=state, member=state.lower(), hub=hub.address, data=data, pki=bench.pki),
            # The registry has the key before the node is there.
            ["--create-data", "--reuse-key"])
