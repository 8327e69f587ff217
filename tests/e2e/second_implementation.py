"""A subscriber of Gaceta written a second time, from the protos and the formats
alone: it shares no code with the library, so that what both accept is what the
formats say.

It follows a server over mutual TLS and checks of every entry the signature, the
key's way to the federation's root, the digest of the payload, the positions,
and each publisher's chain. As a program it prints one JSON object a line:

    second_implementation.py --server hub.secretariat.gaceta.example:7443 \
        --federation gaceta.example --root root.pem --certificate me.pem --key me.key \
        [--state HN]... [--corridor ID]... [--topic ID]... [--until-live]
"""

import argparse
import copy
import hashlib
import json
import math
import queue
import sys
from typing import NamedTuple

import wire
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from google.protobuf import json_format
from wire import registry_grpc, registry_pb2, relay_grpc, relay_pb2, statement_pb2, update_pb2

HEADER_TYPE = b"application/vnd.gaceta.statement-header.v1+protobuf"


class NotVerified(Exception):
    """Something is not as its publisher signed it. Nothing of it may be used."""


class Verified(NamedTuple):
    position: int
    header: statement_pb2.StatementHeader
    update: update_pb2.Update  # None if the payload is none, or is not there
    entry: statement_pb2.Entry


def sha256(data):
    return hashlib.sha256(data).digest()


def pre_authentication_encoding(body, body_type=HEADER_TYPE):
    """What a DSSE signature is over."""
    return b"DSSEv1 %d %s %d %s" % (len(body_type), body_type, len(body), body)


def check_signature(key, signature, data):
    """The algorithm is the key's: nothing in the message has a say in it."""
    try:
        if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
            key.verify(signature, data, ec.ECDSA(hashes.SHA256()))
        elif isinstance(key, ed25519.Ed25519PublicKey):
            key.verify(signature, data)
        else:
            raise NotVerified("a key that is neither ECDSA P-256 nor Ed25519")
    except InvalidSignature:
        raise NotVerified("bad signature") from None


def key_id_of(key):
    return sha256(key.public_bytes(serialization.Encoding.DER,
                                   serialization.PublicFormat.SubjectPublicKeyInfo))


def check_issued(certificate, issuer):
    if certificate.issuer != issuer.subject:
        raise NotVerified(f"{certificate.subject} names another issuer")
    check_signature(issuer.public_key(), certificate.signature, certificate.tbs_certificate_bytes)
    if not issuer.extensions.get_extension_for_class(x509.BasicConstraints).value.ca:
        raise NotVerified(f"{issuer.subject} is no CA")


