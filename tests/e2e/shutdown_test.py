"""How servers start and end: what they say, what they refuse, what SIGTERM does
to those who are connected, and how new certificates come into use."""

import datetime
import os
import shutil
import socket
import sqlite3
import ssl
import subprocess
import threading
import time
import unittest

import federation
import grpc
import statements
import wire
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from federation import BIN, wait_until
from statements import Chain, make_update, new_id
from wire import relay_grpc, relay_pb2, statement_pb2, submissions_grpc, submissions_pb2

PROMISED_SECONDS = 10


class Stream(threading.Thread):
    """A subscription that is read until it ends."""

    def __init__(self, federation_, identity, server):
        super().__init__(daemon=True)
        self._channel = federation_.channel(identity, server)
        self._stream = relay_grpc.RelayServiceStub(self._channel).Subscribe(
            iter([relay_pb2.SubscribeRequest(open=relay_pb2.Open(start_position=0))]), timeout=120)
        next(self._stream)
        self.positions = []
        self.closing = ""
        self.error = None
        self.start()

    def run(self):
        try:
            for response in self._stream:
                self.positions += [entry.position for entry in response.entries]
                self.closing = response.closing.reason or self.closing
        except grpc.RpcError as error:
            self.error = error

    def end(self):
        self._stream.cancel()
        self.join(10)
        self._channel.close()


class ShutdownTest(unittest.TestCase):
    """Under load."""

    def setUp(self):
        # MX has no node: its statements are sent here.
        self.federation = federation.Federation(["HN", "MX"], test=self, start=False)
        self.federation.start("hub")
        self.federation.start("hn")
        self.federation.publish_registry()

    def stop_in_time(self, name):
        begin = time.monotonic()
        self.assertEqual(self.federation.stop(name), 0)
        self.assertLess(time.monotonic() - begin, PROMISED_SECONDS)
        self.assertIn("stopped program=", self.federation.servers[name].log_text())

    def assert_told(self, stream):
        stream.join(10)
        self.assertEqual(stream.closing, "DRAINING")
        self.assertEqual((stream.error.code(), wire.reason_of(stream.error)),
                         (grpc.StatusCode.UNAVAILABLE, "DRAINING"))

    def test_a_hub_that_ends_answers_publishers_tells_streams_and_goes_on_after(self):
        streams = [Stream(self.federation, "hn/subscriber-monitor", "hub") for _ in range(10)]
        publisher = Load(self.federation)
        publisher.await_answers(50)

        self.stop_in_time("hub")

        for stream in streams:
            self.assert_told(stream)
        publisher.join(10)
        # The stream was ended by the hub, not cut off.
        self.assertEqual((publisher.error.code(), wire.reason_of(publisher.error)),
                         (grpc.StatusCode.UNAVAILABLE, "DRAINING"))
        self.assertFalse(publisher.refusals)

        self.federation.start("hub")
        log = self.federation.audit()
        self.assertEqual(
            [e.header.statement_id for e in log if e.header.publisher == "MX"][
                :len(publisher.receipts)], publisher.receipts)
        chain = Chain(self.federation, "MX")
        with chain.connect() as hub:
            self.assertTrue(hub.publish(chain.sign(make_update("MX", 10**6))).HasField("receipt"))
        # The node finds it by itself.
        self.federation.await_mirrors()

    def test_a_node_that_ends_keeps_what_it_has_taken(self):
        stream = Stream(self.federation, "hn/subscriber-monitor", "hn")
        # A watch that waits, since the hub is away.
        self.federation.stop("hub")
        watched = self.submit(1)
        watch = self.watch(watched)
        self.assertEqual(next(watch).submission.state, submissions_pb2.Submission.STATE_PENDING)
        taken = [watched]
        ended = threading.Event()
        submitters = [threading.Thread(target=self.submit_until, args=(ended, taken, n * 1000))
                      for n in range(1, 5)]
        for thread in submitters:
            thread.start()
        wait_until(lambda: len(taken) > 20, 30)

        self.stop_in_time("hn")

        ended.set()
        for thread in submitters:
            thread.join(30)
        self.assert_told(stream)
        with self.assertRaises(grpc.RpcError) as raised:
            list(watch)
        self.assertEqual(raised.exception.code(), grpc.StatusCode.UNAVAILABLE)
        self.federation.start("hub", "hn")
        for submission_id in taken:
            wait_until(lambda i=submission_id: self.is_accepted(i), 30, f"{submission_id} arrives")
        log = [e.header.statement_id for e in self.federation.audit()]
        self.assertLessEqual(set(taken), set(log))

    def stub(self):
        channel = self.federation.channel("hn/agency-migracion", "hn")
        self.addCleanup(channel.close)
        return submissions_grpc.SubmissionsServiceStub(channel)

    def submit(self, number, stub=None):
        submission_id = new_id()
        (stub or self.stub()).SubmitUpdate(submissions_pb2.SubmitUpdateRequest(
            submission_id=submission_id,
            update=statements.as_message(make_update("HN", number))), timeout=30)
        return submission_id

    def submit_until(self, ended, taken, number):
        stub = self.stub()
        while not ended.is_set():
            number += 1
            try:
                taken.append(self.submit(number, stub))
            except grpc.RpcError:
                ended.wait(0.01)

    def watch(self, submission_id):
        return self.stub().WatchSubmission(
            submissions_pb2.WatchSubmissionRequest(submission_id=submission_id), timeout=60)

    def is_accepted(self, submission_id):
        submission = self.stub().GetSubmission(
            submissions_pb2.GetSubmissionRequest(submission_id=submission_id),
            timeout=30).submission
        return submission.state == submissions_pb2.Submission.STATE_ACCEPTED

    def test_a_server_whose_clients_do_not_listen_ends_in_time_all_the_same(self):
        channel = self.federation.channel("hn/subscriber-monitor", "hub")
        self.addCleanup(channel.close)
        deaf = [relay_grpc.RelayServiceStub(channel).Subscribe(
            iter([relay_pb2.SubscribeRequest(open=relay_pb2.Open(start_position=0))]),
            timeout=120) for _ in range(5)]
        for stream in deaf:
            next(stream)
        silent = socket.create_connection((self.federation.hub.host, self.federation.hub.port))
        self.addCleanup(silent.close)

        self.stop_in_time("hub")

    def test_sigterm_while_the_other_is_away(self):
        self.federation.kill("hub")
        self.stop_in_time("hn")


