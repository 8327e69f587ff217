"""A hub that lies with its own keys: the real program over data that was altered,
forked or rolled back behind its back. Each lie is noticed by those whom it concerns,
and leaves evidence that a third party checks offline."""

import base64
import json
import os
import shutil
import sqlite3
import struct
import subprocess
import tempfile
import time
import unittest

import evidence
import federation
import wire
import xxhash
from second_implementation import Verifier
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
    return struct.unpack(">q", xxhash.xxh3_64_digest(facts + leaf + payload))[0]


class DishonestHubTest(unittest.TestCase):
    def setUp(self):
        self.federation = federation.Federation(["HN", "GT"], test=self)
        folder = tempfile.TemporaryDirectory(prefix="gaceta-lies-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.number = 1
        self.publish("HN", 4)
        self.federation.await_mirrors()
        self.court = self.open_court()

    def open_court(self):
        """What anybody may know of the log, from before it lied."""
        verifier = Verifier(wire.read_bytes(self.federation.file("root.pem")), federation.NAME)
        with self.federation.channel("gt/subscriber-monitor", "hub") as channel:
            for entry in wire.registry_grpc.RegistryServiceStub(channel).ListRegistryEntries(
                    wire.registry_pb2.ListRegistryEntriesRequest(), timeout=30).entries:
                verifier.apply_registry_entry(entry)
        keys = [wire.read_bytes(os.path.join(data, name)).decode() for data, name in [
            (self.federation.hub.data, "log.key.pub"),
            *((node.data, "cosigner.key.pub") for node in self.federation.nodes.values())]]
        return evidence.Court(keys[0], keys[1:], verifier)

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

    def await_evidence(self, member, reasons):
        folder = os.path.join(self.federation.nodes[member].data, "evidence")
        federation.wait_until(lambda: evidence.read_all(folder), 40, f"{member} keeps evidence")
        one = self.judged(folder, reasons)
        node = self.federation.nodes[member]
        node.await_log("no longer trusted")
        shown = node.metrics()
        self.assertEqual(shown["gaceta_log_trusted"], 0)
        self.assertGreater(shown["gaceta_evidence_files"], 0)
        return one

    def judged(self, folder, reasons):
        """The last piece in a folder, once a third party has seen that all hold."""
        for one in evidence.read_all(folder):
            self.assertIn(one["reason"], reasons, one)
            self.court.check(one)
        return one

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
        connection = sqlite3.connect(os.path.join(data, "checkpoints.db"))
        connection.execute("DELETE FROM checkpoint")
        connection.commit()
        connection.close()
        with open(os.path.join(data, "log.size"), "w", encoding="utf-8") as file:
            file.write("0\n")
        for name in os.listdir(data):
            if name.startswith(("tree.db", "index.db")):
                os.remove(os.path.join(data, name))

    def follow(self, *args):
        # A cursor says where to go on.
        resumes = "--cursor" in args and os.path.exists(args[args.index("--cursor") + 1])
        start = [] if resumes else ["--from", "start"]
        return self.federation.cli("gt-at-hub", "updates", "follow", *start, "--until-live", *args)

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
            self.assertEqual(len(one["checkpoints"]), 2)

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
        self.federation.create("hn")
        self.federation.start("hub")
        self.federation.start("hn")
        self.federation.await_mirrors()
        self.publish("HN", 5)
        self.federation.start("gt")
        one = self.await_evidence("gt", ("LOG_FORKED",))
        self.assertEqual(len(one["checkpoints"]), 2)

    def test_a_reader_refuses_what_no_quorum_has_cosigned_after_the_grace(self):
        self.federation.stop("gt")
        self.federation.publish_log_policy(quorum="all", grace=2)
        cursor = os.path.join(self.folder, "cursor")
        done = self.federation.cli("hn-monitor", "updates", "follow", "--from", "start",
                                   "--timeout", "40", "--cursor", cursor)
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn("QUORUM_MISSING", done.stderr)
        self.judged(cursor + ".evidence", ("QUORUM_MISSING",))
        # With the witness back all is well.
        self.federation.start("gt")
        self.assertEqual(self.follow().returncode, 0)

    def test_an_old_end_without_cosignatures_is_told_by_nodes_and_readers_that_go_on(self):
        """What a hub looks like that shows an old checkpoint for ever, or keeps back
        the cosignatures that it gets: here HN's, as all have to cosign."""
        self.federation.publish_log_policy(quorum="all", grace=2)
        self.check_honest_metrics()
        cursor = os.path.join(self.folder, "cursor")
        follower = self.federation.popen("gt-at-hub", "updates", "follow", "--from", "start",
                                         "--cursor", cursor, stdout=subprocess.DEVNULL)
        self.federation.stop("hn")
        node = self.federation.nodes["gt"]
        for folder in (os.path.join(node.data, "evidence"), cursor + ".evidence"):
            federation.wait_until(lambda f=folder: evidence.read_all(f), 90,
                                  f"{folder} has evidence")
            one = self.judged(folder, ("LOG_STALE",))
            if folder.startswith(node.data):
                # Its own cosignature, which the hub has and does not show.
                note = base64.b64decode(one["checkpoints"][2]).decode()
                self.assertIn("\n— node.gt.", note)
        node.await_log("no quorum of witnesses vouches")
        shown = node.metrics()
        self.assertEqual((shown["gaceta_log_trusted"], shown["gaceta_evidence_files"]), (1, 1))
        # It may be the network: nobody stops, and with the witness back all is well.
        self.assertIsNone(follower.poll())
        self.federation.start("hn")
        # Nobody has to dismiss an alarm that is over.
        node.await_log("vouches for the end of the log again")
        federation.wait_until(lambda: node.metrics()["gaceta_evidence_files"] == 0, 30,
                              "the node's alarm is closed")
        federation.wait_until(lambda: not evidence.read_all(cursor + ".evidence"), 60,
                              "the reader's alarm is closed")
        follower.terminate()
        self.assertIn("since", follower.communicate(timeout=30)[1])
        self.publish("GT", 1)
        self.assertEqual(self.follow("--cursor", cursor).returncode, 0)

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
        self.judged(os.path.join(self.folder, "cursor.evidence"), ("BAD_SIGNATURE",))

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
        self.judged(folder, ("CHAIN_GAP",))
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
            self.await_evidence(member, ("LOG_FORKED",))

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
        self.judged(cursor + ".evidence", ("LOG_SHORTENED",))


if __name__ == "__main__":
    federation.main()