class Registry:
    """Whose key may sign, as the secretariat's statements say. What they say counts
    from the next position on, so that a registry that is ahead of an entry still
    judges it as of its place in the log."""

    def __init__(self, root_pem, federation):
        self._root = x509.load_pem_x509_certificate(root_pem)
        self._federation = federation
        self._first = None   # position of the first statement of all
        self._domains = {}   # trust domain by member
        self._statuses = {}  # by member: pairs of position and whether it takes part
        self._keys = {}      # by key id: publisher, key, position that brought it
        self._revoked = {}   # by key id: position

    def find(self, publisher, key_id, position=math.inf):
        owner, key, brought = self._keys.get(key_id, (None, None, None))
        # The first statement of all brings the key that signed it.
        first = publisher == "OAS" and position == self._first
        if owner != publisher or not (brought < position or first):
            raise NotVerified(f"no key {key_id.hex()[:16]} of {publisher}")
        if self._revoked.get(key_id, math.inf) < position:
            raise NotVerified(f"key {key_id.hex()[:16]} of {publisher} is revoked")
        if not [active for at, active in self._statuses[publisher] if at < position or first][-1]:
            raise NotVerified(f"{publisher} is suspended")
        return key

    def after(self, change, position):
        """The registry with one change more, of the entry at `position`."""
        other = copy.copy(self)
        other._domains, other._keys = dict(self._domains), dict(self._keys)
        other._revoked = dict(self._revoked)
        other._statuses = {member: list(all_of) for member, all_of in self._statuses.items()}
        if other._first is None:
            other._first = position
        for item in change.items:
            other._apply(item, position)
        return other

    def _apply(self, item, position):
        if item.HasField("member"):
            member = item.member
            self._domains[member.id] = member.trust_domain
            self._statuses.setdefault(member.id, []).append(
                (position, member.status == registry_pb2.Member.STATUS_ACTIVE))
        elif item.HasField("signer_key"):
            key = self._check_signer(item.signer_key)
            self._keys.setdefault(key_id_of(key), (item.signer_key.publisher, key, position))
        elif item.HasField("signer_key_revocation"):
            self._revoked.setdefault(item.signer_key_revocation.key_id, position)

    def _check_signer(self, signer):
        """The key of a certificate for `spiffe://<trust domain>/signer`, from a CA
        that is kept to that trust domain and that the root signed."""
        domain = self._domains.get(signer.publisher, "")
        if not domain.endswith("." + self._federation):
            raise NotVerified(f"{signer.publisher} is no member of {self._federation}")
        leaf = x509.load_der_x509_certificate(signer.certificate)
        ca = x509.load_der_x509_certificate(signer.issuer)
        check_issued(leaf, ca)
        check_issued(ca, self._root)
        constraints = ca.extensions.get_extension_for_class(x509.NameConstraints)
        permitted = [name.value for name in constraints.value.permitted_subtrees
                     if isinstance(name, x509.UniformResourceIdentifier)]
        if not constraints.critical or permitted != [domain]:
            raise NotVerified(f"the CA of {domain} is not kept to it")
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        if names.get_values_for_type(x509.UniformResourceIdentifier) != [
                f"spiffe://{domain}/signer"]:
            raise NotVerified(f"a certificate of {names}, expected the signer of {domain}")
        return leaf.public_key()


class Verifier:
    """Checks the entries of one stream, in order. `complete` says that the stream
    has every statement of the publishers that it shows."""

    def __init__(self, root_pem, federation, complete=True):
        self._log_origin = f"hub.{federation}/log"
        self._registry = Registry(root_pem, federation)
        self._complete = complete
        self._next_position = 0
        self._registry_sequence = 0
        self._chains = {}  # by publisher: sequence and digest of the last header

    def check(self, entry):
        """Returns an entry that holds; NotVerified says what does not."""
        try:
            verified, digest = self._check_alone(entry)
            self._check_order(verified, digest)
        except NotVerified as error:
            raise NotVerified(f"entry {entry.position}: {error}") from None
        return verified

    def apply_registry_entry(self, entry):
        """An entry of the secretariat's list, for who does not read from the start."""
        self._check_alone(entry)

    def check_leaf(self, leaf):
        """Checks a leaf by itself, by the registry as it is now: as evidence is."""
        header = statement_pb2.StatementHeader.FromString(leaf.header)
        key = self._registry.find(header.publisher, leaf.key_id)
        check_signature(key, leaf.signature, pre_authentication_encoding(leaf.header))

    def _check_alone(self, entry):
        leaf = statement_pb2.Leaf.FromString(entry.leaf)
        header = statement_pb2.StatementHeader.FromString(leaf.header)
        if header.log_origin != self._log_origin:
            raise NotVerified(f"meant for {header.log_origin}")
        if not entry.omission:
            if len(entry.payload) != header.payload_size:
                raise NotVerified("payload has another size")
            if sha256(entry.payload) != header.payload_digest:
                raise NotVerified("payload has another digest")
        elif entry.payload:
            raise NotVerified("has a payload and says that it has none")
        after = self._registry
        if (header.publisher == "OAS" and header.payload_type == "gaceta.v1.RegistryChange"
                and header.sequence == self._registry_sequence + 1):
            after = after.after(registry_pb2.RegistryChange.FromString(entry.payload),
                                entry.position)
        check_signature(after.find(header.publisher, leaf.key_id, entry.position),
                        leaf.signature, pre_authentication_encoding(leaf.header))
        if after is not self._registry:
            self._registry, self._registry_sequence = after, header.sequence
        update = None
        if header.payload_type == "gaceta.v1.Update" and not entry.omission:
            update = update_pb2.Update.FromString(entry.payload)
        return Verified(entry.position, header, update, entry), sha256(leaf.header)

    def _check_order(self, verified, digest):
        header = verified.header
        if verified.position < self._next_position:
            raise NotVerified(f"came again, expected {self._next_position} or more")
        sequence, previous = self._chains.get(header.publisher, (0, b""))
        if header.sequence <= sequence:
            raise NotVerified(f"{header.publisher} {header.sequence} after {sequence}")
        if header.sequence == sequence + 1 and header.previous_digest != previous:
            raise NotVerified(f"{header.publisher} {header.sequence} names another predecessor")
        if self._complete and header.sequence != sequence + 1:
            raise NotVerified(f"{header.publisher} {header.sequence} after {sequence}: withheld")
        self._chains[header.publisher] = (header.sequence, digest)
        self._next_position = verified.position + 1


