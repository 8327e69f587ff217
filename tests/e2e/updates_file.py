"""What a file of updates says that everybody must receive, computed from the
files alone: nothing of the product is asked."""

import json
import os

import federation
from google.protobuf import json_format
from wire import update_pb2


def read_corridors():
    """The states of each corridor of the seed registry, by the corridor's id."""
    path = os.path.join(federation.REGISTRY, "corridors.json")
    with open(path, encoding="utf-8") as file:
        corridors = [item["corridor"] for item in json.load(file)["items"]]
    return {c["id"]: {stop["state"] for stop in c["stops"]} for c in corridors}


class UpdatesFile:
    """The lines of an NDJSON file, in order."""

    def __init__(self, path):
        self.path = path
        # Not splitlines(): texts hold characters that it takes for ends of lines.
        with open(path, encoding="utf-8", newline="\n") as file:
            self.lines = [json.loads(line) for line in file]
        self.agencies = {line["state"]: line["agency"] for line in self.lines}
        self.states = sorted(self.agencies)
        self.topics = sorted({t for line in self.lines for t in topics_of(line)})
        self.by_id = {line["submissionId"]: line for line in self.lines}
        assert len(self.by_id) == len(self.lines), "an id is there twice"

    def of_states(self, states):
        """Ids of the updates that any of these states publishes."""
        return [line["submissionId"] for line in self.lines if line["state"] in states]

    def of_topic(self, topic):
        return [line["submissionId"] for line in self.lines if topic in topics_of(line)]

    def documents(self):
        """The files of all documents, by SHA-256, beside the states that publish
        them."""
        documents = {}
        for line in self.lines:
            for sha256, path in line.get("documentFiles", {}).items():
                _, states = documents.setdefault(sha256, (path, set()))
                states.add(line["state"])
        return documents

    def message(self, submission_id):
        """The update as it must arrive, but for its nonce."""
        return json_format.ParseDict(self.by_id[submission_id]["update"], update_pb2.Update())


def topics_of(line):
    return line["update"]["instrument"]["topics"]


def texts_of(update):
    """Titles and abstracts of an update in JSON: triples of kind, language and
    the bytes of the text."""
    texts = [("title", title) for title in update["instrument"]["titles"]]
    texts += [("abstract", abstract) for abstract in update.get("abstracts", [])]
    return [(kind, text["language"], text["text"].encode()) for kind, text in texts]


def without_nonce(update):
    """A copy of a message without the bytes that the node made up."""
    copied = update_pb2.Update()
    copied.CopyFrom(update)
    copied.ClearField("nonce")
    return copied
