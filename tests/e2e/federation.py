"""A federation of real processes on the loopback, for tests.

    federation = Federation(["HN", "GT"], test=self)   # ended when the test ends
    federation.cli("hn-agency", "updates", "publish", path)
    federation.kill("hub"); federation.start("hub")
    federation.audit()

When a test ends that has stopped or killed a server, `gaceta log audit` reads the
whole log of the hub and of every node, and must find nothing.

`hub` and the states in lower case (`hn`) name the servers. Each listens on an address
of its own, 127.0.0.1 and up, which its certificate and the registry have. Identities
name the files of the PKI: `hn/agency-migracion`, `secretariat/admin-demo`.

Profiles of the command: `secretariat` (registrar, at the hub); for each state
`hn-agency`, `hn-monitor` and `hn-admin` (at its node) and `hn-at-hub` (the
monitor, at the hub).

A test program ends with `federation.main()`: it prints the logs of every server
if anything failed, and leaves neither processes nor files.
"""

import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

import grpc
import wire
from server_process import Failure, ServerProcess, free_port, wait_until  # noqa: F401 (for tests)

NAME = "gaceta.example"
BIN = os.path.abspath(os.environ.get(
    "GACETA_BIN_DIR", os.path.join(wire.SOURCE, "build", "dev", "bin")))
REGISTRY = os.path.join(wire.SOURCE, "deploy", "registry")
SAMPLES = os.path.join(wire.SOURCE, "deploy", "samples", "updates.ndjson")

_LOG_TAIL = 60
# What ctest takes for "skipped".
_SKIPPED = 77

_federations = []


class Server(ServerProcess):
    """A hub or a node, with its identity: `hn/node`."""

    def __init__(self, name, program, identity, folder, host):
        super().__init__(name, os.path.join(BIN, program), folder, host)
        self.identity = identity


