"""Hub and nodes are killed at random moments while several nodes publish; so are
programs that publish and that follow. Nothing acknowledged is lost, nothing is
there twice, no position moves, and nobody who follows misses or repeats.

The seed is printed; GACETA_SEED runs the same kills again (what they hit, the
machine decides). With GACETA_CORPUS_DIR the corpus is published first.
"""

import json
import os
import random
import subprocess
import sys
import threading
import time
import unittest

SOURCE = os.path.abspath(os.environ.get(
    "GACETA_SOURCE_DIR", os.path.join(os.path.dirname(__file__), "..", "..")))
sys.path.insert(0, os.path.join(SOURCE, "tests", "e2e"))

import federation  # noqa: E402  (after the path is set)
import statements  # noqa: E402
from federation import Failure, wait_until  # noqa: E402
from followers import CommandFollower, PythonFollower  # noqa: E402
from wire import documents_grpc, documents_pb2, statement_pb2  # noqa: E402

STATES = ["MX", "CO", "PE", "AR"]
HUB_KILLS = 8
NODE_KILLS = 4  # of each node
LEAST_UPDATES = 120  # of each state
BATCH = 40
# A program that publishes while servers come and go may give up; it is run again.
TRIES = 20
CURSOR = "next "


def read_corpus(folder, target):
    """The corpus as lines to publish, by state; none without a corpus."""
    if not folder:
        return {}
    subprocess.run([sys.executable, os.path.join(SOURCE, "deploy", "updates-from-corpus"),
                    folder, target], check=True, stderr=subprocess.DEVNULL)
    lines = {}
    with open(os.path.join(target, "updates.ndjson"), encoding="utf-8", newline="\n") as file:
        for line in map(json.loads, file):
            lines.setdefault(line["state"], []).append(line)
    return lines


class Federation(federation.Federation):
    def publish_resumably(self, state, path, in_flight):
        """publish() with a journal, which tells what was accepted."""
        return self.cli(f"{state.lower()}-agency", "updates", "publish",
                        "--in-flight", in_flight, "--journal", path + ".submissions", path,
                        timeout=400)


