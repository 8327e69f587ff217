"""A node is its state's window: it serves all that it has to the state's own
programs, also while the hub is away, and nothing to anybody else's."""

import hashlib
import threading
import unittest

import federation
import grpc
import wire
from second_implementation import Subscription, Verifier
from updates_file import UpdatesFile, read_corridors, without_nonce
from wire import (documents_grpc, documents_pb2, registry_grpc, registry_pb2, relay_grpc,
                  relay_pb2, submissions_grpc, submissions_pb2, updates_grpc, updates_pb2)

STATES = ["HN", "GT", "MX"]


class NodeWindowTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.file = UpdatesFile(federation.SAMPLES)
        cls.federation = federation.Federation(STATES, test=cls, agencies=cls.file.agencies)
        for state in STATES:
            cls.federation.publish(state, federation.SAMPLES, check=True)
        cls.federation.await_mirrors()
        cls.log = cls.federation.audit()
        cls.documents = {d.sha256: d.size for v in cls.log if v.update
                         for d in v.update.documents if not d.uri}
        cls.await_documents()

    @classmethod
    def await_documents(cls):
        """The mirror fetches documents behind the entries that name them."""
        with cls.federation.channel("hn/subscriber-monitor", "hn") as channel:
            stub = documents_grpc.DocumentsServiceStub(channel)
            for sha256 in cls.documents:
                request = documents_pb2.GetDocumentRequest(sha256=sha256)
                federation.wait_until(
                    lambda request=request: stub.GetDocument(request, timeout=30).stored,
                    what=f"hn has {sha256}")

    def setUp(self):
        if self.federation.hub.is_running():
            self.federation.kill("hub")
        self.channel = self.federation.channel("hn/subscriber-monitor", "hn")
        self.addCleanup(self.channel.close)

    def verifier(self):
        return Verifier(wire.read_bytes(self.federation.file("root.pem")), federation.NAME)

    def ids(self, entries):
        return [v.header.statement_id for v in entries if v.header.publisher != "OAS"]

    def test_without_the_hub_the_node_says_that_it_serves(self):
        self.assertTrue(self.federation.is_serving("hn"))

    def test_without_the_hub_the_node_relays_all_of_the_log(self):
        came = list(Subscription(self.channel, self.verifier(), relay_pb2.Open(start_position=0),
                                 timeout=30).to_the_end())
        self.assertEqual(self.ids(came), self.ids(self.log))
        for v in came:
            self.assertEqual(without_nonce(v.update), self.file.message(v.header.statement_id))

    def test_without_the_hub_the_node_keeps_named_subscriptions(self):
        stub = relay_grpc.RelayServiceStub(self.channel)
        half = len(self.log) // 2
        first = Subscription(self.channel, self.verifier(),
                             relay_pb2.Open(start_position=0, subscription="half"), timeout=30)
        came = iter(first.to_the_end())
        while next(came).position < half:
            pass
        first.acknowledge(half)
        federation.wait_until(lambda: stub.GetSubscription(relay_pb2.GetSubscriptionRequest(
            name="half"), timeout=30).subscription.next_position == half)
        first.cancel()

        again = Subscription(self.channel, self.verifier(),
                             relay_pb2.Open(subscription="half"), timeout=30)
        self.assertEqual(again.opened.start_position, half)
        again.cancel()
        stub.DeleteSubscription(relay_pb2.DeleteSubscriptionRequest(name="half"), timeout=30)

    def test_without_the_hub_the_node_answers_reads(self):
        updates = updates_grpc.UpdatesServiceStub(self.channel)
        page = updates.ListUpdates(updates_pb2.ListUpdatesRequest(
            filter=relay_pb2.Filter(states=["GT"]), ascending=True), timeout=30)
        self.assertEqual([e.leaf for e in page.entries],
                         [v.entry.leaf for v in self.log if v.header.publisher == "GT"])
        last = self.log[-1]
        for request in (updates_pb2.GetUpdateRequest(position=last.position),
                        updates_pb2.GetUpdateRequest(statement_id=last.header.statement_id)):
            entry = updates.GetUpdate(request, timeout=30).entry
            # Only an entry that comes alone has a proof of its own.
            self.assertTrue(entry.inclusion_proof)
            entry.ClearField("inclusion_proof")
            self.assertEqual(entry, last.entry)

    def test_without_the_hub_the_node_answers_from_the_registry(self):
        registry = registry_grpc.RegistryServiceStub(self.channel)
        members = registry.ListMembers(registry_pb2.ListMembersRequest(), timeout=30).members
        self.assertEqual([m.id for m in members], ["GT", "HN", "MX", "OAS"])
        corridors = registry.ListCorridors(
            registry_pb2.ListCorridorsRequest(), timeout=30).corridors
        self.assertEqual({c.id: {s.state for s in c.stops} for c in corridors}, read_corridors())
        self.assertGreaterEqual(
            len(registry.ListTopics(registry_pb2.ListTopicsRequest(), timeout=30).topics), 20)
        entries = registry.ListRegistryEntries(
            registry_pb2.ListRegistryEntriesRequest(), timeout=30).entries
        self.assertEqual([e.leaf for e in entries],
                         [v.entry.leaf for v in self.log if v.header.publisher == "OAS"])

    def test_without_the_hub_the_node_gives_documents_of_all_states(self):
        stub = documents_grpc.DocumentsServiceStub(self.channel)
        self.assertGreater(len(self.documents), 0)
        for sha256, size in self.documents.items():
            chunks = stub.DownloadDocument(
                documents_pb2.DownloadDocumentRequest(sha256=sha256), timeout=30)
            data = b"".join(chunk.chunk for chunk in chunks)
            self.assertEqual((len(data), hashlib.sha256(data).hexdigest()), (size, sha256))

    def test_the_command_reads_at_the_node_without_the_hub(self):
        for words in (["states"], ["corridors"], ["topics"], ["updates", "list"],
                      ["updates", "show", str(self.log[-1].position)],
                      ["updates", "follow", "--from", "start", "--until-live"]):
            done = self.federation.cli("hn-monitor", *words, check=True)
            self.assertGreater(len(done.stdout), 20, words)

    # --- Others ---

    def assert_refused(self, identity, call):
        with self.federation.channel(identity, "hn") as channel:
            with self.assertRaises(grpc.RpcError) as failed:
                call(channel)
        self.assertEqual(failed.exception.code(), grpc.StatusCode.PERMISSION_DENIED)
        return failed.exception

    def test_another_states_programs_get_nothing_at_the_node(self):
        requests = iter([relay_pb2.SubscribeRequest(open=relay_pb2.Open(start_position=0))])
        calls = [
            lambda c: list(relay_grpc.RelayServiceStub(c).Subscribe(requests, timeout=30)),
            lambda c: updates_grpc.UpdatesServiceStub(c).ListUpdates(
                updates_pb2.ListUpdatesRequest(), timeout=30),
            lambda c: registry_grpc.RegistryServiceStub(c).ListMembers(
                registry_pb2.ListMembersRequest(), timeout=30),
            lambda c: list(documents_grpc.DocumentsServiceStub(c).DownloadDocument(
                documents_pb2.DownloadDocumentRequest(sha256=next(iter(self.documents))),
                timeout=30)),
        ]
        for call in calls:
            error = self.assert_refused("gt/subscriber-monitor", call)
            self.assertIn("gt.gaceta.example", error.details())
            self.assertIsNotNone(wire.reason_of(error))

    def test_another_states_agency_cannot_submit_at_the_node(self):
        self.assert_refused(
            f"gt/agency-{self.federation.agency_of('GT')}",
            lambda c: submissions_grpc.SubmissionsServiceStub(c).SubmitUpdate(
                submissions_pb2.SubmitUpdateRequest(), timeout=30))

    def test_the_states_own_reader_cannot_submit(self):
        self.assert_refused(
            "hn/subscriber-monitor",
            lambda c: submissions_grpc.SubmissionsServiceStub(c).SubmitUpdate(
                submissions_pb2.SubmitUpdateRequest(), timeout=30))


class StreamOverAnAbsenceTest(unittest.TestCase):
    def test_a_stream_at_a_node_goes_on_when_the_hub_is_back(self):
        file = UpdatesFile(federation.SAMPLES)
        running = federation.Federation(["HN", "GT"], test=self, agencies=file.agencies)
        channel = running.channel("hn/subscriber-monitor", "hn")
        self.addCleanup(channel.close)
        verifier = Verifier(wire.read_bytes(running.file("root.pem")), federation.NAME)
        stream = Subscription(channel, verifier, relay_pb2.Open(start_position=0), timeout=120)
        came = []
        following = threading.Thread(target=lambda: came.extend(stream), daemon=True)
        following.start()
        running.stop("hub")

        running.publish("GT", federation.SAMPLES, "--no-wait", check=True)
        running.start("hub")
        running.publish("GT", federation.SAMPLES, check=True)
        stream.until = running.log_size()
        following.join(60)

        self.assertFalse(following.is_alive(), "the stream came to the end of the log")
        self.assertEqual(sorted(v.header.statement_id for v in came),
                         sorted(file.of_states({"GT"})))


if __name__ == "__main__":
    federation.main()
