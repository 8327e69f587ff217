"""Who may read a payload reads it; everybody else gets the header and proof that
something is there, live, from the start, in lists, at the hub and at nodes."""

import hashlib
import json
import os
import unittest

import federation
import grpc
import wire
from second_implementation import Subscription, Verifier
from wire import documents_grpc, relay_pb2, statement_pb2, updates_grpc, updates_pb2

OBSERVER = "universidad"
RESTRICTED = statement_pb2.Entry.OMISSION_RESTRICTED
AUDIENCES = {
    "public": None,
    "members": {"scope": "SCOPE_MEMBERS"},
    "of Guatemala": {"scope": "SCOPE_LISTED", "states": ["GT"]},
    # Mexico is on it, Peru is not.
    "of a corridor": {"scope": "SCOPE_LISTED", "corridors": ["central-america-north"]},
}
# Who reads which payloads. Whatever the audience, the publisher does.
READERS = {
    "hn/subscriber-monitor": set(AUDIENCES),
    "gt/subscriber-monitor": set(AUDIENCES),
    "mx/subscriber-monitor": {"public", "members", "of a corridor"},
    "pe/subscriber-monitor": {"public", "members"},
    f"{OBSERVER}/subscriber-press": {"public"},
}


class AudienceTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.federation = federation.Federation(["HN", "GT", "MX", "PE"], test=cls)
        cls.add_observer()
        lines = [cls.submission(number, name, audience)
                 for number, (name, audience) in enumerate(AUDIENCES.items(), 1)]
        path = os.path.join(cls.federation.folder, "updates.ndjson")
        with open(path, "w", encoding="utf-8") as file:
            file.writelines(json.dumps(line) + "\n" for line in lines)
        cls.federation.publish("HN", path, check=True)
        cls.federation.await_mirrors()
        cls.names = {line["submissionId"]: name for line, name in zip(lines, AUDIENCES)}

    @classmethod
    def submission(cls, number, name, audience):
        """An update with a document of its own."""
        path = os.path.join(cls.federation.folder, f"{number}.txt")
        with open(path, "w", encoding="utf-8") as file:
            file.write(cls.text_of(name))
        sha256 = cls.sha256_of(name)
        return {"submissionId": f"00000000-0000-4000-8000-{number:012x}", "update": {
            "kind": "UPDATE_KIND_POLICY", "event": "UPDATE_EVENT_PUBLICATION",
            "instrument": {"uri": f"urn:lex:hn:gobierno:plan:2024;{number}-2024",
                           "type": "INSTRUMENT_TYPE_POLICY", "topics": ["health"],
                           "titles": [{"language": "es", "text": name}]},
            "documents": [{"sha256": sha256, "mediaType": "text/plain", "language": "es",
                           "size": str(len(cls.text_of(name))),
                           "legalValue": "LEGAL_VALUE_UNOFFICIAL", "licence": "Apache-2.0"}]},
            "documentFiles": {sha256: path},
            **({"audience": audience} if audience else {})}

    @staticmethod
    def text_of(name):
        return f"A plan for who is in: {name}"

    @classmethod
    def sha256_of(cls, name):
        return hashlib.sha256(cls.text_of(name).encode()).hexdigest()

    @classmethod
    def add_observer(cls):
        cls.federation.make_ca(OBSERVER)
        cls.federation.make_leaf(OBSERVER, "subscriber/press")
        cls.federation.cli(
            "secretariat", "registry", "member", OBSERVER,
            "--ca", cls.federation.file(OBSERVER + "/ca.pem"),
            "--signer-key", cls.federation.file("secretariat/signer.key"), check=True)

    def follow(self, identity, server, **wanted):
        with self.federation.channel(identity, server) as channel:
            verifier = Verifier(wire.read_bytes(self.federation.file("root.pem")),
                                federation.NAME, complete="topics" not in wanted)
            return list(Subscription(
                channel, verifier,
                relay_pb2.Open(filter=relay_pb2.Filter(**wanted), start_position=0),
                timeout=60).to_the_end())

    def assert_may_read(self, entries, readable, who):
        """All four came; with payloads those of `readable`, without the others."""
        self.assertEqual(sorted(self.names[i] for i, _ in entries), sorted(AUDIENCES), who)
        for statement_id, entry in entries:
            name = self.names[statement_id]
            with self.subTest(who=who, update=name):
                self.assertEqual(entry.omission, 0 if name in readable else RESTRICTED)
                self.assertEqual(bool(entry.payload), name in readable)

    def servers_of(self, identity):
        member = identity.split("/")[0]
        return ["hub", member] if member in self.federation.nodes else ["hub"]

    def test_a_subscriber_gets_the_payloads_that_it_may_read_and_all_headers(self):
        for identity, readable in READERS.items():
            for server in self.servers_of(identity):
                came = [(v.header.statement_id, v.entry) for v in self.follow(identity, server)]
                self.assert_may_read(came, readable, f"{identity} at {server}")

    def test_lists_and_reads_show_the_same(self):
        for identity, readable in READERS.items():
            for server in self.servers_of(identity):
                with self.federation.channel(identity, server) as channel:
                    stub = updates_grpc.UpdatesServiceStub(channel)
                    listed = stub.ListUpdates(updates_pb2.ListUpdatesRequest(), timeout=30).entries
                    read = [stub.GetUpdate(updates_pb2.GetUpdateRequest(statement_id=i),
                                           timeout=30).entry for i in self.names]
                for entries in (listed, read):
                    self.assert_may_read([(self.id_of(e), e) for e in entries], readable,
                                         f"{identity} at {server}")

    def download(self, stub, name):
        """The text, or None as if there were none of that name."""
        request = wire.documents_pb2.DownloadDocumentRequest(sha256=self.sha256_of(name))
        try:
            return b"".join(c.chunk for c in stub.DownloadDocument(request, timeout=30)).decode()
        except grpc.RpcError as error:
            self.assertEqual(error.code(), grpc.StatusCode.NOT_FOUND)
            self.assertEqual(error.details(),
                             f"document {self.sha256_of(name)} is not stored here")
            return None

    def test_documents_go_to_whom_the_payloads_go(self):
        for identity, readable in READERS.items():
            for server in self.servers_of(identity):
                with self.federation.channel(identity, server) as channel:
                    stub = documents_grpc.DocumentsServiceStub(channel)
                    for name in AUDIENCES:
                        with self.subTest(who=identity, server=server, update=name):
                            expected = self.text_of(name) if name in readable else None
                            if server != "hub" and expected:
                                # A node fetches documents when it has the update.
                                federation.wait_until(
                                    lambda s=stub, n=name: self.download(s, n), 30,
                                    f"{server} has the document {name}")
                            self.assertEqual(self.download(stub, name), expected)
                            stored = stub.GetDocument(wire.documents_pb2.GetDocumentRequest(
                                sha256=self.sha256_of(name)), timeout=30).stored
                            self.assertEqual(stored, name in readable)

    @staticmethod
    def id_of(entry):
        return statement_pb2.StatementHeader.FromString(
            statement_pb2.Leaf.FromString(entry.leaf).header).statement_id

    def test_a_filter_on_what_an_update_says_does_not_betray_what_one_may_not_read(self):
        for identity, readable in READERS.items():
            for server in self.servers_of(identity):
                came = self.follow(identity, server, topics=["health"])
                self.assertEqual({self.names[v.header.statement_id] for v in came}, readable,
                                 f"{identity} at {server}")

    def test_the_command_says_that_something_is_restricted(self):
        done = self.federation.cli("pe-monitor", "updates", "follow", "--from", "start",
                                   "--until-live", check=True)
        self.assertEqual(done.stdout.count("(restricted)"), 2)
        self.assertEqual(done.stdout.count("✓ verified"), 4)

    def test_an_observer_is_no_reader_of_a_states_node(self):
        with self.federation.channel(f"{OBSERVER}/subscriber-press", "hn") as channel:
            with self.assertRaises(grpc.RpcError) as failed:
                documents_grpc.DocumentsServiceStub(channel).GetDocument(
                    wire.documents_pb2.GetDocumentRequest(sha256="0" * 64), timeout=30)
        self.assertEqual(failed.exception.code(), grpc.StatusCode.PERMISSION_DENIED)


if __name__ == "__main__":
    federation.main()