def fetch_registry(channel, verifier):
    """Reads the secretariat's statements, for who does not start at the start."""
    stub = registry_grpc.RegistryServiceStub(channel)
    token = ""
    while True:
        page = stub.ListRegistryEntries(
            registry_pb2.ListRegistryEntriesRequest(page_token=token), timeout=30)
        for entry in page.entries:
            verifier.apply_registry_entry(entry)
        token = page.next_page_token
        if not token:
            return


class Subscription:
    """One stream: iterate over it for the verified updates, and acknowledge()
    what is safely kept. It ends when it has come to position `until`, which may
    be set later, or when cancel() is called."""

    def __init__(self, channel, verifier, request_open, until=None, timeout=None):
        self.until = until
        self._verifier = verifier
        self._requests = queue.SimpleQueue()
        self._requests.put(relay_pb2.SubscribeRequest(open=request_open))
        self._stream = relay_grpc.RelayServiceStub(channel).Subscribe(
            iter(self._requests.get, None), timeout=timeout)
        self.opened = next(self._stream).opened
        self.next_position = self.opened.start_position

    def __iter__(self):
        while self.until is None or self.next_position < self.until:
            response = next(self._stream)
            for entry in response.entries:
                verified = self._verifier.check(entry)
                if verified.header.publisher != "OAS":
                    yield verified
            if response.HasField("progress"):
                self.next_position = response.progress.next_position
        self.cancel()

    def to_the_end(self):
        """Makes it end where the log ended when it was opened."""
        self.until = self.opened.log_size
        return self

    def acknowledge(self, position):
        self._requests.put(relay_pb2.SubscribeRequest(
            acknowledgement=relay_pb2.Acknowledgement(next_position=position)))

    def cancel(self):
        self._requests.put(None)
        self._stream.cancel()


def as_json(verified):
    return json.dumps({
        "position": verified.position,
        "header": json_format.MessageToDict(verified.header),
        "update": verified.update and json_format.MessageToDict(verified.update),
    }, ensure_ascii=False)


def main():
    parser = argparse.ArgumentParser(description="Follows a Gaceta server and verifies.")
    for name in ("server", "federation", "root", "certificate", "key"):
        parser.add_argument("--" + name, required=True)
    for name in ("state", "corridor", "topic"):
        parser.add_argument("--" + name, action="append", default=[])
    parser.add_argument("--until-live", action="store_true")
    flags = parser.parse_args()

    channel = wire.open_channel(flags.server, flags.root, flags.certificate, flags.key)
    verifier = Verifier(wire.read_bytes(flags.root), flags.federation, complete=not flags.topic)
    wanted = relay_pb2.Filter(
        states=flags.state, topics=flags.topic,
        corridors=[relay_pb2.CorridorFilter(corridor=c) for c in flags.corridor])
    try:
        subscription = Subscription(channel, verifier,
                                    relay_pb2.Open(filter=wanted, start_position=0))
        for verified in subscription.to_the_end() if flags.until_live else subscription:
            print(as_json(verified), flush=True)
    except NotVerified as error:
        print(f"verification failed: {error}", file=sys.stderr)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
