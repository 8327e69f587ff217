"""Other programs to compare with, as Debian packages them, with mutual TLS."""

import contextlib
import pathlib
import shutil
import signal
import socket
import subprocess
import time

import hub_process

START_SECONDS = 60

NATS = """\
listen: "{address}"
max_connections: 20000
max_pending: 1073741824
write_deadline: "60s"
tls {{ cert_file: "{cert}", key_file: "{key}", ca_file: "{root}", verify: true, timeout: 30 }}
jetstream {{ store_dir: "{data}" }}
"""

MOSQUITTO = """\
listener {port} 127.0.0.1
cafile {root}
certfile {cert}
keyfile {key}
require_certificate true
allow_anonymous true
persistence true
persistence_location {data}/
autosave_interval 60
max_queued_messages 0
max_inflight_messages 0
set_tcp_nodelay true
user root
log_type error
"""


class Nats:
    """JetStream: a stream in files, consumers without acknowledgement."""

    name = "nats"
    program = "nats-server"
    kind = "nats"
    keeps = True
    most_unanswered = 1_000_000

    @staticmethod
    def command(program, fields):
        config = fields["folder"] / "nats.conf"
        config.write_text(NATS.format(**fields), encoding="utf-8")
        return [program, "-c", config]


class Mosquitto:
    """Quality of service 1; keeps nothing for subscribers that are new."""

    name = "mosquitto"
    program = "mosquitto"
    kind = "mqtt"
    keeps = False
    most_unanswered = 1_000_000

    @staticmethod
    def command(program, fields):
        config = fields["folder"] / "mosquitto.conf"
        config.write_text(MOSQUITTO.format(**fields), encoding="utf-8")
        return [program, "-c", config]


class Etcd:
    """A key for each message, watches of all keys."""

    name = "etcd"
    program = "etcd"
    kind = "etcd"
    keeps = True
    # It refuses what comes when 5,000 are not applied.
    most_unanswered = 4_000

    @staticmethod
    def command(program, fields):
        url = f"https://{fields['address']}"
        peer = f"http://127.0.0.1:{_free_port()}"
        return [program, "--data-dir", fields["data"], "--listen-client-urls", url,
                "--advertise-client-urls", url, "--listen-peer-urls", peer,
                "--initial-advertise-peer-urls", peer, "--initial-cluster", f"default={peer}",
                "--cert-file", fields["cert"], "--key-file", fields["key"],
                "--trusted-ca-file", fields["root"], "--client-cert-auth",
                "--quota-backend-bytes", str(8 << 30), "--log-level", "error"]


PEERS = (Nats, Mosquitto, Etcd)


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def find(peer):
    """Path of its program, or None."""
    return shutil.which(peer.program, path="/usr/sbin:/usr/bin:/usr/local/bin")


@contextlib.contextmanager
def running(bench, peer):
    """The peer's server, just started, without data: an object with `address` and
    `pid`, as the load generator needs them."""
    with bench.empty_folder(f"peer-{peer.name}") as folder:
        port = _free_port()
        (folder / "data").mkdir(mode=0o700)
        fields = {"address": f"127.0.0.1:{port}", "port": port, "folder": folder,
                  "data": folder / "data", "root": bench.pki / "root.pem",
                  "cert": bench.pki / "secretariat/hub.pem",
                  "key": bench.pki / "secretariat/hub.key"}
        server = _Server(peer.command(find(peer), fields), fields["address"],
                         folder / "server.log")
        try:
            server.await_listening()
            yield server
        finally:
            server.end()


class _Server:
    def __init__(self, command, address, log: pathlib.Path):
        self.address = address
        self._log = log
        with open(log, "wb") as out:
            self._process = subprocess.Popen(
                [str(part) for part in command], stdin=subprocess.DEVNULL, stdout=out, stderr=out)

    @property
    def pid(self):
        return self._process.pid

    def await_listening(self):
        """Until it takes connections."""
        host, port = self.address.split(":")
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            with contextlib.suppress(OSError), socket.create_connection((host, int(port)), 1):
                return
            time.sleep(0.02)
        text = self._log.read_text(encoding="utf-8", errors="replace")
        raise hub_process.BenchError(f"{self._process.args[0]} has not started: {text[-2000:]}")

    def end(self):
        """Ends the process."""
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


# What of a scenario's command a peer's load has as well.
COMMANDS = {"publish": "peer-publish", "fan-out": "peer-fan-out", "catch-up": "peer-catch-up",
            "idle": "peer-idle"}


def takes(peer, scenario):
    """Whether the scenario makes sense for the peer."""
    return (scenario.command in COMMANDS and "filters" not in scenario.fixed
            and (peer.keeps or scenario.command != "catch-up"))


def _bounded(peer, scenario, arguments):
    """With no more unanswered, of all clients together, than the peer takes."""
    if "in-flight" not in scenario.fixed:
        return arguments
    most = peer.most_unanswered // scenario.fixed["nodes"]
    value = arguments.index("--in-flight") + 1
    return [*arguments[:value], min(arguments[value], most), *arguments[value + 1:]]


def measure(bench, peer, scenario, size):
    """One run of the scenario; returns its figures by name."""
    command, *arguments = scenario.arguments(size)
    load = [COMMANDS[command], "--kind", peer.kind, *_bounded(peer, scenario, arguments)]
    with running(bench, peer) as server:
        if command == "catch-up":
            entries = scenario.filled_entries(size)
            bench.load(server, COMMANDS["publish"], "--kind", peer.kind, "--updates", entries)
            load += ["--updates", entries]
        return bench.load(server, *load)
