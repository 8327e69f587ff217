"""A hub whose disk is gone while it works is rebuilt from what its nodes have."""

import json
import os
import shutil
import sqlite3
import subprocess
import tempfile
import threading
import unittest

import federation
import tree
from dishonest_hub_test import update
from wire import statement_pb2, submissions_pb2


class RecoveryTest(unittest.TestCase):
    def setUp(self):
        self.federation = federation.Federation(["HN", "GT", "MX"], test=self)
        folder = tempfile.TemporaryDirectory(prefix="gaceta-recovery-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.hub = self.federation.hub

    def write(self, state, numbers):
        path = os.path.join(self.folder, f"{state}.ndjson")
        with open(path, "w", encoding="utf-8") as file:
            for number in numbers:
                file.write(json.dumps({"state": state, "update": update(state, number)}) + "\n")
        return path

    def receipts(self):
        """Of all that the hub has acknowledged to a node: position, receipt."""
        found = {}
        for node in self.federation.nodes.values():
            with sqlite3.connect(os.path.join(node.data, "outbox.db")) as connection:
                for position, outcome in connection.execute(
                        "SELECT position, outcome FROM submission WHERE position IS NOT NULL"):
                    receipt = submissions_pb2.Submission.FromString(outcome).receipt
                    self.assertNotIn(position, found)
                    found[position] = receipt
        return found

    def rebuild(self, *folders):
        return subprocess.run(
            [os.path.join(federation.BIN, "gaceta-hub"), "--config", self.hub.config,
             "--rebuild-from", *folders], capture_output=True, text=True, check=False)

    def test_everything_acknowledged_is_there_after_the_hubs_disk_was_lost_under_load(self):
        # In the background, so that a failure of the test ends.
        threads = [threading.Thread(target=self.federation.publish, daemon=True, args=(
            state, self.write(state, range(1, 2001)))) for state in ("HN", "GT")]
        for thread in threads:
            thread.start()
        federation.wait_until(lambda: self.federation.log_size() > 300, 60, "it works")
        self.federation.kill("hub")
        key = os.path.join(self.folder, "log.key")
        shutil.copy(os.path.join(self.hub.data, "log.key"), key)
        public = os.path.join(self.folder, "log.key.pub")
        shutil.copy(os.path.join(self.hub.data, "log.key.pub"), public)
        shutil.rmtree(self.hub.data)
        # What is under way on the wire still comes.
        for node in self.federation.nodes.values():
            node.await_log("mirror disconnected")
            self.assertEqual(node.stop(), 0)
        acknowledged = self.receipts()
        self.assertGreater(len(acknowledged), 100)

        os.makedirs(self.hub.data)
        # Without the log's key it would be another log.
        self.assertIn("the log's key has to be there first",
                      self.rebuild(self.federation.nodes["mx"].data).stderr)
        shutil.copy(key, self.hub.data)
        shutil.copy(public, self.hub.data)
        # An old copy ends before what others have seen.
        old = os.path.join(self.folder, "old")
        shutil.copytree(self.federation.nodes["mx"].data, old)
        connection = sqlite3.connect(os.path.join(old, "log.db"))
        connection.execute("DELETE FROM entry WHERE position >= 100")
        connection.commit()
        connection.close()
        refused = self.rebuild(old)
        self.assertEqual(refused.returncode, 1)
        self.assertIn("but the mirrors end at 100", refused.stderr)
        self.assertFalse(os.path.exists(os.path.join(self.hub.data, "log.db")))

        done = self.rebuild(*(node.data for node in self.federation.nodes.values()))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.federation.start("hub", *self.federation.nodes)
        for thread in threads:
            thread.join(120)
        federation.wait_until(lambda: len(self.receipts()) == 4000, 120, "all is acknowledged")
        self.federation.await_mirrors()

        log = self.federation.audit()
        hashes = [tree.leaf_hash(v.entry.leaf) for v in log]
        with open(public, encoding="utf-8") as file:
            keys = [file.read()]
        for position, receipt in acknowledged.items():
            self.assertEqual(log[position].entry.leaf, receipt.leaf)
            leaf = statement_pb2.Leaf.FromString(receipt.leaf)
            self.assertTrue(leaf.header)
        # Each checkpoint that a receipt came with is one of this very log.
        for receipt in list(acknowledged.values())[::97]:
            _, size, root, _ = tree.open_checkpoint(receipt.checkpoint, keys)
            self.assertEqual(tree.root(hashes[:size]), root)
        for node in self.federation.nodes.values():
            self.assertFalse(os.listdir(os.path.join(node.data, "evidence")))


if __name__ == "__main__":
    federation.main()