class Ministry(threading.Thread):
    """Publishes batches through its state's node with the command, one after the
    other, which is itself killed at times; until told to end."""

    def __init__(self, federation_, state, seed, lines):
        super().__init__(name=f"ministry of {state}", daemon=True)
        self.state = state
        self.accepted = {}  # by statement id: position, as the receipts say
        self.documents = {}  # by digest: size
        self.interrupted = 0
        self.error = None
        self._federation = federation_
        self._random = random.Random(f"{seed}-{state}")
        # The life of a real instrument depends on the order.
        self._in_flight = "1" if lines else "16"
        self._lines = list(lines)
        self._made = 0
        self._batches = 0
        self._ended = threading.Event()

    def run(self):
        try:
            while (not self._ended.is_set() or self._lines
                   or len(self.accepted) < LEAST_UPDATES):
                self._publish(self._next_batch())
        except Exception as error:  # for the test to show
            self.error = error

    def finish(self):
        """Asks it to end with the batch under way."""
        self._ended.set()

    def end(self):
        self.finish()
        self.join(240)
        if self.error is not None:
            raise Failure(f"{self.name}: {self.error}") from self.error
        if self.is_alive():
            raise Failure(f"{self.name} does not end")

    def _next_batch(self):
        lines, self._lines = self._lines[:BATCH], self._lines[BATCH:]
        return lines or [self._make_line() for _ in range(BATCH)]

    def _make_line(self):
        self._made += 1
        update = statements.make_update(self.state, self._made)
        line = {"state": self.state, "submissionId": statements.new_id(), "update": update}
        if self._made % 5 == 0:
            data = f"Decreto {self._made} de {self.state}\n".encode() * self._random.randint(
                1, 20000)
            path = os.path.join(self._federation.folder, f"{self.state}-{self._made}.txt")
            with open(path, "wb") as file:
                file.write(data)
            document = statements.document_of(data)
            update["documents"] = [document]
            line["documentFiles"] = {document["sha256"]: path}
        return line

    def _publish(self, lines):
        self._batches += 1
        path = os.path.join(self._federation.folder, f"{self.state}-{self._batches}.ndjson")
        with open(path, "w", encoding="utf-8", newline="\n") as file:
            file.writelines(json.dumps(line) + "\n" for line in lines)
        if self._random.random() < 0.2:
            self._interrupt(path)
        for _ in range(TRIES):
            done = self._federation.publish_resumably(self.state, path, self._in_flight)
            if done.returncode == 0:
                break
        else:
            raise Failure(f"{path} is not published after {TRIES} tries: "
                          f"{done.stderr[-2000:]}")
        self._read_journal(path, [line["submissionId"] for line in lines])
        for line in lines:
            for document in line["update"].get("documents", ()):
                self.documents[document["sha256"]] = int(document["size"])

    def _interrupt(self, path):
        child = self._federation.popen(
            f"{self.state.lower()}-agency", "updates", "publish", "--journal",
            path + ".submissions", path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            child.wait(self._random.uniform(0.05, 1))
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
            self.interrupted += 1

    def _read_journal(self, path, ids):
        with open(path + ".submissions", encoding="utf-8") as file:
            records = [line.split() for line in file.read().split("\n")[:-1]]
        positions = {r[1]: int(r[2]) for r in records if len(r) == 3}
        for submission_id in ids:
            self.accepted[submission_id] = positions[submission_id]


class KillTest(unittest.TestCase):
    def setUp(self):
        self.seed = os.environ.get("GACETA_SEED") or str(random.randrange(10**9))
        print(f"GACETA_SEED={self.seed}", flush=True)
        self.random = random.Random(self.seed)
        self.federation = Federation(STATES, test=self)
        corpus = read_corpus(os.environ.get("GACETA_CORPUS_DIR"),
                             os.path.join(self.federation.folder, "corpus"))
        self.ministries = [Ministry(self.federation, state, self.seed, corpus.get(state, []))
                           for state in STATES]
        self.followers = [
            PythonFollower(self.federation, "mx/subscriber-monitor", "hub"),
            PythonFollower(self.federation, "co/subscriber-monitor", "co")]
        self.cursors = {
            name: os.path.join(self.federation.folder, name + ".cursor")
            for name in ("cursor-at-hub", "cursor-at-node")}
        self.with_cursor = [
            CommandFollower(self.federation, profile, name, ["--cursor", self.cursors[name]])
            for profile, name in (("mx-at-hub", "cursor-at-hub"), ("pe-monitor", "cursor-at-node"))]
        # Its name at the hub is all that is left of it.
        self.without_disk = CommandFollower(
            self.federation, "ar-at-hub", "named", ["--subscription", "laws"])
        # Where each run of a follower with a cursor began.
        self.begins = {name: [] for name in self.cursors}

    def test_nothing_is_lost_or_twice_after_kills_at_random_moments(self):
        self.start_everybody()
        kills = self.kill_at_random()
        for ministry in self.ministries:
            ministry.finish()
        for ministry in self.ministries:
            ministry.end()
        self.await_all()

        log = self.federation.audit()
        updates = [e for e in log if e.header.publisher != "OAS"]
        print(f"{kills} kills of servers, {sum(m.interrupted for m in self.ministries)} of "
              f"publishers; {len(updates)} updates; streams: "
              + ", ".join(f"{f.name} {f.streams}" for f in self.followers), flush=True)
        self.check_receipts(updates)
        self.check_documents()
        self.check_nodes(log)
        self.check_followers(updates)

    # --- What happens ---

    def start_everybody(self):
        for follower in self.followers:
            follower.start()
        for follower in [*self.with_cursor, self.without_disk]:
            self.start_follower(follower)
        for ministry in self.ministries:
            ministry.start()

    def start_follower(self, follower):
        if follower.name in self.begins:
            self.begins[follower.name].append(self.read_cursor(self.cursors[follower.name]))
        follower.start()

    @staticmethod
    def read_cursor(path):
        if not os.path.exists(path):
            return 0
        with open(path, encoding="utf-8") as file:
            return next(int(line[len(CURSOR):]) for line in file if line.startswith(CURSOR))

    def kill_at_random(self):
        plan = ["hub"] * HUB_KILLS + [n for n in self.federation.nodes for _ in range(NODE_KILLS)]
        self.random.shuffle(plan)
        for number, name in enumerate(plan):
            time.sleep(self.random.uniform(0, 1.5))
            server = self.federation.servers[name]
            self.assertTrue(server.is_running(), f"{name} ended by itself: {server.log_text()}")
            server.kill()
            if number % 4 == 0:
                self.kill_a_follower()
            if self.random.random() < 0.5:
                time.sleep(self.random.uniform(0, 1))
            # Some are killed again before they have started.
            server.start(wait=self.random.random() < 0.6)
        return len(plan)

    def kill_a_follower(self):
        follower = self.random.choice([*self.with_cursor, self.without_disk])
        follower.kill()
        self.start_follower(follower)

    def await_all(self):
        """Until everybody has everything."""
        for name, server in self.federation.servers.items():
            server.await_log(" started program=")
            wait_until(lambda name=name: self.federation.is_serving(name), 30, f"{name} serves")
        self.federation.await_mirrors(60)
        end = self.federation.log_size()
        for follower in [*self.followers, *self.with_cursor, self.without_disk]:
            follower.await_position(end)
        for follower in self.followers:
            follower.end()
        for follower in [*self.with_cursor, self.without_disk]:
            follower.kill()

    # --- What must be true ---

    def check_receipts(self, updates):
        """What was acknowledged is where its receipt said, and nothing else is there."""
        expected = {}
        for ministry in self.ministries:
            self.assertGreaterEqual(len(ministry.accepted), LEAST_UPDATES)
            expected.update(ministry.accepted)
        self.assertEqual(len(updates), len(expected))
        self.assertEqual({u.header.statement_id: u.position for u in updates}, expected)

    def check_documents(self):
        with self.federation.channel("secretariat/admin-demo", "hub") as channel:
            stub = documents_grpc.DocumentsServiceStub(channel)
            for ministry in self.ministries:
                for digest, size in ministry.documents.items():
                    there = stub.GetDocument(
                        documents_pb2.GetDocumentRequest(sha256=digest), timeout=30)
                    self.assertEqual((there.stored, there.size), (True, size), digest)

    def check_nodes(self, log):
        leaves = [e.entry.leaf for e in log]
        for name in self.federation.nodes:
            mirrored = self.federation.read_log(name, f"{name}/subscriber-monitor")
            self.assertEqual([e.leaf for e in mirrored], leaves, f"the log of node {name}")

    def check_followers(self, updates):
        digests = {u.position: statements.sha256(
            statement_pb2.Leaf.FromString(u.entry.leaf).header) for u in updates}
        for follower in self.followers:
            # They saw these positions before, between and after the kills.
            self.assertEqual(follower.seen, digests, follower.name)
            self.assertGreater(follower.streams, 1)
        ids = [(u.position, u.header.statement_id) for u in updates]
        for follower in [*self.with_cursor, self.without_disk]:
            self.assertEqual(sorted({one for run in follower.runs for one in run}), ids,
                             follower.name)
            for run in follower.runs:
                self.assertEqual(run, sorted(set(run)), f"{follower.name} in one run")
        for follower in self.with_cursor:
            for begin, run in zip(self.begins[follower.name], follower.runs, strict=True):
                # Nothing below the cursor comes again.
                self.assertTrue(not run or run[0][0] >= begin, (follower.name, begin, run[:1]))
        for earlier, later in zip(self.without_disk.runs, self.without_disk.runs[1:]):
            if earlier and later:
                self.assertLessEqual(later[0][0], earlier[-1][0] + 1, "left out between runs")


if __name__ == "__main__":
    federation.main()
