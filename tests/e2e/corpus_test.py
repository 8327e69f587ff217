"""Real legislation in volume: every update is published through its own state's
node, and every reader gets exactly what the files say, in order, once.

Needs a corpus (see deploy/updates-from-corpus) in the folder GACETA_CORPUS_DIR.
"""

import concurrent.futures
import hashlib
import itertools
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import federation
import wire
from second_implementation import Subscription, Verifier, fetch_registry
from updates_file import UpdatesFile, read_corridors, texts_of, without_nonce
from wire import documents_grpc, documents_pb2, relay_pb2

CORPUS = os.environ.get("GACETA_CORPUS_DIR", "")
# Documents that are fetched with the command, each a process; all others are
# fetched over one connection.
BY_COMMAND = 60


class Reader:
    """What somebody wants: a filter, in the words of the wire and of the command,
    and the ids that the files say pass it."""

    def __init__(self, name, wanted, flags, ids, complete):
        self.name = name
        self.filter = wanted
        self.flags = flags
        self.ids = set(ids)
        self.complete = complete  # whether the filter passes whole chains
        self.came = []
        self.subscription = None

    def open(self, channel, verifier):
        fetch_registry(channel, verifier)
        request = relay_pb2.Open(filter=self.filter, start_now=relay_pb2.Now())
        # Silence is told from a lost end of the log within a second.
        request.heartbeat.seconds = 1
        self.subscription = Subscription(channel, verifier, request, timeout=120)

    def follow(self):
        self.came.extend(self.subscription)


def readers_of(file):
    """A reader of everything, of each corridor, each topic and each state."""
    yield Reader("all", relay_pb2.Filter(), [], file.by_id, True)
    for corridor, states in read_corridors().items():
        yield Reader(corridor,
                     relay_pb2.Filter(corridors=[relay_pb2.CorridorFilter(corridor=corridor)]),
                     ["--corridor", corridor], file.of_states(states), True)
    for topic in file.topics:
        yield Reader(topic, relay_pb2.Filter(topics=[topic]), ["--topic", topic],
                     file.of_topic(topic), False)
    for state in file.states:
        yield Reader(state, relay_pb2.Filter(states=[state]), ["--state", state],
                     file.of_states({state}), True)