class Federation:
    """See the file's comment.

    `agencies` gives the agency of states whose is not `migracion`. `hub_config`
    and `node_config` are text appended to the configuration files. `registry`
    False leaves the log empty; `start` False starts nothing at all.
    """

    def __init__(self, states, test=None, folder=None, agencies=None, hub_config="",
                 node_config="", registry=True, start=True):
        self.states = list(states)
        self._owns_folder = folder is None
        self.folder = folder or tempfile.mkdtemp(prefix="gaceta-e2e-")
        self.pki = os.path.join(self.folder, "pki")
        self.profiles = os.path.join(self.folder, "profiles.textproto")
        self._agencies = agencies or {}
        self._children = []
        self._created = set()
        self._is_damaged = False
        for name in ("config", "log", "home"):
            os.makedirs(os.path.join(self.folder, name), exist_ok=True)
        self.hub = Server("hub", "gaceta-hub", "secretariat/hub", self.folder, "127.0.0.1")
        self.nodes = {s.lower(): Server(s.lower(), "gaceta-node", f"{s.lower()}/node", self.folder,
                                        f"127.0.0.{number + 2}")
                      for number, s in enumerate(self.states)}
        self.servers = {"hub": self.hub, **self.nodes}
        _federations.append(self)
        if isinstance(test, type):
            test.addClassCleanup(self._end_test)
        elif test is not None:
            test.addCleanup(self._end_test)
        self._make_certificates()
        self._write_configuration(hub_config, node_config)
        if start:
            self.start_all()
        if start and registry:
            self.publish_registry()

    def agency_of(self, state):
        return self._agencies.get(state, "migracion")

    def _end_test(self):
        try:
            self._end_children()
            if any(s.was_ended for s in self.servers.values()) and not self._is_damaged:
                self._audit_after_faults()
        finally:
            self.close()

    def _end_children(self):
        for child in self._children:
            if child.poll() is None:
                child.kill()
                child.wait()

    def close(self):
        """Ends every process. The logs stay until main() ends."""
        self._end_children()
        for server in self.servers.values():
            if server.process is not None:
                server.kill()

    def remove(self):
        if self._owns_folder:
            shutil.rmtree(self.folder, ignore_errors=True)

    # --- Certificates and configuration ---

    def make_ca(self, member, *args):
        self._run_pki("ca", self.pki, member, *args)

    def make_leaf(self, member, role, *args):
        """Issues a certificate: make_leaf("hn", "agency/trabajo")."""
        self._run_pki("leaf", self.pki, member, role, *args)

    def file(self, name):
        """A file of the PKI: file("hn/node.key")."""
        return os.path.join(self.pki, name)

    def _run_pki(self, *args):
        done = self._run([os.path.join(BIN, "gaceta"), "pki", *args])
        if done.returncode != 0:
            raise Failure(f"gaceta pki {' '.join(args)}: {done.stderr}")

    def _make_certificates(self):
        self._run_pki("root", self.pki, "--federation", NAME)
        self.make_ca("secretariat", "--ip-address", self.hub.host)
        self.make_leaf("secretariat", "hub")
        self.make_leaf("secretariat", "signer")
        self.make_leaf("secretariat", "admin/demo")
        for number, state in enumerate(self.states):
            member = state.lower()
            self.make_ca(member, "--ip-address", self.nodes[member].host)
            self.make_leaf(member, "node")
            # Both sorts of key that may sign are always at work.
            self.make_leaf(member, "signer", *(["--ed25519"] if number % 2 else []))
            for role in (f"agency/{self.agency_of(state)}", "subscriber/monitor", "admin/ana"):
                self.make_leaf(member, role)

    def _tls(self, identity):
        return (f'tls {{\n  certificate_file: "{self.file(identity)}.pem"\n'
                f'  key_file: "{self.file(identity)}.key"\n'
                f'  root_file: "{self.file("root.pem")}"\n}}\n')

    def _write_configuration(self, hub_config, node_config):
        with open(self.hub.config, "w", encoding="utf-8") as file:
            file.write(f'federation: "{NAME}"\nlisten: "{self.hub.address}"\n'
                       f'data_folder: "{self.hub.data}"\n'
                       f'metrics_address: "{self.hub.metrics_address}"\n'
                       + self._tls("secretariat/hub") + hub_config + "\n")
        self.add_profile("secretariat", "hub", "secretariat/admin-demo")
        for state in self.states:
            member = state.lower()
            node = self.nodes[member]
            with open(node.config, "w", encoding="utf-8") as file:
                file.write(f'state: "{state}"\nfederation: "{NAME}"\n'
                           f'listen: "{node.address}"\nhub: "{self.hub.address}"\n'
                           f'data_folder: "{node.data}"\n'
                           f'metrics_address: "{node.metrics_address}"\n'
                           f'signer_key_file: "{self.file(member + "/signer.key")}"\n'
                           + self._tls(node.identity) + node_config + "\n")
            self.add_profile(f"{member}-agency", member,
                             f"{member}/agency-{self.agency_of(state)}")
            self.add_profile(f"{member}-monitor", member, f"{member}/subscriber-monitor")
            self.add_profile(f"{member}-admin", member, f"{member}/admin-ana")
            self.add_profile(f"{member}-at-hub", "hub", f"{member}/subscriber-monitor")

    def add_profile(self, name, server, identity):
        """A profile of the command: add_profile("gt-at-hn", "hn", "gt/subscriber-monitor")."""
        to = self.servers[server]
        with open(self.profiles, "a", encoding="utf-8") as file:
            file.write(f'profiles {{\n  name: "{name}"\n  server: "{to.address}"\n'
                       f'  server_id: "{spiffe_id_of(to.identity)}"\n'
                       f'  certificate_file: "{self.file(identity)}.pem"\n'
                       f'  key_file: "{self.file(identity)}.key"\n'
                       f'  root_file: "{self.file("root.pem")}"\n}}\n')

    # --- Servers ---

    def create(self, *names):
        """Makes the data folders of servers that have none."""
        for name in names:
            self.servers[name].create()
            self._created.add(name)

    def start(self, *names, wait=True):
        """Data folders are made before the first start, and never again."""
        for name in names:
            server = self.servers[name]
            if name not in self._created and not os.path.exists(server.data):
                self.create(name)
            self._created.add(name)
            server.start(wait=False)
        for name in names if wait else ():
            self.servers[name].await_log(" started program=")

    def start_all(self):
        # The hub first: a node that finds none waits before it tries again.
        self.start("hub")
        self.start(*self.nodes)

    def stop(self, name):
        """SIGTERM. Returns the exit code."""
        return self.servers[name].stop()

    def kill(self, name):
        """SIGKILL."""
        self.servers[name].kill()

    def restart(self, name):
        """SIGTERM, which must end with code 0, and a new start."""
        code = self.stop(name)
        if code != 0:
            raise Failure(f"{name} ended with code {code}")
        self.start(name)

    def publish_registry(self):
        """Members, log policy, topics and corridors; waits until every node has them."""
        key = ["--signer-key", self.file("secretariat/signer.key")]
        self.add_member("OAS")
        self.publish_log_policy()
        self.cli("secretariat", "registry", "publish", *key,
                 os.path.join(REGISTRY, "topics.json"),
                 os.path.join(REGISTRY, "corridors.json"), check=True)
        for state in self.states:
            self.add_member(state)
        self.await_mirrors()

    def add_member(self, member_id):
        """Publishes a member with its CA and signing key."""
        folder = "secretariat" if member_id == "OAS" else member_id.lower()
        self.cli("secretariat", "registry", "member", member_id,
                 "--members", os.path.join(REGISTRY, "members.json"),
                 "--ca", self.file(folder + "/ca.pem"),
                 "--signer", self.file(folder + "/signer.pem"),
                 "--signer-key", self.file("secretariat/signer.key"), check=True)

    def publish_log_policy(self, quorum=None, grace=60):
        """Every node is a witness; a quorum is the most of them."""
        witnesses = [argument for node in self.nodes.values() if os.path.exists(node.data)
                     for argument in ("--witness", os.path.join(node.data, "cosigner.key.pub"))]
        self.cli("secretariat", "registry", "policy",
                 "--log-key", os.path.join(self.hub.data, "log.key.pub"), *witnesses,
                 "--quorum", str(quorum or len(witnesses) // 4 + 1), "--grace", str(grace),
                 "--signer-key", self.file("secretariat/signer.key"), check=True)

    def log_size(self, server="hub"):
        """The end of the log, as a server has it."""
        identity = "secretariat/admin-demo" if server == "hub" else f"{server}/subscriber-monitor"
        with self.channel(identity, server) as channel:
            stream = wire.relay_grpc.RelayServiceStub(channel).Subscribe(iter([
                wire.relay_pb2.SubscribeRequest(open=wire.relay_pb2.Open(
                    start_now=wire.relay_pb2.Now()))]), timeout=30)
            size = next(stream).opened.log_size
            stream.cancel()
            return size

    def await_mirrors(self, seconds=30):
        """Waits until every node that runs has all that the hub has."""
        size = self.log_size()

        def has_all(name):
            try:
                return self.log_size(name) >= size
            except grpc.RpcError as error:
                # The node does not know its own state's programs before it has
                # the entry that makes the state a member.
                if error.code() == grpc.StatusCode.PERMISSION_DENIED:
                    return False
                raise

        for name, node in self.nodes.items():
            if node.is_running():
                wait_until(lambda name=name: has_all(name), seconds,
                           f"node {name} has all {size} entries")

    # --- Clients ---

    def channel(self, identity, server):
        """A channel to a server as `hn/agency-migracion`; as nobody, without a
        certificate, if that is None. The caller closes it."""
        to = self.servers[server]
        return wire.open_channel(
            to.address, self.file("root.pem"),
            identity and self.file(identity + ".pem"),
            identity and self.file(identity + ".key"))

    def is_serving(self, name):
        """Whether the server's health check says so."""
        identity = "secretariat/admin-demo" if name == "hub" else f"{name}/subscriber-monitor"
        with self.channel(identity, name) as channel:
            check = channel.unary_unary("/grpc.health.v1.Health/Check")
            # The request has no field set; the answer is field 1 = SERVING (1).
            return check(b"", timeout=10) == b"\x08\x01"

    def command(self, profile, *args):
        """The command line of the `gaceta` command with a profile."""
        line = [os.path.join(BIN, "gaceta"), "--config", self.profiles]
        return [*line, *(["--profile", profile] if profile else []), *args]

    def environment(self, **variables):
        """That of a command: nothing of who runs the tests."""
        return {"PATH": os.environ["PATH"], "HOME": os.path.join(self.folder, "home"),
                "LC_ALL": "C.UTF-8",
                **{k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS")},
                **variables}

    def cli(self, profile, *args, check=False, env=None, timeout=120, **kwargs):
        """Runs the `gaceta` command to its end; stdout and stderr are text."""
        done = self._run(self.command(profile, *args), env=self.environment(**(env or {})),
                         timeout=timeout, **kwargs)
        if check and done.returncode != 0:
            raise Failure(f"gaceta {' '.join(args)} as {profile} ended with code "
                          f"{done.returncode}: {done.stderr[-2000:]}{done.stdout[-2000:]}")
        return done

    def popen(self, profile, *args, env=None, stdout=subprocess.PIPE,
              stderr=subprocess.PIPE, **kwargs):
        """Starts the `gaceta` command; close() ends it if nobody does."""
        child = subprocess.Popen(self.command(profile, *args), text=True, encoding="utf-8",
                                 env=self.environment(**(env or {})), stdin=subprocess.DEVNULL,
                                 stdout=stdout, stderr=stderr, **kwargs)
        self._children.append(child)
        return child

    def publish(self, state, path, *args, **kwargs):
        """Publishes a file through a state's node, as its agency."""
        return self.cli(f"{state.lower()}-agency", "updates", "publish", "--no-journal",
                        path, *args, **kwargs)

    @staticmethod
    def _run(line, **kwargs):
        return subprocess.run(line, capture_output=True, text=True, encoding="utf-8",
                              stdin=None if "input" in kwargs else subprocess.DEVNULL, **kwargs)

    # --- The log ---

    def read_log(self, server="hub", identity=None):
        """Every entry of a server's log, as the secretariat unless told."""
        with self.channel(identity or "secretariat/admin-demo", server) as channel:
            return list(_entries_until_live(channel))

    def is_damaged_because(self, _why):
        """The log was damaged or made to lie on purpose: no audit at the end."""
        self._is_damaged = True

    def _audit_after_faults(self):
        """What was ended is started again, and every copy of the log is audited."""
        have_run = [n for n, s in self.servers.items() if s.was_ended or s.is_running()]
        self.start(*(n for n in have_run if not self.servers[n].is_running()))
        if "hub" in have_run:
            self.await_mirrors(60)
        for name in have_run:
            self.audit_by_command(name)

    def audit_by_command(self, name):
        """`gaceta log audit` at a server, by a reader who knows nothing yet: it must
        find nothing, in all of the log. Returns its report."""
        size = self.log_size(name)
        profile = "secretariat" if name == "hub" else f"{name}-monitor"
        with tempfile.TemporaryDirectory(dir=self.folder) as state:
            done = self.cli(profile, "--output=json", "log", "audit", check=True,
                            env={"XDG_STATE_HOME": state})
        report = json.loads(done.stdout)
        if not report["verified"] or report["begin"] != 0 or report["end"] < size:
            raise Failure(f"of {size} entries at {name}, the audit says {report}")
        return report

    def audit(self):
        """Reads the whole log of the hub and checks it: positions have no gap,
        signatures and digests are good, every publisher's chain is whole, no
        statement is there twice. Returns the verified entries."""
        from second_implementation import Verifier

        verifier = Verifier(wire.read_bytes(self.file("root.pem")), NAME)
        verified = [verifier.check(entry) for entry in self.read_log()]
        for expected, entry in enumerate(verified):
            if entry.position != expected:
                raise Failure(f"position {entry.position}, expected {expected}")
        seen = {}
        for entry in verified:
            first = seen.setdefault(entry.header.statement_id, entry.position)
            if first != entry.position:
                raise Failure(f"statement {entry.header.statement_id} is at {first} "
                              f"and at {entry.position}")
        return verified


def spiffe_id_of(identity):
    """`spiffe://hn.gaceta.example/agency/migracion` of `hn/agency-migracion`."""
    member, leaf = identity.split("/")
    return f"spiffe://{member}.{NAME}/{leaf.replace('-', '/', 1)}"


def _entries_until_live(channel):
    request = wire.relay_pb2.SubscribeRequest(open=wire.relay_pb2.Open(start_position=0))
    stream = wire.relay_grpc.RelayServiceStub(channel).Subscribe(iter([request]), timeout=120)
    for response in stream:
        yield from response.entries
        if response.progress.live:
            stream.cancel()
            return


def _print_logs(federation):
    for server in federation.servers.values():
        if not os.path.exists(server.log):
            continue
        with open(server.log, encoding="utf-8", errors="replace") as log:
            lines = log.readlines()
        print(f"--- {server.log}, {len(lines)} lines, the last are", file=sys.stderr)
        sys.stderr.writelines(itertools.islice(lines, max(0, len(lines) - _LOG_TAIL), None))


def main():
    """unittest.main() that shows logs on failure and leaves nothing behind."""
    def interrupt(number, _frame):
        raise KeyboardInterrupt(f"signal {number}")

    # ctest and people end a test so; the cleanups must run then, too.
    signal.signal(signal.SIGTERM, interrupt)
    passed = False
    try:
        result = unittest.main(exit=False, verbosity=2).result
        passed = result.wasSuccessful()
    finally:
        for federation in _federations:
            federation.close()
            if not passed:
                _print_logs(federation)
            federation.remove()
    if not passed:
        sys.exit(1)
    sys.exit(_SKIPPED if result.skipped and result.testsRun <= len(result.skipped) else 0)