class Load(threading.Thread):
    """Publishes as MX, many at a time, until the stream ends."""

    AHEAD = 100

    def __init__(self, federation_):
        super().__init__(daemon=True)
        self.receipts = []  # ids, in order
        self.refusals = []
        self.error = None
        self._chain = Chain(federation_, "MX")
        self._hub = self._chain.connect()
        self._number = 0
        self.start()

    def run(self):
        with self._hub as hub:
            try:
                for _ in range(self.AHEAD):
                    self._send(hub)
                while True:
                    answer = hub.receive()
                    if answer.HasField("receipt"):
                        self.receipts.append(answer.statement_id)
                    else:
                        self.refusals.append(answer.error)
                    self._send(hub)
            except grpc.RpcError as error:
                self.error = error

    def _send(self, hub):
        self._number += 1
        statement = self._chain.sign(make_update("MX", self._number))
        hub.send(statement)
        # The next is sent before this one is answered.
        self._chain.append(statement)

    def await_answers(self, count):
        wait_until(lambda: len(self.receipts) >= count, 30, f"{count} receipts")


class StartTest(unittest.TestCase):
    def setUp(self):
        self.federation = federation.Federation(["HN"], test=self, start=False)

    def refuses(self, name, pattern):
        """The server ends at once, with code 1 and an error on its log."""
        server = self.federation.servers[name]
        done = subprocess.run([os.path.join(BIN, server.program), "--config", server.config],
                              capture_output=True, encoding="utf-8", timeout=30)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertRegex(done.stderr, pattern)
        self.assertNotIn("started", done.stderr)

    def configure(self, name, old, new):
        server = self.federation.servers[name]
        with open(server.config, encoding="utf-8") as file:
            text = file.read()
        self.assertIn(old, text)
        with open(server.config, "w", encoding="utf-8") as file:
            file.write(text.replace(old, new))

    def test_the_first_line_says_who_where_and_until_when(self):
        self.federation.start_all()
        for name, identity in (("hub", "spiffe://secretariat.gaceta.example/hub"),
                               ("hn", "spiffe://hn.gaceta.example/node")):
            server = self.federation.servers[name]
            lines = [line for line in server.log_text().splitlines() if " started " in line]
            self.assertEqual(len(lines), 1)
            end = datetime.date.today() + datetime.timedelta(days=365)
            for part in (f"identity={identity} ", f"listen={server.address} ",
                         f"data={server.data} ", "level=info"):
                self.assertIn(part, lines[0])
            self.assertRegex(lines[0], f"certificates_end=({end}|{end - datetime.timedelta(1)})")

    def test_a_key_that_others_can_read_is_refused(self):
        for name, key in (("hub", "secretariat/hub.key"), ("hn", "hn/node.key"),
                          ("hn", "hn/signer.key")):
            path = self.federation.file(key)
            os.chmod(path, 0o640)
            self.refuses(name, f"{path}.* can be read by others; run chmod 600")
            os.chmod(path, 0o600)

    def test_a_certificate_of_somebody_else_is_refused(self):
        self.configure("hub", "secretariat/hub.", "hn/node.")
        self.refuses("hub", "is that of spiffe://hn.gaceta.example/node, expected "
                            "spiffe://secretariat.gaceta.example/hub")
        self.configure("hn", "hn/node.", "hn/agency-migracion.")
        self.refuses("hn", "agency/migracion, expected spiffe://hn.gaceta.example/node")

    def test_a_key_of_another_certificate_is_refused(self):
        self.configure("hub", "secretariat/hub.key", "secretariat/signer.key")
        self.refuses("hub", "signer.key is not the key of the certificate")

    def test_files_that_are_missing_or_hold_something_else_are_refused(self):
        self.configure("hub", "root.pem", "nowhere.pem")
        self.refuses("hub", "cannot read .*nowhere.pem")
        self.configure("hub", "nowhere.pem", "../profiles.textproto")
        self.refuses("hub", "holds no certificate in PEM")

    def test_a_root_of_another_federation_is_refused(self):
        other = federation.Federation([], test=self, start=False)
        shutil.copy(other.file("root.pem"), self.federation.file("root.pem"))
        self.refuses("hub", "hub.pem: .*(unable|issuer|signature)")

    def test_an_expired_certificate_is_refused(self):
        self.expire("secretariat", "hub")
        self.refuses("hub", "hub.pem: .*expired")
        self.expire("hn", "node")
        self.refuses("hn", "node.pem: .*expired")

    def expire(self, member, leaf):
        """Issues the certificate again, as of two days ago and for one."""
        path = self.federation.file(f"{member}/{leaf}.pem")
        pem = wire.read_bytes(path)
        old = x509.load_pem_x509_certificate(pem)
        issuer_pem = pem[pem.rindex(b"-----BEGIN"):]
        ca_key = serialization.load_pem_private_key(
            wire.read_bytes(self.federation.file(f"{member}/ca.key")), None)
        now = datetime.datetime.utcnow()
        new = x509.CertificateBuilder(
            issuer_name=old.issuer, subject_name=old.subject, public_key=old.public_key(),
            serial_number=x509.random_serial_number(), extensions=list(old.extensions),
            not_valid_before=now - datetime.timedelta(2),
            not_valid_after=now - datetime.timedelta(1)).sign(ca_key, hashes.SHA256())
        with open(path, "wb") as file:
            file.write(new.public_bytes(serialization.Encoding.PEM) + issuer_pem)

    def test_a_folder_or_port_in_use_is_refused(self):
        self.federation.start_all()
        for name in ("hub", "hn"):
            server = self.federation.servers[name]
            port = str(federation.free_port(server.host))
            self.configure(name, str(server.port), port)
            self.refuses(name, "another server is using this folder")
            self.configure(name, port, str(server.port))
            self.configure(name, f'"{server.data}"', f'"{server.data}-2"')
            server.create()
            self.refuses(name, f"cannot listen at {server.address}; is another server")
            self.configure(name, f'listen: "{server.address}"',
                           f'listen: "{server.host}:{port}"')
            self.refuses(name, f"metrics_address: cannot listen at {server.metrics_address}")

    def test_a_damaged_log_is_refused_and_says_how_to_go_on(self):
        self.federation.start_all()
        self.federation.publish_registry()
        self.federation.publish("HN", federation.SAMPLES, "--in-flight", "1", check=True)
        self.federation.await_mirrors()
        log = self.federation.audit()
        for name in ("hub", "hn"):
            self.federation.stop(name)
        for name in ("hub", "hn"):
            # The end of the log, and what the registry is made of.
            for entry in (log[-1].entry, log[0].entry):
                self.flip_a_bit(name, entry.payload)
                self.refuses(name, f"entry {entry.position} of .*log.db is missing or does not "
                                   "match its checksum; restore it")
                self.flip_a_bit(name, entry.payload)
        self.federation.start("hub", "hn")
        self.assertEqual(len(self.federation.audit()), len(log))

    def flip_a_bit(self, name, payload):
        """In the last byte of a payload, or back."""
        path = os.path.join(self.federation.servers[name].data, "log.db")
        connection = sqlite3.connect(path)
        rows = connection.execute("SELECT position, payload FROM entry").fetchall()
        for position, stored in rows:
            if stored[:-1] == payload[:-1]:
                connection.execute("UPDATE entry SET payload = ? WHERE position = ?",
                                   (stored[:-1] + bytes([stored[-1] ^ 1]), position))
        connection.commit()
        self.assertEqual(connection.total_changes, 1)
        connection.close()

    def test_a_hub_whose_log_is_damaged_serves_nothing_and_says_what_to_do(self):
        self.federation.start_all()
        self.federation.publish_registry()
        self.federation.publish("HN", federation.SAMPLES, "--in-flight", "1", check=True)
        log = self.federation.audit()
        self.federation.stop("hub")
        self.federation.is_damaged_because("a bit of an entry is flipped")
        self.flip_a_bit("hub", log[-2].entry.payload)
        self.federation.start("hub", wait=False)
        self.assertEqual(self.federation.hub.process.wait(30), 1)
        said = self.federation.hub.log_text()
        self.assertIn(f"entry {log[-2].position} of ", said)
        self.assertIn("the log is not served: ", said)

    def test_damage_in_the_middle_of_the_log_is_told_to_who_reads_it(self):
        self.federation.start_all()
        self.federation.publish_registry()
        self.federation.publish("HN", federation.SAMPLES, "--in-flight", "1", check=True)
        log = self.federation.audit()
        # Started anew it has nothing of the log in memory, and finds it good.
        self.federation.restart("hub")
        self.federation.is_damaged_because("a bit of an entry is flipped")
        self.flip_a_bit("hub", log[-2].entry.payload)

        stream = Stream(self.federation, "secretariat/admin-demo", "hub")
        stream.join(30)
        self.assertEqual(stream.error.code(), grpc.StatusCode.DATA_LOSS)
        self.assertIn(f"entry {log[-2].position} of ", stream.error.details())
        self.assertEqual(stream.positions, [e.position for e in log[:len(stream.positions)]])
        self.assertNotIn(log[-2].position, stream.positions)
        # The rest is as good as before.
        self.assertTrue(self.federation.is_serving("hub"))

    def test_a_hub_that_lost_or_changed_entries_since_its_last_checkpoint_serves_nothing(self):
        self.federation.start_all()
        self.federation.publish_registry()
        self.federation.publish("HN", federation.SAMPLES, "--in-flight", "1", check=True)
        size = len(self.federation.audit())
        self.federation.stop("hub")
        self.federation.is_damaged_because("its last entry is deleted")
        path = os.path.join(self.federation.hub.data, "log.db")
        connection = sqlite3.connect(path)
        connection.execute("DELETE FROM entry WHERE position = ?", (size - 1,))
        connection.commit()
        connection.close()
        self.federation.start("hub", wait=False)
        self.assertEqual(self.federation.hub.process.wait(30), 1)
        self.assertIn(f"the log has {size - 1} entries, but log.size says that {size} were shown: "
                      "entries were lost", self.federation.hub.log_text())


