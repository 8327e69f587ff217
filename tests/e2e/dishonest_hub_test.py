"""A hub that lies with its own keys: the real program over data that was altered,
forked or rolled back behind its back. Each lie is noticed by those whom it concerns,
and leaves evidence that a third party checks offline."""

import base64
import hashlib
import json
import os
import shutil
import sqlite3
import struct
import tempfile
import time
import unittest

import federation
import tree
import wire
from wire import statement_pb2


def update(state, number):
    return {"kind": "UPDATE_KIND_LEGISLATION", "event": "UPDATE_EVENT_PUBLICATION",
            "instrument": {
                "uri": f"urn:lex:{state.lower()}:congreso:ley:2026-01-15;{number}",
                "type": "INSTRUMENT_TYPE_LAW", "number": str(number), "topics": ["entry-visa"],
                "titles": [{"language": "es", "text": f"Ley {number}"}]}}


def checksum(position, leaf, payload, omission):
    """What log.db keeps beside an entry: no secret, so a liar writes it too."""
    facts = struct.pack("<4Q", position, len(leaf), len(payload), omission)
    return struct.unpack("<q", hashlib.sha256(facts + leaf + payload).digest()[:8])[0]


class DishonestHubTest(unittest.TestCase):
    def setUp(self):
        self.federation = federation.Federation(["HN", "GT"], test=self)
        folder = tempfile.TemporaryDirectory(prefix="gaceta-lies-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.number = 1
        self.publish("HN", 4)
        self.federation.await_mirrors()

    def publish(self, state, count):
        path = os.path.join(self.folder, f"{state}-{self.number}.ndjson")
        with open(path, "w", encoding="utf-8") as file:
            for number in range(self.number, self.number + count):
                file.write(json.dumps({"state": state, "update": update(state, number)}) + "\n")
        self.number += count
        self.federation.publish(state, path, check=True)

    def copy_hub(self, name):
        """What a backup, or a fork, begins with."""
        self.federation.stop("hub")
        target = os.path.join(self.folder, name)
        shutil.copytree(self.federation.hub.data, target)
        self.federation.start("hub")
        return target

    def put_hub(self, source):
        """The hub goes on with other data, under the same name and keys."""
        self.federation.is_damaged_because("nodes have seen another history")
        self.federation.stop("hub")
        shutil.rmtree(self.federation.hub.data)
        shutil.copytree(source, self.federation.hub.data)

    def evidence(self, folder):
        found = []
        if os.path.isdir(folder):
            for name in sorted(os.listdir(folder)):
                if name.endswith(".json"):
                    with open(os.path.join(folder, name), encoding="utf-8") as file:
                        found.append(json.load(file))
        return found

    def await_evidence(self, member, reasons):
        folder = os.path.join(self.federation.nodes[member].data, "evidence")
        federation.wait_until(lambda: self.evidence(folder), 40, f"{member} keeps evidence")
        one = self.evidence(folder)[0]
        self.assertIn(one["reason"], reasons, one)
        node = self.federation.nodes[member]
        node.await_log("no longer trusted")
        shown = node.metrics()
        self.assertEqual(shown["gaceta_log_trusted"], 0)
        self.assertGreater(shown["gaceta_evidence_files"], 0)
        return one

    def check_fork(self, evidence):
        """As a court would, with the log's public key alone."""
        key = wire.read_bytes(os.path.join(self.federation.hub.data, "log.key.pub")).decode()
        notes = [base64.b64decode(n) for n in evidence["checkpoints"]]
        first, second = (tree.open_checkpoint(note, [key]) for note in notes)
        for origin, _, _, names in (first, second):
            self.assertIn(origin, names, "the log itself signed it")
        if first[1] == second[1]:
            self.assertNotEqual(first[2], second[2])
            return
        # The second one's own beginning is not the first one.
        self.assertLess(first[1], second[1])
        prefix = base64.b64decode(evidence["prefixRoot"])
        data = base64.b64decode(evidence["prefixConsistency"])
        proof = [data[i:i + 32] for i in range(0, len(data), 32)]
        self.assertTrue(tree.extends(first[1], prefix, second[1], second[2], proof))
        self.assertNotEqual(prefix, first[2])

    def change_log(self, change):
        """Rewrites entries of the stopped hub, which then signs what it finds."""
        self.federation.is_damaged_because("the log is not what its publishers signed")
        data = self.federation.hub.data
        connection = sqlite3.connect(os.path.join(data, "log.db"))
        rows = [list(r) for r in connection.execute(
            "SELECT position, leaf, payload, omission FROM entry ORDER BY position")]
        change(rows)
        connection.execute("DELETE FROM entry")
        for position, (_, leaf, payload, omission) in enumerate(rows):
            connection.execute("INSERT INTO entry VALUES (?, ?, ?, ?, ?)",
                               (position, leaf, payload, omission,
                                checksum(position, leaf, payload, omission)))
        connection.commit()
        connection.close()
        for name in os.listdir(data):
            if name.startswith(("checkpoints.db", "tree.db", "index.db")):
                os.remove(os.path.join(data, name))

    def follow(self, *args):
        return self.federation.cli("gt-at-hub", "updates", "follow", "--from", "start",
                                   "--until-live", *args)

    def check_honest_metrics(self):
        size = self.federation.log_size()
        for server in self.federation.servers.values():
            federation.wait_until(
                lambda s=server: s.metrics()["gaceta_log_cosigned_entries"] == size, 30,
                f"a quorum has cosigned all that {server.name} has")
            shown = server.metrics()
            self.assertEqual(shown["gaceta_log_entries"], size)
            self.assertEqual(shown["gaceta_evidence_files"], 0)
            self.assertLess(shown["process_start_time_seconds"], time.time())
            self.assertGreater(shown["gaceta_certificate_expiry_timestamp_seconds"], time.time())
        for node in self.federation.nodes.values():
            shown = node.metrics()
            self.assertEqual((shown["gaceta_log_trusted"], shown["gaceta_mirror_status"],
                              shown["gaceta_outbox_pending"]), (1, 1, 0))

    def test_nodes_keep_evidence_of_a_hub_that_has_forgotten_a_part_of_its_log(self):
        self.check_honest_metrics()
        backup = self.copy_hub("backup")
        self.publish("HN", 2)
        self.federation.await_mirrors()
        self.put_hub(backup)
        self.federation.start("hub")
        for member in ("hn", "gt"):
            one = self.await_evidence(member, ("LOG_SHORTENED", "LOG_FORKED"))
            self.assertTrue(one["checkpoints"])

    def test_two_histories_meet_in_a_node_that_both_were_shown_to(self):
        # The hub goes on from a backup with statements of HN alone; GT, which has
        # seen others at the same positions, is away and comes back.
        backup = self.copy_hub("backup")
        self.publish("GT", 3)
        self.federation.await_mirrors()
        self.federation.stop("gt")
        self.federation.stop("hn")
        # HN is a new machine, which knows nothing of what it saw.
        shutil.rmtree(self.federation.nodes["hn"].data)
        self.put_hub(backup)
        self.federation.start("hub")
        self.federation.start("hn")
        self.federation.await_mirrors()
        self.publish("HN", 5)
        self.federation.start("gt")
        one = self.await_evidence("gt", ("LOG_FORKED",))
        key = wire.read_bytes(os.path.join(self.federation.hub.data, "log.key.pub")).decode()
        opened = [tree.open_checkpoint(base64.b64decode(n), [key]) for n in one["checkpoints"]]
        self.assertEqual(len(opened), 2)
        self.assertNotEqual(opened[0], opened[1])

    def test_a_reader_refuses_what_no_quorum_has_cosigned_after_the_grace(self):
        self.federation.stop("gt")
        self.federation.publish_log_policy(quorum="all", grace=2)
        done = self.federation.cli("hn-monitor", "updates", "follow", "--from", "start",
                                   "--timeout", "40")
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn("QUORUM_MISSING", done.stderr)
        # With the witness back all is well.
        self.federation.start("gt")
        self.assertEqual(self.follow().returncode, 0)

    def test_an_altered_leaf_is_refused_by_a_reader_who_comes_new(self):
        self.federation.stop("hub")

        def alter(rows):
            leaf = statement_pb2.Leaf.FromString(rows[-1][1])
            header = statement_pb2.StatementHeader.FromString(leaf.header)
            header.agency = "otra"
            leaf.header = header.SerializeToString()
            rows[-1][1] = leaf.SerializeToString()

        self.change_log(alter)
        self.federation.start("hub")
        done = self.follow("--cursor", os.path.join(self.folder, "cursor"))
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn("BAD_SIGNATURE", done.stderr)
        one = self.evidence(os.path.join(self.folder, "cursor.evidence"))[0]
        self.assertEqual(one["reason"], "BAD_SIGNATURE")
        self.assertEqual(len(one["leaves"]), 1)

    def test_a_dropped_and_a_moved_entry_are_refused_and_trust_ends_until_a_person_dismisses(self):
        self.federation.stop("hub")
        self.change_log(lambda rows: rows.pop(-2))
        self.federation.start("hub")
        cursor = os.path.join(self.folder, "cursor")
        done = self.follow("--cursor", cursor)
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn("CHAIN_GAP", done.stderr)
        # Not even asked for, until somebody has looked at it.
        again = self.follow("--cursor", cursor)
        self.assertNotEqual(again.returncode, 0)
        self.assertIn("gaceta evidence dismiss", again.stderr)
        folder = cursor + ".evidence"
        path = os.path.join(folder, os.listdir(folder)[0])
        shown = self.federation.cli(None, "evidence", "show", path, check=True).stdout
        self.assertIn("CHAIN_GAP", shown)
        self.assertRegex(shown, r"checkpoint of hub\.gaceta\.example/log, \d+ entries")
        self.federation.cli(None, "evidence", "dismiss", path, check=True)
        self.assertIn("CHAIN_GAP", self.follow("--cursor", cursor).stderr)

    def test_a_back_dated_entry_is_another_log_for_who_has_seen_the_true_one(self):
        self.federation.stop("hub")

        def back_date(rows):
            leaf = statement_pb2.Leaf.FromString(rows[-1][1])
            leaf.recorded_time.seconds -= 86400
            rows[-1][1] = leaf.SerializeToString()

        self.change_log(back_date)
        self.federation.start("hub")
        for member in ("hn", "gt"):
            one = self.await_evidence(member, ("LOG_FORKED",))
            self.check_fork(one)

    def test_a_reader_notices_a_log_that_was_rolled_back(self):
        cursor = os.path.join(self.folder, "cursor")
        backup = self.copy_hub("backup")
        self.publish("HN", 3)
        self.assertEqual(self.follow("--cursor", cursor).returncode, 0)
        self.put_hub(backup)
        for node in ("hn", "gt"):
            self.federation.stop(node)
        self.federation.start("hub")
        done = self.follow("--cursor", cursor)
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn("LOG_SHORTENED", done.stderr)
        self.assertTrue(self.evidence(cursor + ".evidence"))


if __name__ == "__main__":
    federation.main()
