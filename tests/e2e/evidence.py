"""Checks pieces of evidence as a court would: offline, from the log's keys, the
registry, and the texts that define the formats."""

import base64
import datetime
import json
import os

import tree
from second_implementation import NotVerified
from wire import statement_pb2

# What the holder's clock says, and no signature.
ATTESTED = ("LOG_STALE", "QUORUM_MISSING")
# Of an entry whose own signature is not what is wrong with it.
SIGNED = ("CHAIN_GAP", "CHAIN_BROKEN", "PAYLOAD_WITHHELD", "PAYLOAD_DIGEST_MISMATCH")


def read_all(folder):
    found = []
    if os.path.isdir(folder):
        for name in sorted(os.listdir(folder)):
            if name.endswith(".json"):
                with open(os.path.join(folder, name), encoding="utf-8") as file:
                    found.append(json.load(file))
    return found


def _bytes(evidence, field):
    return base64.b64decode(evidence.get(field, ""))


def _hashes(evidence, field):
    data = _bytes(evidence, field)
    return [data[i:i + 32] for i in range(0, len(data), 32)]


def _require(condition, text):
    if not condition:
        raise NotVerified(text)


class Court:
    """`keys` are verifier keys: of the log, and of the witnesses of its policy."""

    def __init__(self, log_key, witness_keys, verifier):
        self._keys = [log_key, *witness_keys]
        self._verifier = verifier

    def check(self, evidence):
        """Raises NotVerified where the evidence does not show what it says."""
        notes = [base64.b64decode(note) for note in evidence.get("checkpoints", [])]
        opened = [tree.open_checkpoint(note, self._keys) for note in notes]
        for origin, _, _, names in opened:
            _require(origin in names, "the log itself did not sign a checkpoint")
        reason = evidence["reason"]
        if reason == "LOG_FORKED":
            self._check_fork(evidence, *opened)
        elif reason == "LOG_SHORTENED":
            self._check_shortened(*opened)
        elif reason in ATTESTED:
            self._check_attested(evidence, *opened)
        else:
            self._check_entry(evidence, *opened)

    @staticmethod
    def _check_fork(evidence, first, second):
        if first[1] == second[1]:
            _require(first[2] != second[2], "two times the same checkpoint")
            return
        if "prefixRoot" not in evidence:
            # The log is asked for the proof that it owes: from a power of two it shows
            # no other root.
            _require(first[1] & (first[1] - 1) == 0, "what the second begins with is not there")
            return
        # The second one's own beginning is not the first one.
        _require(first[1] == int(evidence["prefixSize"]), "not the size of the first")
        root = _bytes(evidence, "prefixRoot")
        _require(root != first[2], "the second begins with the first")
        _require(tree.extends(first[1], root, second[1], second[2],
                              _hashes(evidence, "prefixConsistency")),
                 "not the second one's beginning")

    @staticmethod
    def _check_shortened(first, second):
        _require(first[1] > second[1], "the log has grown")

    @staticmethod
    def _check_attested(evidence, cosigned, newest, *own):
        seen = datetime.datetime.fromisoformat(evidence["observedTime"].replace("Z", "+00:00"))
        times = [time for time in cosigned[3].values() if time]
        _require(times and max(times) < seen.timestamp() - 1, "witnesses vouch for it")
        _require(newest[1] >= cosigned[1], "the newest is older")
        for one in own:
            _require(any(one[3].values()), "a witness's own, without its cosignature")

    def _check_entry(self, evidence, checkpoint):
        leaf, root = _bytes(evidence, "leaf"), _bytes(evidence, "prefixRoot")
        size = int(evidence["prefixSize"])
        _require(tree.included(tree.leaf_hash(leaf), int(evidence.get("position", 0)), size, root,
                               _hashes(evidence, "inclusionProof")), "not a leaf there")
        _require(tree.extends(size, root, checkpoint[1], checkpoint[2],
                              _hashes(evidence, "prefixConsistency")), "not of that log")
        try:
            self._verifier.check_leaf(statement_pb2.Leaf.FromString(leaf))
            holds = True
        except NotVerified:
            holds = False
        _require(holds == (evidence["reason"] in SIGNED), f"the signature holds: {holds}")
