"""A second implementation of a subscriber accepts what the federation relays,
and nothing that was tampered with."""

import base64
import copy
import json
import os
import subprocess
import sys
import unittest

import federation
import wire
from cryptography import x509
from google.protobuf import json_format
from second_implementation import (HEADER_TYPE, NotVerified, Subscription, Verifier,
                                   fetch_registry, key_id_of, pre_authentication_encoding)
from updates_file import UpdatesFile, read_corridors, without_nonce
from wire import relay_pb2, statement_pb2


class SecondImplementationTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.file = UpdatesFile(federation.SAMPLES)
        cls.states = cls.file.states
        cls.federation = federation.Federation(cls.states, test=cls, agencies=cls.file.agencies)
        for state in cls.states:
            cls.federation.publish(state, federation.SAMPLES, check=True)
        cls.federation.await_mirrors()
        cls.entries = cls.federation.read_log()

    def verifier(self, **kwargs):
        return Verifier(wire.read_bytes(self.federation.file("root.pem")), federation.NAME,
                        **kwargs)

    def follow(self, identity, server, wanted, complete=True):
        with self.federation.channel(identity, server) as channel:
            return list(Subscription(
                channel, self.verifier(complete=complete),
                relay_pb2.Open(filter=wanted, start_position=0), timeout=60).to_the_end())

    def assert_are(self, verified, ids):
        """What came is what the file says, once, in whatever order."""
        self.assertEqual(sorted(v.header.statement_id for v in verified), sorted(ids))
        for v in verified:
            self.assertEqual(without_nonce(v.update), self.file.message(v.header.statement_id))

    def test_the_encoding_that_is_signed_is_the_published_one(self):
        self.assertEqual(
            pre_authentication_encoding(b"hello world", b"http://example.com/HelloWorld"),
            b"DSSEv1 29 http://example.com/HelloWorld 11 hello world")
        self.assertEqual(len(HEADER_TYPE), 51)

    def test_all_samples_arrive_and_verify_at_the_hub_and_at_every_node(self):
        at_hub = self.follow("br/subscriber-monitor", "hub", relay_pb2.Filter())
        self.assert_are(at_hub, self.file.by_id)

        for state in self.states:
            at_node = self.follow(f"{state.lower()}/subscriber-monitor", state.lower(),
                                  relay_pb2.Filter())
            self.assertEqual([v.entry.leaf for v in at_node], [v.entry.leaf for v in at_hub])
            self.assert_are(at_node, self.file.by_id)

    def test_each_corridor_and_each_topic_passes_what_the_files_say(self):
        for corridor, states in read_corridors().items():
            if not states & set(self.states):
                continue
            came = self.follow("mx/subscriber-monitor", "mx", relay_pb2.Filter(
                corridors=[relay_pb2.CorridorFilter(corridor=corridor)]))
            self.assert_are(came, self.file.of_states(states))
        for topic in self.file.topics:
            came = self.follow("mx/subscriber-monitor", "mx", relay_pb2.Filter(topics=[topic]),
                               complete=False)
            self.assert_are(came, self.file.of_topic(topic))

    def test_who_starts_late_verifies_with_the_registry_that_he_fetches(self):
        middle = len(self.entries) // 2
        verifier = self.verifier(complete=False)
        with self.federation.channel("us/subscriber-monitor", "us") as channel:
            fetch_registry(channel, verifier)
            came = list(Subscription(channel, verifier, relay_pb2.Open(start_position=middle),
                                     timeout=60).to_the_end())

        self.assertEqual([v.position for v in came],
                         [e.position for e in self.entries
                          if e.position >= middle and e.payload and not self.is_registry(e)])

    def test_both_sorts_of_keys_sign(self):
        algorithms = {len(leaf.signature) == 64 for leaf in map(self.leaf_of, self.entries)}
        self.assertEqual(algorithms, {True, False}, "64 bytes are Ed25519, more are DER of ECDSA")

    def test_the_program_prints_what_it_verified(self):
        server = self.federation.hub
        done = subprocess.run(
            [sys.executable, f"{wire.SOURCE}/tests/e2e/second_implementation.py",
             "--server", server.address, "--federation", federation.NAME,
             "--root", self.federation.file("root.pem"),
             "--certificate", self.federation.file("hn/subscriber-monitor.pem"),
             "--key", self.federation.file("hn/subscriber-monitor.key"),
             "--state", "HN", "--state", "BR", "--until-live"],
            capture_output=True, encoding="utf-8", timeout=60)

        self.assertEqual(done.returncode, 0, done.stderr)
        printed = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual(
            sorted(line["header"]["statementId"] for line in printed),
            sorted(self.file.of_states({"HN", "BR"})))

    # --- Tampering ---

    @staticmethod
    def leaf_of(entry):
        return statement_pb2.Leaf.FromString(entry.leaf)

    def header_of(self, entry):
        return statement_pb2.StatementHeader.FromString(self.leaf_of(entry).header)

    def is_registry(self, entry):
        return self.header_of(entry).publisher == "OAS"

    def update_positions(self, state):
        return [e.position for e in self.entries if self.header_of(e).publisher == state]

    def check_all(self, entries, **kwargs):
        verifier = self.verifier(**kwargs)
        return [verifier.check(entry) for entry in entries]

    def assert_refused(self, pattern, change):
        """`change` gets a copy of the log and alters it."""
        entries = copy.deepcopy(self.entries)
        change(entries)
        with self.assertRaisesRegex(NotVerified, pattern):
            self.check_all(entries)

    def with_leaf(self, entry, change):
        leaf = self.leaf_of(entry)
        change(leaf)
        entry.leaf = leaf.SerializeToString()

    def test_an_untouched_copy_verifies(self):
        self.assertEqual(len(self.check_all(copy.deepcopy(self.entries))), len(self.entries))

    def test_a_flipped_bit_of_any_signature_is_found(self):
        def flip(leaf):
            leaf.signature = leaf.signature[:-1] + bytes([leaf.signature[-1] ^ 1])
        for state in self.states:  # keys of both sorts
            position = self.update_positions(state)[0]
            self.assert_refused("bad signature",
                                lambda log, p=position: self.with_leaf(log[p], flip))

    def test_an_altered_header_is_found(self):
        def backdate(leaf):
            header = statement_pb2.StatementHeader.FromString(leaf.header)
            header.signed_time.seconds -= 86400
            leaf.header = header.SerializeToString()
        position = self.update_positions("MX")[0]
        self.assert_refused("bad signature", lambda log: self.with_leaf(log[position], backdate))

    def test_an_altered_payload_is_found(self):
        def alter(log):
            entry = log[self.update_positions("HN")[1]]
            entry.payload = entry.payload[:-1] + bytes([entry.payload[-1] ^ 1])
        self.assert_refused("digest", alter)

    def test_another_states_key_is_not_taken_for_the_publishers(self):
        other = self.leaf_of(self.entries[self.update_positions("GT")[0]]).key_id
        position = self.update_positions("HN")[0]
        self.assert_refused("no key", lambda log: self.with_leaf(
            log[position], lambda leaf: setattr(leaf, "key_id", other)))

    def test_a_withheld_statement_is_found(self):
        self.assert_refused("withheld", lambda log: log.pop(self.update_positions("BR")[2]))

    def test_statements_in_another_order_are_found(self):
        def swap(log):
            first, second = self.update_positions("CL")[:2]
            log[first], log[second] = log[second], log[first]
            log[first].position, log[second].position = first, second
        self.assert_refused("CL 2 after 0", swap)

    def test_a_repeated_statement_is_found(self):
        def repeat(log):
            position = self.update_positions("AR")[0]
            log.insert(position + 1, copy.deepcopy(log[position]))
        self.assert_refused("came again", repeat)

    def test_a_root_of_another_federation_vouches_for_nothing(self):
        other = federation.Federation([], test=self, start=False)
        verifier = Verifier(wire.read_bytes(other.file("root.pem")), federation.NAME)
        with self.assertRaises(NotVerified):
            verifier.check(self.entries[0])