class CertificatesTest(unittest.TestCase):
    def setUp(self):
        self.federation = federation.Federation(["HN"], test=self)

    def serial_number(self, name):
        """Of the certificate that a server shows now."""
        server = self.federation.servers[name]
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(self.federation.file("root.pem"))
        context.set_alpn_protocols(["h2"])
        context.load_cert_chain(self.federation.file("hn/agency-migracion.pem"),
                                self.federation.file("hn/agency-migracion.key"))
        with socket.create_connection((server.host, server.port), timeout=10) as plain:
            with context.wrap_socket(plain, server_hostname=server.host) as secured:
                shown = x509.load_der_x509_certificate(secured.getpeercert(binary_form=True))
                return shown.serial_number

    def renew(self, member, leaf):
        """Makes a new key and certificate and puts both in the place of the old."""
        other = os.path.join(self.federation.folder, "pki-new")
        if not os.path.exists(other):
            shutil.copytree(self.federation.pki, other)
        for end in (".key", ".pem"):
            os.remove(f"{other}/{member}/{leaf}{end}")
        done = self.federation.cli(None, "pki", "leaf", other, member, leaf)
        self.assertEqual(done.returncode, 0, done.stderr)
        for end in (".key", ".pem"):
            os.replace(f"{other}/{member}/{leaf}{end}", self.federation.file(member + "/" + leaf)
                       + end)
        certificate = x509.load_pem_x509_certificate(
            wire.read_bytes(self.federation.file(f"{member}/{leaf}.pem")))
        return certificate.serial_number

    def test_new_certificates_are_used_without_a_restart_and_streams_go_on(self):
        pids = {n: s.process.pid for n, s in self.federation.servers.items()}
        before = {name: self.serial_number(name) for name in pids}
        streams = [Stream(self.federation, "hn/subscriber-monitor", name) for name in pids]
        for stream in streams:
            self.addCleanup(stream.end)

        after = {"hub": self.renew("secretariat", "hub"), "hn": self.renew("hn", "node")}

        for name in pids:
            self.assertNotEqual(before[name], after[name])
            wait_until(lambda n=name: self.serial_number(n) == after[n], 40,
                       f"{name} shows its new certificate")
        self.assertEqual({n: s.process.pid for n, s in self.federation.servers.items()}, pids)
        self.federation.publish("HN", federation.SAMPLES, "--in-flight", "1", check=True)
        end = self.federation.log_size()
        for stream in streams:
            wait_until(lambda s=stream: s.positions and s.positions[-1] == end - 1, 30,
                       "the stream that was open goes on")
            self.assertIsNone(stream.error)


if __name__ == "__main__":
    federation.main()