@unittest.skipUnless(os.path.isdir(CORPUS), "no corpus: GACETA_CORPUS_DIR names no folder")
class CorpusTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        subprocess.run([sys.executable, f"{wire.SOURCE}/deploy/updates-from-corpus",
                        CORPUS, folder.name], check=True, capture_output=True)
        cls.file = UpdatesFile(os.path.join(folder.name, "updates.ndjson"))
        cls.federation = federation.Federation(cls.file.states, test=cls,
                                               agencies=cls.file.agencies)
        cls.stubs = {}
        cls.readers = list(readers_of(cls.file))
        cls.import_while_all_follow()
        cls.log = cls.federation.audit()
        cls.updates = [v for v in cls.log if v.header.publisher != "OAS"]

    @classmethod
    def import_while_all_follow(cls):
        """Publishes all states' files at once while the readers follow, spread
        over the hub and the nodes."""
        servers = ["hub", *cls.federation.nodes]
        threads = []
        for reader, server in zip(cls.readers, itertools.cycle(servers)):
            member = "mx" if server == "hub" else server
            channel = cls.federation.channel(f"{member}/subscriber-monitor", server)
            cls.addClassCleanup(channel.close)
            reader.open(channel, Verifier(
                wire.read_bytes(cls.federation.file("root.pem")), federation.NAME,
                complete=reader.complete))
            threads.append(threading.Thread(target=reader.follow, daemon=True))
            threads[-1].start()

        start = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(len(cls.file.states)) as pool:
            published = list(pool.map(
                # One after the other, so that the lines' order is the log's.
                lambda state: cls.federation.publish(state, cls.file.path, "--in-flight", "1",
                                                     timeout=300),
                cls.file.states))
        for done in published:
            if done.returncode != 0:
                raise federation.Failure(done.stderr[-3000:])
        size = cls.federation.log_size()
        print(f"published {len(cls.file.lines)} updates of {len(cls.file.states)} states "
              f"in {time.monotonic() - start:.1f} s", file=sys.stderr)

        for reader in cls.readers:
            reader.subscription.until = size
        for reader, thread in zip(cls.readers, threads):
            thread.join(60)
            if thread.is_alive():
                raise federation.Failure(
                    f"the live reader of {reader.name} is at {reader.subscription.next_position} "
                    f"of {size} 60 s after the last receipt")

    def expected_of(self, reader):
        """The ids that pass, in the order of the log."""
        return [v.header.statement_id for v in self.updates
                if v.header.statement_id in reader.ids]

    def test_the_log_has_what_the_files_have_each_state_in_the_order_of_its_lines(self):
        self.assertEqual(len(self.updates), len(self.file.lines))
        for state in self.file.states:
            self.assertEqual(
                [v.header.statement_id for v in self.updates if v.header.publisher == state],
                self.file.of_states({state}), state)
        for v in self.updates:
            self.assertEqual(v.header.agency, self.file.agencies[v.header.publisher])

    def test_every_live_reader_got_its_set_in_order_once(self):
        for reader in self.readers:
            came = [v.header.statement_id for v in reader.came]
            self.assertEqual(came, self.expected_of(reader), reader.name)
            for v in reader.came:
                self.assertEqual(without_nonce(v.update),
                                 self.file.message(v.header.statement_id))

    def test_every_reader_from_the_start_gets_its_set_in_order_once(self):
        self.federation.await_mirrors()
        profiles = itertools.cycle(
            ["ca-at-hub", *(f"{name}-monitor" for name in reversed(self.federation.nodes))])

        def follow(reader, profile):
            return self.federation.cli(profile, "--output=json", "updates", "follow", "--from",
                                       "start", "--until-live", *reader.flags, check=True)

        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            printed = list(pool.map(follow, self.readers, profiles))
        for reader, done in zip(self.readers, printed):
            lines = [json.loads(line) for line in done.stdout.split("\n") if line]
            self.assertEqual([line["header"]["statementId"] for line in lines],
                             self.expected_of(reader), reader.name)
            for line in lines:
                source = self.file.by_id[line["header"]["statementId"]]
                self.assertEqual(texts_of(line["update"]), texts_of(source["update"]))

    def test_characters_of_all_languages_survive_byte_for_byte(self):
        languages = set()
        beyond_ascii = 0
        for v in self.updates:
            source = self.file.by_id[v.header.statement_id]["update"]
            came = ([("title", t.language, t.text.encode()) for t in v.update.instrument.titles]
                    + [("abstract", t.language, t.text.encode()) for t in v.update.abstracts])
            self.assertEqual(came, texts_of(source))
            # As the node serialised it, and as the file has it.
            for _, language, text in came:
                self.assertIn(text, v.entry.payload)
                languages.add(language)
                beyond_ascii += not text.isascii()

        self.assertLessEqual({"es", "en", "pt", "fr"}, languages)
        self.assertGreater(beyond_ascii, 100)

    # --- Documents ---

    def foreign_node(self, states):
        """A node of a state that did not publish the document."""
        return next(s.lower() for s in reversed(self.file.states) if s not in states)

    def documents_at(self, node):
        """The documents of a node; one connection for each."""
        if node not in self.stubs:
            channel = self.federation.channel(f"{node}/subscriber-monitor", node)
            self.addClassCleanup(channel.close)
            self.stubs[node] = documents_grpc.DocumentsServiceStub(channel)
        return self.stubs[node]

    def await_document(self, node, sha256):
        request = documents_pb2.GetDocumentRequest(sha256=sha256)
        federation.wait_until(
            lambda: self.documents_at(node).GetDocument(request, timeout=30).stored, 60,
            f"node {node} has document {sha256}")

    def test_all_documents_come_whole_from_another_states_node(self):
        for sha256, (path, states) in self.file.documents().items():
            node = self.foreign_node(states)
            self.await_document(node, sha256)
            chunks = self.documents_at(node).DownloadDocument(
                documents_pb2.DownloadDocumentRequest(sha256=sha256), timeout=60)
            data = b"".join(chunk.chunk for chunk in chunks)
            self.assertEqual(hashlib.sha256(data).hexdigest(), sha256)
            self.assertEqual(data, wire.read_bytes(path))

    def test_the_command_fetches_documents_from_another_states_node(self):
        documents = self.file.documents()
        largest = max(documents, key=lambda sha256: os.path.getsize(documents[sha256][0]))
        sample = {largest, *sorted(documents)[::max(1, len(documents) // BY_COMMAND)]}

        def fetch(sha256):
            path, states = documents[sha256]
            node = self.foreign_node(states)
            self.await_document(node, sha256)
            target = os.path.join(self.federation.folder, sha256)
            self.federation.cli(f"{node}-monitor", "documents", "get", sha256, "-o", target,
                                check=True)
            return wire.read_bytes(target) == wire.read_bytes(path)

        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            self.assertTrue(all(pool.map(fetch, sample)))


if __name__ == "__main__":
    federation.main()