class ReplacedKeyTest(unittest.TestCase):
    def test_what_a_key_signed_before_it_was_revoked_goes_on_to_verify(self):
        """Honduras replaces its key: whoever reads the log later, from the start or
        with the registry at hand, accepts what either key signed in its time."""
        running = federation.Federation(["HN", "GT"], test=self)
        file = UpdatesFile(federation.SAMPLES)
        running.publish("HN", federation.SAMPLES, check=True)
        old = x509.load_pem_x509_certificate(wire.read_bytes(running.file("hn/signer.pem")))

        running.stop("hn")
        for kind in ("pem", "key"):
            os.rename(running.file(f"hn/signer.{kind}"), running.file(f"hn/signer-old.{kind}"))
        running.make_leaf("hn", "signer")
        running.add_member("HN")
        self.revoke(running, key_id_of(old.public_key()))
        running.start("hn")
        update = file.message(file.of_states({"HN"})[0])
        update.instrument.uri = "urn:lex:hn:congreso:decreto:2020;1-2020"
        update.ClearField("relations")
        path = os.path.join(running.folder, "new.json")
        with open(path, "w", encoding="utf-8") as out:
            out.write(json_format.MessageToJson(update))
        running.publish("HN", path, check=True)

        log = [v for v in running.audit() if v.header.publisher == "HN"]
        self.assertEqual(len({statement_pb2.Leaf.FromString(v.entry.leaf).key_id for v in log}), 2)
        ids = [v.header.statement_id for v in log]
        with running.channel("gt/subscriber-monitor", "hub") as channel:
            verifier = Verifier(wire.read_bytes(running.file("root.pem")), federation.NAME)
            fetch_registry(channel, verifier)
            came = Subscription(channel, verifier, relay_pb2.Open(start_position=0), timeout=60)
            self.assertEqual([v.header.statement_id for v in came.to_the_end()], ids)
        running.await_mirrors()
        for words in (["follow", "--from", "start", "--until-live"], ["list", "--oldest-first"]):
            for profile in ("gt-at-hub", "gt-monitor", "hn-monitor"):
                done = running.cli(profile, "--output=json", "updates", *words, check=True)
                self.assertEqual([json.loads(line)["header"]["statementId"]
                                  for line in done.stdout.splitlines()], ids)

    def revoke(self, running, key_id):
        path = os.path.join(running.folder, "revocation.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"items": [{"signerKeyRevocation": {
                "keyId": base64.b64encode(key_id).decode(), "ground": "Replaced"}}]}, file)
        running.cli("secretariat", "registry", "publish", path,
                    "--signer-key", running.file("secretariat/signer.key"), check=True)


if __name__ == "__main__":
    federation.main()
