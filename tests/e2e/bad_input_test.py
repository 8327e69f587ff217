"""Bad input gets a precise error, in the form that any language's client
decodes, and the servers go on unharmed.

HN and GT have nodes. MX has none: its statements are signed here, and brought
to the hub as its node would."""

import json
import os
import random
import socket
import ssl
import threading
import time
import unittest

import federation
import grpc
import statements
import wire
from broken_rules import broken_rules
from federation import wait_until
from google.protobuf import json_format
from second_implementation import Subscription, Verifier, fetch_registry
from statements import Chain, Signer, changed, make_update, new_id, payload_of
from wire import (documents_grpc, documents_pb2, publishing_grpc, publishing_pb2, registry_pb2,
                  relay_grpc, relay_pb2, statement_pb2, submissions_grpc, submissions_pb2,
                  updates_grpc, updates_pb2)

Code = grpc.StatusCode
CHUNK = 256 * 1024
# A tag whose number never ends: no message parses from it.
UNPARSABLE = b"\xff" * 32
# What gRPC's ways of serving an rpc answer to that, and what our own do.
NOT_PARSED = (Code.INVALID_ARGUMENT, Code.INTERNAL, Code.UNIMPLEMENTED)
# How an HTTP/2 client begins; with its settings.
CONNECTION = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
PREFACE = CONNECTION + b"\0\0\0\4\0\0\0\0\0"
TIMEOUT = 30


class BadInputTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.federation = federation.Federation(["HN", "GT", "MX"], test=cls, start=False)
        cls.federation.start("hub")
        cls.federation.start("hn", "gt")
        cls.federation.publish_registry()
        cls.pids = cls.running()
        cls.chain = Chain(cls.federation, "MX")
        cls.numbers = iter(range(1, 10**6))
        # Follows all along; what is good must go on coming.
        cls.witness = Witness(cls.federation, "hn/subscriber-monitor", "hn")
        cls.addClassCleanup(cls.witness.end)

    @classmethod
    def running(cls):
        return {name: server.process.pid for name, server in cls.federation.servers.items()
                if server.is_running()}

    def tearDown(self):
        """The servers are unharmed: the same processes publish and relay."""
        self.assertEqual(self.running(), self.pids)
        self.assertTrue(self.federation.is_serving("hub"))
        through_hub = self.publish(self.good())
        through_node = new_id()
        self.submit(make_update("HN", next(self.numbers)), submission_id=through_node)
        for statement_id in (self.header_of(through_hub).statement_id, through_node):
            self.witness.await_statement(statement_id)

    # --- Verbs ---

    def good(self, **fields):
        """The next statement of MX as it should be, but for `fields` of its header."""
        return self.chain.sign(make_update("MX", next(self.numbers)), **fields)

    def header_of(self, statement):
        return statement_pb2.StatementHeader.FromString(statement.header)

    def answer_to(self, statement, identity=None):
        with self.chain.connect(identity) as hub:
            return hub.publish(statement)

    def publish(self, statement):
        """Publishes what is good. Returns the statement."""
        answer = self.answer_to(statement)
        self.assertTrue(answer.HasField("receipt"), answer.error)
        return statement

    def refused(self, statement, code, reason):
        """The hub's refusal of one statement. The stream goes on."""
        with self.chain.connect() as hub:
            answer = hub.publish(statement)
            self.assertTrue(answer.HasField("error"), f"{answer} expected {reason}")
            self.assert_error(answer.error, code, reason)
            after = hub.publish(self.good())
            self.assertTrue(after.HasField("receipt"), after.error)
        return answer.error

    def assert_error(self, error, code, reason):
        self.assertEqual((error.code, wire.reason_of(error)), (code.value[0], reason),
                         error.message)
        self.assertTrue(error.message)

    def fails(self, code, reason, call):
        """The RpcError of a call that must fail so. An iterator is read to its end."""
        with self.assertRaises(grpc.RpcError) as raised:
            result = call()
            for _ in result if hasattr(result, "__next__") else ():
                pass
        error = raised.exception
        self.assertEqual((error.code(), wire.reason_of(error)), (code, reason), error.details())
        # gRPC itself gives no text with this one.
        self.assertTrue(error.details() or code == Code.UNIMPLEMENTED)
        return error

    def channel(self, identity, server):
        channel = self.federation.channel(identity, server)
        self.addCleanup(channel.close)
        return channel

    def submit(self, update, submission_id=None, identity="hn/agency-migracion", server="hn",
               **fields):
        request = submissions_pb2.SubmitUpdateRequest(
            submission_id=submission_id or new_id(), update=statements.as_message(update), **fields)
        stub = submissions_grpc.SubmissionsServiceStub(self.channel(identity, server))
        return stub.SubmitUpdate(request, timeout=TIMEOUT)

    def subscribe(self, *requests, identity="hn/subscriber-monitor", server="hub"):
        stub = relay_grpc.RelayServiceStub(self.channel(identity, server))
        return stub.Subscribe(iter(requests), timeout=TIMEOUT)

    def open(self, **fields):
        return relay_pb2.SubscribeRequest(open=relay_pb2.Open(**{"start_position": 0, **fields}))

    # --- Who calls ---

    def tls(self, server, data, certificate=None, key=None, seconds=TIMEOUT):
        """Sends bytes over TLS and returns what the server answers until it closes."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(self.federation.file("root.pem"))
        context.set_alpn_protocols(["h2"])
        if certificate:
            context.load_cert_chain(certificate, key)
        to = self.federation.servers[server]
        answer = b""
        with socket.create_connection((to.host, to.port), timeout=seconds) as plain:
            with context.wrap_socket(plain, server_hostname=to.host) as secured:
                try:
                    secured.sendall(data)
                    while part := secured.recv(4096):
                        answer += part
                except (ConnectionError, ssl.SSLError, TimeoutError):
                    pass
        return answer

    def assert_shut_out(self, server, why, certificate=None, key=None):
        """The server closes the connection without a word; its log says why."""
        to = self.federation.servers[server]
        logged = to.log_text().count(why)
        self.assertEqual(self.tls(server, PREFACE, certificate, key), b"")
        wait_until(lambda: to.log_text().count(why) > logged, TIMEOUT, f"{server} logs {why}")
        with wire.open_channel(to.address, self.federation.file("root.pem"), certificate,
                               key) as channel:
            stub = updates_grpc.UpdatesServiceStub(channel)
            with self.assertRaises(grpc.RpcError) as raised:
                stub.ListUpdates(updates_pb2.ListUpdatesRequest(), timeout=TIMEOUT)
            self.assertEqual(raised.exception.code(), Code.UNAVAILABLE)

    def test_who_shows_no_certificate_is_shut_out(self):
        for server in ("hub", "hn"):
            self.assert_shut_out(server, "peer did not return a certificate")

    def test_who_shows_a_certificate_of_another_federation_is_shut_out(self):
        other = federation.Federation(["HN"], test=self, start=False)
        for server in ("hub", "hn"):
            self.assert_shut_out(server, "certificate verify failed",
                                 other.file("hn/node.pem"), other.file("hn/node.key"))

    def test_honduras_cannot_publish_as_guatemala(self):
        update = make_update("GT", 1)
        guatemala = Chain(self.federation, "GT")
        for signer in (Signer(self.federation.file("hn/signer.key")), guatemala.signer):
            payload = payload_of(update)
            forged = signer.statement(guatemala.header(payload), payload)
            with Chain(self.federation, "HN").connect() as hub:
                error = hub.publish(forged).error
            self.assert_error(error, Code.PERMISSION_DENIED, "WRONG_PUBLISHER")
            self.assertIn("HN", error.message)

    def test_a_key_of_another_state_signs_for_nobody_else(self):
        payload = payload_of(make_update("MX", next(self.numbers)))
        signer = Signer(self.federation.file("hn/signer.key"))
        with self.chain.connect() as hub:
            error = hub.publish(signer.statement(self.chain.header(payload), payload)).error
        self.assertEqual(wire.reason_of(error), "UNKNOWN_KEY", error)

    def test_nobody_asks_for_the_head_of_another_states_chain(self):
        stub = publishing_grpc.PublishingServiceStub(self.channel("hn/node", "hub"))
        self.fails(Code.PERMISSION_DENIED, "WRONG_PUBLISHER", lambda: stub.GetChainHead(
            publishing_pb2.GetChainHeadRequest(publisher="GT"), timeout=TIMEOUT))

    def test_an_agency_submits_to_no_other_states_node(self):
        self.fails(Code.PERMISSION_DENIED, "WRONG_TRUST_DOMAIN", lambda: self.submit(
            make_update("GT", 1), identity="hn/agency-migracion", server="gt"))

    def test_a_role_calls_no_more_than_it_may(self):
        self.fails(Code.PERMISSION_DENIED, "ROLE_NOT_ALLOWED", lambda: self.submit(
            make_update("HN", 1), identity="hn/subscriber-monitor"))
        for identity in ("hn/agency-migracion", "hn/subscriber-monitor", "hn/admin-ana"):
            stub = publishing_grpc.PublishingServiceStub(self.channel(identity, "hub"))
            self.fails(Code.PERMISSION_DENIED, "ROLE_NOT_ALLOWED",
                       lambda stub=stub: stub.Publish(iter([]), timeout=TIMEOUT))
        stub = documents_grpc.DocumentsServiceStub(self.channel("hn/subscriber-monitor", "hn"))
        self.fails(Code.PERMISSION_DENIED, "ROLE_NOT_ALLOWED",
                   lambda: stub.UploadDocument(iter([]), timeout=TIMEOUT))

    # --- What was signed ---

    def test_an_altered_signature_is_found(self):
        for alter in (lambda s: s[:-1] + bytes([s[-1] ^ 1]), lambda s: b"", lambda s: bytes(64),
                      lambda s: s * 100):
            statement = self.good()
            self.refused(self.copy(statement, signature=alter(statement.signature)),
                         Code.UNAUTHENTICATED, "BAD_SIGNATURE")

    @staticmethod
    def copy(statement, **fields):
        copied = statement_pb2.Statement()
        copied.CopyFrom(statement)
        for name, value in fields.items():
            setattr(copied, name, value)
        return copied

    def test_an_altered_header_is_found(self):
        statement = self.good()
        header = self.header_of(statement)
        header.signed_time.seconds -= 86400
        self.refused(self.copy(statement, header=header.SerializeToString()),
                     Code.UNAUTHENTICATED, "BAD_SIGNATURE")

    def test_an_altered_payload_is_found(self):
        for alter in (lambda p: p[:-1] + bytes([p[-1] ^ 1]), lambda p: p[:-1],
                      lambda p: p + b"\0", lambda p: b""):
            statement = self.good()
            self.refused(self.copy(statement, payload=alter(statement.payload)),
                         Code.INVALID_ARGUMENT, "PAYLOAD_DIGEST_MISMATCH")

    def test_a_statement_for_another_log_is_refused(self):
        self.refused(self.good(log_origin="hub.elsewhere.example/log"),
                     Code.INVALID_ARGUMENT, "WRONG_LOG")

    def test_a_malformed_header_is_refused_by_field(self):
        for field, value in {"statement_id": "1", "agency": "Migración", "sequence": 0,
                             "payload_digest": b"x", "payload_type": ""}.items():
            error = self.refused(self.good(**{field: value}),
                                 Code.INVALID_ARGUMENT, "MALFORMED_STATEMENT")
            self.assertIn("header." + field, [f for f, _ in wire.violations_of(error)])
        self.refused(self.copy(self.good(), header=UNPARSABLE),
                     Code.INVALID_ARGUMENT, "MALFORMED_STATEMENT")
        self.refused(statement_pb2.Statement(), Code.INVALID_ARGUMENT, "MALFORMED_STATEMENT")

    def test_a_payload_of_another_kind_is_refused(self):
        self.refused(self.chain.sign(UNPARSABLE), Code.INVALID_ARGUMENT, "MALFORMED_PAYLOAD")
        self.refused(self.good(payload_type="gaceta.v1.Comment"),
                     Code.INVALID_ARGUMENT, "MALFORMED_PAYLOAD")
        # Only the secretariat changes the registry.
        change = registry_pb2.RegistryChange(nonce=bytes(16)).SerializeToString()
        with self.chain.connect() as hub:
            answer = hub.publish(self.chain.sign(change, payload_type="gaceta.v1.RegistryChange"))
        self.assertEqual(wire.reason_of(answer.error), "MALFORMED_PAYLOAD", answer)

    # --- Chains and ids ---

    def test_a_gap_is_refused_and_the_expected_number_told(self):
        self.publish(self.good())
        error = self.refused(self.good(sequence=self.chain.sequence + 3),
                             Code.FAILED_PRECONDITION, "SEQUENCE_GAP")
        self.assertIn(f"expected {self.chain.sequence}", error.message)

    def test_a_wrong_predecessor_is_refused(self):
        self.publish(self.good())
        self.refused(self.good(previous_digest=bytes(32)),
                     Code.FAILED_PRECONDITION, "WRONG_PREDECESSOR")

    def test_the_same_id_with_other_content_is_refused_and_both_are_evidence(self):
        first = self.publish(self.good())
        second = self.good(statement_id=self.header_of(first).statement_id)
        self.refused(second, Code.ALREADY_EXISTS, "STATEMENT_ID_TAKEN")
        self.assert_evidence("STATEMENT_ID_TAKEN", first, second)

    def test_a_second_statement_at_one_place_is_refused_and_both_are_evidence(self):
        sequence, digest = self.chain.sequence, self.chain.digest
        self.publish(self.good())
        first = self.publish(self.good())
        second = self.good(sequence=sequence + 2, previous_digest=digest or bytes(32))
        self.refused(second, Code.ALREADY_EXISTS, "SEQUENCE_TAKEN")
        self.assert_evidence("SEQUENCE_TAKEN", first, second)

    def assert_evidence(self, reason, first, second):
        """The hub keeps both statements, and whoever has the root can check them."""
        folder = os.path.join(self.federation.hub.data, "evidence")
        kept = []
        for name in sorted(os.listdir(folder)):
            with open(os.path.join(folder, name), encoding="utf-8") as file:
                kept.append(json_format.Parse(file.read(), statement_pb2.Evidence()))
        kept = [e for e in kept if [leaf.header for leaf in e.leaves] == [first.header,
                                                                          second.header]]
        self.assertEqual([e.reason for e in kept], [reason])
        verifier = Verifier(wire.read_bytes(self.federation.file("root.pem")), federation.NAME)
        fetch_registry(self.channel("hn/subscriber-monitor", "hub"), verifier)
        for leaf in kept[0].leaves:
            verifier.check_leaf(leaf)

    def test_the_same_statement_again_gets_its_receipt_again(self):
        statement = self.good()
        first = self.answer_to(statement).receipt
        self.publish(self.good())
        for _ in range(3):
            again = self.answer_to(statement).receipt
            self.assertEqual((again.position, again.leaf), (first.position, first.leaf))

    def test_the_same_submission_again_gets_its_answer_again(self):
        update = make_update("HN", next(self.numbers))
        submission_id = new_id()
        first = self.submit(update, submission_id).submission
        again = self.submit(update, submission_id).submission
        self.assertEqual(again.sequence, first.sequence)
        self.fails(Code.ALREADY_EXISTS, "SUBMISSION_ID_TAKEN", lambda: self.submit(
            changed(update, "instrument.number", "2"), submission_id))

    # --- Rules ---

    def test_every_rule_broken_is_refused_by_the_hub_with_its_field(self):
        theirs = self.submit(make_update("HN", next(self.numbers))).submission.submission_id
        self.witness.await_statement(theirs)
        with self.chain.connect() as hub:
            for rule in broken_rules("MX", theirs):
                with self.subTest(rule.name):
                    answer = hub.publish(self.chain.sign(rule.update))
                    self.assert_violation(answer.error, rule.field)

    def test_every_rule_broken_is_refused_by_the_node_with_its_field(self):
        theirs = self.header_of(self.publish(self.good())).statement_id
        self.witness.await_statement(theirs)
        for rule in broken_rules("HN", theirs):
            with self.subTest(rule.name):
                error = self.fails(Code.INVALID_ARGUMENT, "RULE_VIOLATION",
                                   lambda rule=rule: self.submit(rule.update))
                self.assert_violation(wire.error_details(error), rule.field)

    def assert_violation(self, error, field):
        self.assert_error(error, Code.INVALID_ARGUMENT, "RULE_VIOLATION")
        violations = wire.violations_of(error)
        self.assertEqual([f for f, _ in violations], [field], violations)
        self.assertTrue(violations[0][1])

    def test_all_violations_are_told_at_once(self):
        update = changed(changed(make_update("HN", 1), "kind", None), "instrument.titles", [])
        error = self.fails(Code.INVALID_ARGUMENT, "RULE_VIOLATION", lambda: self.submit(
            update, submission_id="1"))
        self.assertEqual({f for f, _ in wire.violations_of(error)},
                         {"submission_id", "update.kind", "update.instrument.titles"})

    def test_the_end_of_an_instruments_life_is_the_end(self):
        number = next(self.numbers)
        repealed = changed(make_update("MX", number), "version.status", "VERSION_STATUS_REPEALED")
        self.publish(self.chain.sign(repealed))
        in_force = changed(repealed, "version.status", "VERSION_STATUS_IN_FORCE")
        resumed = changed(in_force, "event", "UPDATE_EVENT_RESUMPTION")
        with self.chain.connect() as hub:
            self.assert_violation(hub.publish(self.chain.sign(in_force)).error,
                                  "update.version.status")
            self.assert_violation(hub.publish(self.chain.sign(resumed)).error, "update.ground")
        self.publish(self.chain.sign(changed(resumed, "ground", "Sentencia 1/2024")))

    def test_the_audience_names_members_and_corridors_of_the_registry(self):
        audience = statement_pb2.Audience
        for wrong, field in (
                (audience(scope=audience.SCOPE_LISTED, states=["ZZ"]), "audience.states[0]"),
                (audience(scope=audience.SCOPE_LISTED, corridors=["x"]), "audience.corridors[0]"),
                (audience(scope=audience.SCOPE_LISTED), "audience.scope"),
                (audience(scope=audience.SCOPE_MEMBERS, states=["GT"]), "audience.scope"),
                (audience(scope=99), "audience.scope")):
            error = self.fails(Code.INVALID_ARGUMENT, "RULE_VIOLATION", lambda wrong=wrong:
                               self.submit(make_update("HN", 1), audience=wrong))
            self.assertEqual([f for f, _ in wire.violations_of(error)], [field])
        payload = payload_of(make_update("MX", next(self.numbers)))
        header = self.chain.header(payload)
        header.audience.CopyFrom(audience(scope=audience.SCOPE_LISTED, states=["ZZ"]))
        with self.chain.connect() as hub:
            answer = hub.publish(self.chain.signer.statement(header, payload))
        self.assert_violation(answer.error, "audience.states[0]")

    def test_the_hub_takes_no_payload_without_its_random_bytes(self):
        payload = statements.as_message(make_update("MX", 1)).SerializeToString()
        with self.chain.connect() as hub:
            self.assert_violation(hub.publish(self.chain.sign(payload)).error, "update.nonce")

    # --- Limits ---

    def large_update(self, state, kilobytes):
        """An update that keeps every rule and is so large."""
        abstracts = [{"language": f"{a}{b}", "text": "x" * 1000}
                     for a in "abcdefghij" for b in "abcdefghij"][:kilobytes]
        return make_update(state, next(self.numbers), abstracts=abstracts)

    def test_a_payload_has_at_most_64_kib(self):
        self.publish(self.chain.sign(self.large_update("MX", 62)))
        error = self.refused(self.chain.sign(self.large_update("MX", 66)),
                             Code.INVALID_ARGUMENT, "MALFORMED_STATEMENT")
        self.assertEqual([f for f, _ in wire.violations_of(error)], ["header.payload_size"])
        # Also if the header says less than there is.
        error = self.refused(self.chain.sign(self.large_update("MX", 66), payload_size=1),
                             Code.INVALID_ARGUMENT, "TOO_LARGE")
        self.assertIn("65536", error.message)
        error = self.fails(Code.RESOURCE_EXHAUSTED, "TOO_LARGE",
                           lambda: self.submit(self.large_update("HN", 66)))
        self.assertIn("65536", error.details())

    def test_a_leaf_has_at_most_32_kib(self):
        payload = payload_of(make_update("MX", next(self.numbers)))
        # A field of number 1000, which no version has yet.
        header = self.chain.header(payload).SerializeToString() + b"\xc2\x3e\x80\x80\x02" + bytes(
            32768)
        statement = statement_pb2.Statement(
            header=header, payload=payload, signature=self.chain.signer.sign(header),
            key_id=self.chain.signer.key_id)
        error = self.refused(statement, Code.INVALID_ARGUMENT, "TOO_LARGE")
        self.assertIn("32768", error.message)

    def test_a_message_has_at_most_1_mib(self):
        def send(identity, server, method, size):
            call = self.channel(identity, server).stream_stream(method)
            return self.fails(Code.RESOURCE_EXHAUSTED, None,
                              lambda: call(iter([bytes(size)]), timeout=TIMEOUT))
        for size in (2**20 + 1, 8 * 2**20):
            for identity, server, method in (
                    ("mx/node", "hub", "/gaceta.v1.PublishingService/Publish"),
                    ("hn/subscriber-monitor", "hn", "/gaceta.v1.RelayService/Subscribe"),
                    ("hn/agency-migracion", "hn", "/gaceta.v1.DocumentsService/UploadDocument"),
                    ("hn/agency-migracion", "hn", "/gaceta.v1.SubmissionsService/SubmitUpdate")):
                error = send(identity, server, method, size)
                self.assertIn("1048576", error.details())

    def test_an_identity_has_at_most_64_streams_to_a_server(self):
        identity = "gt/subscriber-monitor"
        streams = [self.subscribe(self.open(), identity=identity) for _ in range(64)]
        for stream in streams:
            self.assertTrue(next(stream).HasField("opened"))
        error = self.fails(Code.RESOURCE_EXHAUSTED, "TOO_MANY_STREAMS",
                           lambda: self.subscribe(self.open(), identity=identity))
        self.assertIn("64", error.details())
        # Another identity is not concerned, and what ends makes room.
        self.assertTrue(next(self.subscribe(self.open())).HasField("opened"))
        streams.pop().cancel()
        wait_until(lambda: self.opens(identity), TIMEOUT, "room for one stream")
        for stream in streams:
            stream.cancel()

    def opens(self, identity):
        try:
            stream = self.subscribe(self.open(), identity=identity)
            next(stream)
            stream.cancel()
            return True
        except grpc.RpcError:
            return False

    def test_too_many_or_too_large_headers_of_a_call_are_refused(self):
        stub = updates_grpc.UpdatesServiceStub(self.channel("hn/subscriber-monitor", "hub"))
        with self.assertRaises(grpc.RpcError) as raised:
            stub.ListUpdates(updates_pb2.ListUpdatesRequest(), timeout=TIMEOUT,
                             metadata=[(f"x-{i}", "y" * 1000) for i in range(20)])
        self.assertEqual(raised.exception.code(), Code.RESOURCE_EXHAUSTED)

    # --- Documents ---

    def documents(self):
        return documents_grpc.DocumentsServiceStub(self.channel("hn/agency-migracion", "hn"))

    def upload(self, data, sha256=None, size=None, offset=0, chunk=CHUNK):
        name = sha256 or statements.document_of(data)["sha256"]

        def requests():
            first = documents_pb2.UploadDocumentRequest(
                sha256=name, size=len(data) if size is None else size, offset=offset)
            for begin in range(offset, max(len(data), offset + 1), chunk):
                first.chunk = data[begin:begin + chunk]
                yield first
                first = documents_pb2.UploadDocumentRequest()
        return self.documents().UploadDocument(requests(), timeout=TIMEOUT)

    def presence(self, sha256):
        there = self.documents().GetDocument(
            documents_pb2.GetDocumentRequest(sha256=sha256), timeout=TIMEOUT)
        return there.stored, there.size

    def test_an_altered_document_is_thrown_away(self):
        data = os.urandom(3 * CHUNK)
        sha256 = statements.document_of(data)["sha256"]
        altered = data[:CHUNK] + bytes([data[CHUNK] ^ 1]) + data[CHUNK + 1:]
        self.fails(Code.INVALID_ARGUMENT, "DIGEST_MISMATCH",
                   lambda: self.upload(altered, sha256=sha256))
        self.assertEqual(self.presence(sha256), (False, 0))
        self.assertEqual(self.upload(data).size, len(data))

    def test_half_a_document_is_kept_and_the_upload_goes_on_there(self):
        data = os.urandom(4 * CHUNK)
        sha256 = statements.document_of(data)["sha256"]
        released = threading.Event()

        def half():
            yield documents_pb2.UploadDocumentRequest(
                sha256=sha256, size=len(data), chunk=data[:CHUNK])
            yield documents_pb2.UploadDocumentRequest(chunk=data[CHUNK:2 * CHUNK])
            released.wait(TIMEOUT)
        call = self.documents().UploadDocument.future(half(), timeout=TIMEOUT)
        wait_until(lambda: self.presence(sha256) == (False, 2 * CHUNK), TIMEOUT)
        self.fails(Code.ABORTED, "UPLOAD_IN_PROGRESS", lambda: self.upload(data))
        call.cancel()
        released.set()

        wait_until(lambda: self.can_go_on(data, 2 * CHUNK), TIMEOUT, "the rest is taken")
        self.assertEqual(self.presence(sha256), (True, len(data)))
        came = b"".join(part.chunk for part in self.documents().DownloadDocument(
            documents_pb2.DownloadDocumentRequest(sha256=sha256), timeout=TIMEOUT))
        self.assertEqual(came, data)

    def can_go_on(self, data, offset):
        try:
            return self.upload(data, offset=offset).size == len(data)
        except grpc.RpcError as error:
            # The server has not yet noticed that the first stream ended.
            self.assertEqual(error.code(), Code.ABORTED, error.details())
            return False

    def test_an_upload_that_ends_early_is_no_document(self):
        data = os.urandom(CHUNK)
        self.fails(Code.INVALID_ARGUMENT, "SIZE_MISMATCH",
                   lambda: self.upload(data, size=2 * CHUNK))
        sha256 = statements.document_of(data)["sha256"]
        self.assertEqual(self.presence(sha256), (False, CHUNK))

    def test_wrong_uploads_are_refused(self):
        data = os.urandom(1000)
        for code, reason, arguments in (
                (Code.RESOURCE_EXHAUSTED, "DOCUMENT_TOO_LARGE", {"size": 64 * 2**20 + 1}),
                (Code.INVALID_ARGUMENT, "INVALID_FIELD", {"size": 0}),
                (Code.INVALID_ARGUMENT, "INVALID_FIELD", {"size": -5}),
                (Code.INVALID_ARGUMENT, "INVALID_FIELD", {"sha256": "../../etc/passwd"}),
                (Code.INVALID_ARGUMENT, "INVALID_FIELD", {"sha256": "A" * 64}),
                (Code.INVALID_ARGUMENT, "SIZE_MISMATCH", {"size": 999}),
                (Code.OUT_OF_RANGE, "OFFSET_BEYOND_RECEIVED", {"offset": 500})):
            with self.subTest(reason=reason, **arguments):
                self.fails(code, reason, lambda a=arguments: self.upload(data, **a))
        large = os.urandom(CHUNK + 1)
        error = self.fails(Code.RESOURCE_EXHAUSTED, "TOO_LARGE",
                           lambda: self.upload(large, chunk=CHUNK + 1))
        self.assertIn(str(CHUNK), error.details())
        self.fails(Code.INVALID_ARGUMENT, "INVALID_FIELD",
                   lambda: self.documents().UploadDocument(iter([]), timeout=TIMEOUT))

    def test_a_document_that_is_not_there_is_said_to_be_missing(self):
        missing = statements.document_of(os.urandom(100))
        update = make_update("HN", next(self.numbers), documents=[missing])
        error = self.fails(Code.FAILED_PRECONDITION, "DOCUMENT_MISSING",
                           lambda: self.submit(update))
        self.assertIn(missing["sha256"], error.details())
        self.refused(self.chain.sign(make_update("MX", next(self.numbers), documents=[missing])),
                     Code.FAILED_PRECONDITION, "DOCUMENT_MISSING")
        self.fails(Code.NOT_FOUND, None, lambda: self.documents().DownloadDocument(
            documents_pb2.DownloadDocumentRequest(sha256=missing["sha256"]), timeout=TIMEOUT))

    def test_a_document_has_the_size_that_the_update_says(self):
        data = os.urandom(100)
        self.upload(data)
        wrong = {**statements.document_of(data), "size": "101"}
        error = self.fails(Code.INVALID_ARGUMENT, "RULE_VIOLATION", lambda: self.submit(
            make_update("HN", next(self.numbers), documents=[wrong])))
        self.assert_violation(wire.error_details(error), "update.documents[0].size")

    # --- Reading ---

    def test_a_filter_names_what_the_registry_has(self):
        wanted = relay_pb2.Filter
        for reason, unknown in (
                ("UNKNOWN_CORRIDOR", wanted(corridors=[relay_pb2.CorridorFilter(corridor="x")])),
                ("UNKNOWN_TOPIC", wanted(topics=["fishing"])),
                ("UNKNOWN_STATE", wanted(states=["ZZ"]))):
            for server in ("hub", "hn"):
                self.fails(Code.NOT_FOUND, reason, lambda f=unknown, s=server: self.subscribe(
                    self.open(filter=f), server=s))
                stub = updates_grpc.UpdatesServiceStub(
                    self.channel("hn/subscriber-monitor", server))
                self.fails(Code.NOT_FOUND, reason, lambda f=unknown, s=stub: s.ListUpdates(
                    updates_pb2.ListUpdatesRequest(filter=f), timeout=TIMEOUT))

    def test_a_malformed_filter_is_refused_by_field(self):
        wanted = relay_pb2.Filter
        for malformed in (wanted(kinds=[99]), wanted(events=[99]), wanted(languages=["x"]),
                          wanted(corridors=[relay_pb2.CorridorFilter()] * 1001)):
            error = self.fails(Code.INVALID_ARGUMENT, "MALFORMED_FILTER",
                               lambda f=malformed: self.subscribe(self.open(filter=f)))
            self.assertTrue(wire.violations_of(error))

    def test_nobody_starts_beyond_the_end_of_the_log(self):
        end = self.federation.log_size()
        for position in (end + 1000, 2**62, -1):
            error = self.fails(Code.OUT_OF_RANGE, "POSITION_BEYOND_END",
                               lambda p=position: self.subscribe(self.open(start_position=p)))
            self.assertIn(str(position), error.details())
        stub = updates_grpc.UpdatesServiceStub(self.channel("hn/subscriber-monitor", "hub"))
        self.fails(Code.OUT_OF_RANGE, "POSITION_BEYOND_END", lambda: stub.GetUpdate(
            updates_pb2.GetUpdateRequest(position=end + 1000), timeout=TIMEOUT))
        relay = relay_grpc.RelayServiceStub(self.channel("hn/subscriber-monitor", "hub"))
        self.fails(Code.OUT_OF_RANGE, "POSITION_BEYOND_END", lambda: relay.Explain(
            relay_pb2.ExplainRequest(position=end + 1000), timeout=TIMEOUT))

    def test_what_opens_a_subscription_is_checked_by_field(self):
        heartbeat = relay_pb2.Open().heartbeat
        heartbeat.FromMilliseconds(10)
        for field, opened in (
                ("open.heartbeat", self.open(heartbeat=heartbeat)),
                ("open.subscription", self.open(subscription="Ñ")),
                ("open.subscription", self.open(subscription="x" * 64)),
                ("open.start", relay_pb2.SubscribeRequest(open=relay_pb2.Open())),
                ("open", relay_pb2.SubscribeRequest()),
                ("open", relay_pb2.SubscribeRequest(
                    acknowledgement=relay_pb2.Acknowledgement(next_position=1)))):
            error = self.fails(Code.INVALID_ARGUMENT, "INVALID_FIELD",
                               lambda o=opened: self.subscribe(o))
            self.assertEqual([f for f, _ in wire.violations_of(error)], [field])
        self.fails(Code.INVALID_ARGUMENT, "INVALID_FIELD", self.subscribe)
        self.fails(Code.NOT_FOUND, "UNKNOWN_SUBSCRIPTION", lambda: self.subscribe(
            relay_pb2.SubscribeRequest(open=relay_pb2.Open(subscription="nobodys"))))

    def test_later_messages_acknowledge_and_no_more_than_was_sent(self):
        for later in (self.open(), relay_pb2.SubscribeRequest(
                acknowledgement=relay_pb2.Acknowledgement(next_position=10**9))):
            self.fails(Code.INVALID_ARGUMENT, "INVALID_FIELD",
                       lambda message=later: self.subscribe(self.open(), message))

    def test_pages_are_what_the_rpc_made(self):
        stub = updates_grpc.UpdatesServiceStub(self.channel("hn/subscriber-monitor", "hub"))
        for fields in ({"page_token": "x"}, {"page_token": "Zm9v"}, {"page_size": -1}):
            error = self.fails(Code.INVALID_ARGUMENT, "INVALID_FIELD", lambda f=fields:
                               stub.ListUpdates(updates_pb2.ListUpdatesRequest(**f),
                                                timeout=TIMEOUT))
            self.assertEqual([f for f, _ in wire.violations_of(error)], list(fields))

    def test_what_is_not_there_is_not_found(self):
        updates = updates_grpc.UpdatesServiceStub(self.channel("hn/subscriber-monitor", "hub"))
        self.fails(Code.NOT_FOUND, "UNKNOWN_STATEMENT", lambda: updates.GetUpdate(
            updates_pb2.GetUpdateRequest(statement_id=new_id()), timeout=TIMEOUT))
        submissions = submissions_grpc.SubmissionsServiceStub(
            self.channel("hn/agency-migracion", "hn"))
        for call in (submissions.GetSubmission, submissions.WatchSubmission):
            kind = (submissions_pb2.GetSubmissionRequest if call is submissions.GetSubmission
                    else submissions_pb2.WatchSubmissionRequest)
            self.fails(Code.NOT_FOUND, None, lambda c=call, k=kind: c(
                k(submission_id=new_id()), timeout=TIMEOUT))
        relay = relay_grpc.RelayServiceStub(self.channel("hn/subscriber-monitor", "hub"))
        self.fails(Code.NOT_FOUND, "UNKNOWN_SUBSCRIPTION", lambda: relay.DeleteSubscription(
            relay_pb2.DeleteSubscriptionRequest(name="nobodys"), timeout=TIMEOUT))

    # --- No message at all ---

    # Who may call each service, at which server.
    CALLERS = {
        "hub": {"PublishingService": "mx/node", "DocumentsService": "mx/node",
                "RegistryService": "hn/subscriber-monitor", "RelayService": "hn/subscriber-monitor",
                "UpdatesService": "hn/subscriber-monitor"},
        "hn": {"SubmissionsService": "hn/agency-migracion",
               "DocumentsService": "hn/agency-migracion",
               "RegistryService": "hn/subscriber-monitor", "RelayService": "hn/subscriber-monitor",
               "UpdatesService": "hn/subscriber-monitor"},
    }

    def every_rpc(self):
        modules = (wire.documents_pb2, wire.publishing_pb2, wire.registry_pb2, wire.relay_pb2,
                   wire.submissions_pb2, wire.updates_pb2)
        services = {name: service for module in modules
                    for name, service in module.DESCRIPTOR.services_by_name.items()}
        for server, callers in self.CALLERS.items():
            for name, identity in callers.items():
                channel = self.channel(identity, server)
                for method in services[name].methods:
                    # Bytes as they are; what is unary looks no different on the wire.
                    yield (f"{server} {name}/{method.name}",
                           channel.stream_stream(f"/gaceta.v1.{name}/{method.name}"))

    @staticmethod
    def outcome(call, messages):
        try:
            # Enough of a stream that goes on for ever.
            stream = call(iter(messages), timeout=5)
            for _ in range(3):
                if next(stream, None) is None:
                    break
            stream.cancel()
            return Code.OK
        except grpc.RpcError as error:
            return error.code()

    def test_bytes_that_are_no_message_are_an_error_of_every_rpc(self):
        for name, call in self.every_rpc():
            if name.endswith("/Publish"):
                continue  # It refuses the message and goes on: the test below.
            with self.subTest(name):
                self.assertIn(self.outcome(call, [UNPARSABLE]), NOT_PARSED)

    def test_a_publish_stream_goes_on_after_bytes_that_are_no_message(self):
        good = publishing_pb2.PublishRequest(statement=self.good())
        call = self.channel("mx/node", "hub").stream_stream("/gaceta.v1.PublishingService/Publish")
        answers = [publishing_pb2.PublishResponse.FromString(answer) for answer in call(
            iter([UNPARSABLE, good.SerializeToString(), UNPARSABLE]), timeout=TIMEOUT)]

        self.assertEqual(len(answers), 3)
        for refused in (answers[0], answers[2]):
            self.assert_error(refused.error, Code.INVALID_ARGUMENT, "MALFORMED_STATEMENT")
        self.assertTrue(answers[1].HasField("receipt"), answers[1])
        self.chain.append(good.statement)

    def test_random_bytes_do_no_harm_to_any_rpc(self):
        seed = random.randrange(10**9)
        print(f"seed {seed}", flush=True)
        chance = random.Random(seed)
        allowed = {Code.OK, Code.INVALID_ARGUMENT, Code.INTERNAL, Code.NOT_FOUND,
                   Code.OUT_OF_RANGE, Code.FAILED_PRECONDITION, Code.RESOURCE_EXHAUSTED,
                   # A publish stream that waits for more.
                   Code.DEADLINE_EXCEEDED, Code.PERMISSION_DENIED, *NOT_PARSED}
        for name, call in self.every_rpc():
            for _ in range(20):
                # Short, so that some of it parses.
                data = bytes(chance.choice((chance.randrange(256), 10, 18, 8, 2))
                             for _ in range(chance.choice((1, 3, 8, 40, 2000))))
                with self.subTest(name, data=data.hex()[:100]):
                    self.assertIn(self.outcome(call, [data]), allowed)

    def test_an_rpc_that_is_not_served_is_unimplemented(self):
        for server in ("hub", "hn"):
            call = self.channel("hn/subscriber-monitor", server).unary_unary(
                "/gaceta.v1.RelayService/Erase")
            self.fails(Code.UNIMPLEMENTED, None, lambda c=call: c(b"", timeout=TIMEOUT))

    def plain(self, server, data):
        """Sends bytes without TLS, and reads until the server closes."""
        to = self.federation.servers[server]
        with socket.create_connection((to.host, to.port), timeout=TIMEOUT) as plain:
            try:
                plain.sendall(data)
                plain.shutdown(socket.SHUT_WR)
                while plain.recv(4096):
                    pass
            except TimeoutError:
                raise
            except OSError:
                pass  # It had closed before.

    def test_a_port_that_gets_garbage_closes_that_connection(self):
        for server in ("hub", "hn"):
            for data in (b"", b"\0", os.urandom(10000), b"\x16\x03\x01\xff\xff" + os.urandom(70000),
                         b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
                         PREFACE):
                self.plain(server, data)

    def test_hostile_http2_behind_a_good_certificate_ends_that_connection(self):
        for data in (
                b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
                CONNECTION + os.urandom(5000),
                # A frame of 16 MiB that never comes.
                PREFACE + b"\xff\xff\xff\0\0\0\0\0\1",
                # A continuation of no headers; data of a stream that is not open.
                PREFACE + b"\0\0\1\x09\4\0\0\0\1x",
                PREFACE + b"\0\0\1\0\0\0\0\0\7x",
                # A window that grows beyond what it may.
                PREFACE + b"\0\0\4\x08\0\0\0\0\0\x7f\xff\xff\xff" * 3,
                PREFACE + b"\0\0\x08\6\0\0\0\0\0" * 1000):
            for server, identity in (("hub", "hn/node"), ("hn", "hn/agency-migracion")):
                # It may wait for the rest of a frame; it is not told more.
                self.tls(server, data, self.federation.file(identity + ".pem"),
                         self.federation.file(identity + ".key"), seconds=1)

    def test_connections_that_say_nothing_keep_nobody_out(self):
        silent = [socket.create_connection((self.federation.hub.host, self.federation.hub.port))
                  for _ in range(200)]
        for one in silent:
            self.addCleanup(one.close)
        begin = time.monotonic()
        self.publish(self.good())
        self.assertLess(time.monotonic() - begin, 10)


class Witness:
    """Follows a server and remembers what came."""

    def __init__(self, federation_, identity, server):
        self._ids = set()
        self._error = None
        self._channel = federation_.channel(identity, server)
        verifier = Verifier(wire.read_bytes(federation_.file("root.pem")), federation.NAME)
        self._subscription = Subscription(self._channel, verifier,
                                          relay_pb2.Open(start_position=0))
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def _follow(self):
        try:
            for verified in self._subscription:
                self._ids.add(verified.header.statement_id)
        except Exception as error:  # for await_statement() to show
            self._error = error

    def await_statement(self, statement_id):
        def has_come():
            if self._error is not None:
                raise federation.Failure(f"the witness's stream ended: {self._error!r}")
            return statement_id in self._ids
        wait_until(has_come, TIMEOUT, f"the witness sees {statement_id}")

    def end(self):
        self._subscription.cancel()
        self._thread.join(TIMEOUT)
        self._channel.close()


if __name__ == "__main__":
    federation.main()
