"""A server that relays what it is told to, with the real hub's certificate and log
key: what a hub could do that lies, or a thief of all that it has. What it tells is
one log, whose every proof holds."""

import concurrent.futures
import os

import grpc
import tree
import wire
from wire import (registry_grpc, registry_pb2, relay_grpc, relay_pb2, statement_pb2,
                  updates_grpc, updates_pb2)


def header_of(entry):
    return statement_pb2.StatementHeader.FromString(
        statement_pb2.Leaf.FromString(entry.leaf).header)


class LyingServer(relay_grpc.RelayServiceServicer, registry_grpc.RegistryServiceServicer,
                  updates_grpc.UpdatesServiceServicer):
    """Serves `entries`, whole and in this order, whatever the filter."""

    def __init__(self, federation, entries, address):
        self._entries = entries
        self._hashes = [tree.leaf_hash(e.leaf) for e in entries]
        self._checkpoint = tree.sign_checkpoint(
            header_of(entries[0]).log_origin, self._hashes,
            os.path.join(federation.hub.data, "log.key"))
        credentials = grpc.ssl_server_credentials(
            [(wire.read_bytes(federation.file("secretariat/hub.key")),
              wire.read_bytes(federation.file("secretariat/hub.pem")))],
            wire.read_bytes(federation.file("root.pem")), require_client_auth=True)
        self._server = grpc.server(concurrent.futures.ThreadPoolExecutor(8))
        relay_grpc.add_RelayServiceServicer_to_server(self, self._server)
        registry_grpc.add_RegistryServiceServicer_to_server(self, self._server)
        updates_grpc.add_UpdatesServiceServicer_to_server(self, self._server)
        if self._server.add_secure_port(address, credentials) == 0:
            raise AssertionError(f"cannot listen at {address}")
        self._server.start()

    def stop(self):
        self._server.stop(grace=None).wait()

    def Subscribe(self, requests, context):
        start = next(requests).open.start_position
        size = len(self._entries)
        yield relay_pb2.SubscribeResponse(opened=relay_pb2.Opened(
            start_position=start, log_size=size,
            log_origin=header_of(self._entries[0]).log_origin),
            proof=relay_pb2.StreamProof(
                checkpoint=self._checkpoint,
                skipped=b"".join(tree.cover(0, start, self._hashes)),
                consistency=b"".join(tree.consistency(start, self._hashes))))
        yield relay_pb2.SubscribeResponse(
            entries=self._entries[start:],
            progress=relay_pb2.Progress(next_position=size, live=True),
            proof=relay_pb2.StreamProof())
        for _ in requests:  # until the client goes
            pass

    def ListRegistryEntries(self, request, context):
        return registry_pb2.ListRegistryEntriesResponse(
            entries=self._proved(e for e in self._entries if header_of(e).publisher == "OAS"
                                 and e.position >= request.start_position),
            next_position=len(self._entries), checkpoint=self._checkpoint)

    def ListUpdates(self, request, context):
        entries = [e for e in self._entries if header_of(e).publisher != "OAS"]
        return updates_pb2.ListUpdatesResponse(
            entries=self._proved(entries if request.ascending else entries[::-1]),
            checkpoint=self._checkpoint)

    def GetUpdate(self, request, context):
        return updates_pb2.GetUpdateResponse(
            entry=self._proved([self._entries[request.position]])[0],
            checkpoint=self._checkpoint)

    def _proved(self, entries):
        proved = []
        for entry in entries:
            copy = statement_pb2.Entry.FromString(entry.SerializeToString())
            copy.inclusion_proof = b"".join(tree.inclusion(entry.position, self._hashes))
            proved.append(copy)
        return proved
