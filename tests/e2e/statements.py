"""Updates that pass every rule, and statements signed in Python.

    update = make_update("HN", 1)                  # JSON of gaceta.v1.Update, as a dict
    chain = Chain(federation, "HN")                # signs as the state's node would
    with chain.connect() as hub:
        receipt = hub.publish(chain.sign(update)).receipt

Written from the formats alone, as second_implementation.py: it shares no code
with what it tests, and may sign what no honest publisher would.
"""

import copy
import hashlib
import os
import queue
import time
import uuid

import wire
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from google.protobuf import json_format
from second_implementation import key_id_of, pre_authentication_encoding, sha256
from wire import publishing_grpc, publishing_pb2, statement_pb2, update_pb2

LOG_ORIGIN = "hub.gaceta.example/log"
UPDATE_TYPE = "gaceta.v1.Update"


def make_update(state, number, **fields):
    """A publication of the state's decree of that number. `fields` take the
    place of top-level fields."""
    return {
        "kind": "UPDATE_KIND_LEGISLATION",
        "event": "UPDATE_EVENT_PUBLICATION",
        "instrument": {
            "uri": f"urn:lex:{state.lower()}:estado:decreto:2024-01-15;{number}",
            "type": "INSTRUMENT_TYPE_DECREE",
            "titles": [{"language": "es", "text": f"Decreto {number} sobre migración"},
                       {"language": "pt", "text": f"Decreto {number} sobre migração"}],
            "topics": ["entry-visa"],
        },
        "version": {"status": "VERSION_STATUS_PUBLISHED"},
        "dates": {"publicationDate": "2024-01-20"},
        **fields,
    }


def changed(update, path, value):
    """A copy with one field changed: changed(update, "instrument.titles", []).
    None takes the field out."""
    result = copy.deepcopy(update)
    *parents, last = path.split(".")
    node = result
    for name in parents:
        node = node.setdefault(name, {})
    if value is None:
        node.pop(last, None)
    else:
        node[last] = value
    return result


def as_message(update):
    return json_format.ParseDict(update, update_pb2.Update())


def document_of(data, language="es"):
    """The field `documents` of an update that names these bytes."""
    return {"sha256": hashlib.sha256(data).hexdigest(), "size": str(len(data)),
            "mediaType": "text/plain", "language": language,
            "legalValue": "LEGAL_VALUE_OFFICIAL"}


def new_id():
    return str(uuid.uuid4())


class Signer:
    """A key of the PKI: ECDSA P-256 or Ed25519."""

    def __init__(self, key_file):
        self._key = serialization.load_pem_private_key(wire.read_bytes(key_file), None)
        self.key_id = key_id_of(self._key.public_key())

    def sign(self, header_bytes):
        data = pre_authentication_encoding(header_bytes)
        if isinstance(self._key, ec.EllipticCurvePrivateKey):
            return self._key.sign(data, ec.ECDSA(hashes.SHA256()))
        return self._key.sign(data)

    def statement(self, header, payload):
        header_bytes = header.SerializeToString()
        return statement_pb2.Statement(header=header_bytes, signature=self.sign(header_bytes),
                                       key_id=self.key_id, payload=payload)


def payload_of(update):
    """The bytes of an update, with a nonce if it has none."""
    message = as_message(update) if isinstance(update, dict) else copy.deepcopy(update)
    if not message.nonce:
        message.nonce = os.urandom(16)
    return message.SerializeToString()


class Chain:
    """One state's statements, signed with its key. append() moves the head, as
    does a receipt that HubConnection.publish() gets."""

    def __init__(self, federation, state):
        self._federation = federation
        self.state = state
        self.signer = Signer(federation.file(f"{state.lower()}/signer.key"))
        self.sequence = 0
        self.digest = b""

    def header(self, payload, **fields):
        """A header of what comes next. `fields` take the place of what is right."""
        header = statement_pb2.StatementHeader(
            log_origin=LOG_ORIGIN, publisher=self.state, statement_id=new_id(),
            sequence=self.sequence + 1, previous_digest=self.digest,
            payload_type=UPDATE_TYPE, payload_digest=sha256(payload), payload_size=len(payload))
        header.signed_time.FromNanoseconds(time.time_ns())
        for name, value in fields.items():
            setattr(header, name, value)
        return header

    def sign(self, update, **fields):
        """A statement of an update (or of the payload's bytes)."""
        payload = update if isinstance(update, bytes) else payload_of(update)
        return self.signer.statement(self.header(payload, **fields), payload)

    def append(self, statement):
        """What comes next follows this statement."""
        self.sequence += 1
        self.digest = sha256(statement.header)

    def connect(self, identity=None):
        """A stream to the hub, as the state's node unless told otherwise."""
        return HubConnection(
            self._federation.channel(identity or f"{self.state.lower()}/node", "hub"), self)


class HubConnection:
    """One Publish stream."""

    def __init__(self, channel, chain):
        self._channel = channel
        self._chain = chain
        self._requests = queue.SimpleQueue()
        self._stub = publishing_grpc.PublishingServiceStub(channel)
        self._answers = self._stub.Publish(iter(self._requests.get, None), timeout=60)

    def __enter__(self):
        self.read_head()
        return self

    def __exit__(self, *_):
        self._requests.put(None)
        self._answers.cancel()
        self._channel.close()

    def read_head(self):
        head = self._stub.GetChainHead(
            publishing_pb2.GetChainHeadRequest(publisher=self._chain.state), timeout=30)
        self._chain.sequence, self._chain.digest = head.sequence, head.header_digest

    def send(self, statement):
        self._requests.put(publishing_pb2.PublishRequest(statement=statement))

    def receive(self):
        """The answer to the next statement; RpcError if the stream ends."""
        return next(self._answers)

    def publish(self, statement):
        """Sends one and returns the answer. A receipt moves the chain's head."""
        self.send(statement)
        answer = self.receive()
        if answer.HasField("receipt"):
            header = statement_pb2.StatementHeader.FromString(statement.header)
            if header.sequence == self._chain.sequence + 1:
                self._chain.append(statement)
        return answer
