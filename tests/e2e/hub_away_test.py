"""The hub is away for a whole import: nodes take it, keep it, and deliver all of
it, once, when the hub is back."""

import concurrent.futures
import os
import subprocess
import sys
import tempfile
import time
import unittest

import federation
import wire
from updates_file import UpdatesFile
from wire import submissions_grpc, submissions_pb2

CORPUS = os.environ.get("GACETA_CORPUS_DIR", "")


def updates_file(test):
    """The corpus where there is one, else the samples."""
    if not os.path.isdir(CORPUS):
        return UpdatesFile(federation.SAMPLES)
    folder = tempfile.TemporaryDirectory()
    test.addCleanup(folder.cleanup)
    subprocess.run([sys.executable, f"{wire.SOURCE}/deploy/updates-from-corpus",
                    CORPUS, folder.name], check=True, capture_output=True)
    return UpdatesFile(os.path.join(folder.name, "updates.ndjson"))


class HubAwayTest(unittest.TestCase):
    def setUp(self):
        self.file = updates_file(self)
        self.federation = federation.Federation(self.file.states, test=self,
                                                agencies=self.file.agencies)

    def publish_all(self, *args):
        """Every state's part of the file, all states at once."""
        with concurrent.futures.ThreadPoolExecutor(len(self.file.states)) as pool:
            return list(pool.map(
                lambda state: self.federation.publish(state, self.file.path, *args, timeout=300,
                                                      check=True), self.file.states))

    def submissions(self, state, page_size=1000):
        """All submissions of a state, newest first, as its node has them."""
        node = state.lower()
        with self.federation.channel(
                f"{node}/agency-{self.federation.agency_of(state)}", node) as channel:
            stub = submissions_grpc.SubmissionsServiceStub(channel)
            token = ""
            while True:
                page = stub.ListSubmissions(submissions_pb2.ListSubmissionsRequest(
                    page_size=page_size, page_token=token), timeout=30)
                yield from page.submissions
                token = page.next_page_token
                if not token:
                    return

    def assert_all_are(self, state_name):
        wanted = submissions_pb2.Submission.State.Value(state_name)
        for state in self.file.states:
            found = {s.submission_id: s.state for s in self.submissions(state)}
            self.assertEqual(found, dict.fromkeys(self.file.of_states({state}), wanted), state)

    def all_are_accepted(self):
        """Whether each node's newest submission is: a chain is accepted in order."""
        return all(next(self.submissions(state, page_size=1)).state
                   == submissions_pb2.Submission.STATE_ACCEPTED for state in self.file.states)

    def test_nodes_keep_the_import_and_deliver_it_once_when_the_hub_returns(self):
        members = self.federation.cli("us-monitor", "states", check=True).stdout
        self.assertEqual(self.federation.stop("hub"), 0)

        self.publish_all("--no-wait", "--in-flight", "1")
        self.assert_all_are("STATE_PENDING")
        # A node that dies meanwhile has lost nothing; it needs no hub to start.
        for state in self.file.states[:2]:
            self.federation.kill(state.lower())
            self.federation.start(state.lower())
        self.assert_all_are("STATE_PENDING")
        # The window to the state's programs stays open.
        self.assertEqual(self.federation.cli("us-monitor", "states", check=True).stdout, members)
        self.federation.cli("us-monitor", "updates", "list", check=True)
        # Somebody waits for receipts all the while.
        waiting = self.federation.popen("us-agency", "updates", "publish", "--no-journal",
                                        self.file.path)

        self.federation.start("hub")
        returned = time.monotonic()
        federation.wait_until(self.all_are_accepted, 120, "the hub has everything")
        print(f"{len(self.file.lines)} updates of {len(self.file.states)} nodes: "
              f"{time.monotonic() - returned:.1f} s from the hub's return to the last receipt",
              file=sys.stderr)

        self.assert_all_are("STATE_ACCEPTED")
        output, errors = waiting.communicate(timeout=60)
        self.assertEqual(waiting.returncode, 0, errors)
        self.assertEqual(output.count("\n"), len(self.file.of_states({"US"})))
        self.assert_the_log_is_right()
        self.assert_that_servers_log_in_their_format()

    def assert_that_servers_log_in_their_format(self):
        for server in self.federation.servers.values():
            for line in wire.read_bytes(server.log).decode().splitlines():
                self.assertRegex(line, r"^time=\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z level=\w+ ",
                                 server.name)

    def assert_the_log_is_right(self):
        """It has everything once, each state's part in order, under the positions
        that the receipts name."""
        log = self.federation.audit()
        for state in self.file.states:
            self.assertEqual(
                [v.header.statement_id for v in log if v.header.publisher == state],
                self.file.of_states({state}), state)
            for submission in self.submissions(state):
                entry = log[submission.receipt.position].entry
                self.assertEqual(submission.receipt.leaf, entry.leaf)


if __name__ == "__main__":
    federation.main()
