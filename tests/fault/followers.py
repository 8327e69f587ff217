"""Subscribers that outlive what happens to servers and to themselves, and keep
what they saw so that it can be compared with the log."""

import json
import os
import threading

import grpc
import wire
from federation import NAME, Failure, wait_until
from second_implementation import Subscription, Verifier, sha256
from wire import relay_pb2, statement_pb2

# Ends of a stream that a restart of the server explains.
_LOST = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED, grpc.StatusCode.UNKNOWN,
         grpc.StatusCode.INTERNAL)


class PythonFollower(threading.Thread):
    """Follows a server from the start and keeps its own cursor, in memory. The
    second implementation checks everything: an entry that came twice, or that
    left one out, ends it with an error."""

    def __init__(self, federation, identity, server):
        super().__init__(name=f"follower at {server}", daemon=True)
        self.server = server
        self.seen = {}  # by position: digest of the header
        self.next_position = 0
        self.streams = 0
        self.error = None
        self._federation = federation
        self._identity = identity
        self._verifier = Verifier(wire.read_bytes(federation.file("root.pem")), NAME)
        self._ended = threading.Event()

    def run(self):
        while not self._ended.is_set():
            try:
                with self._federation.channel(self._identity, self.server) as channel:
                    self._follow(channel)
            except grpc.RpcError as error:
                if error.code() not in _LOST:
                    self.error = error
                    return
                self._ended.wait(0.05)
            except Exception as error:  # what was found wrong, for the test to show
                self.error = error
                return

    def _follow(self, channel):
        subscription = Subscription(channel, self._verifier,
                                    relay_pb2.Open(start_position=self.next_position), timeout=300)
        self.streams += 1
        stopper = threading.Thread(target=lambda: (self._ended.wait(), subscription.cancel()),
                                   daemon=True)
        stopper.start()
        try:
            for verified in subscription:
                leaf = statement_pb2.Leaf.FromString(verified.entry.leaf)
                self.seen[verified.position] = sha256(leaf.header)
                self.next_position = verified.position + 1
        finally:
            self.next_position = max(self.next_position, subscription.next_position)

    def await_position(self, position, seconds=60):
        def is_there():
            self.check()
            return position - 1 in self.seen
        wait_until(is_there, seconds, f"{self.name} has seen all below {position}")

    def check(self):
        if self.error is not None:
            raise Failure(f"{self.name}: {self.error!r}") from self.error

    def end(self):
        self._ended.set()
        self.join(30)


class CommandFollower:
    """`gaceta updates follow`, killed and started again. Each run writes a file of
    its own. `arguments` say where it goes on: a cursor file, a subscription."""

    def __init__(self, federation, profile, name, arguments):
        self.runs = []  # for each run: the updates that it printed
        self.name = name
        self._federation = federation
        self._profile = profile
        self._arguments = arguments
        self._process = None
        self._output = None

    def start(self):
        path = os.path.join(self._federation.folder, f"{self.name}-{len(self.runs)}.ndjson")
        self._output = path
        self._spawn("--from", "start")
        self._resumer = threading.Thread(target=self._resume, daemon=True)
        self._resumer.start()

    def _spawn(self, *start):
        with open(self._output, "wb") as out, open(self._output + ".err", "wb") as err:
            self._process = self._federation.popen(
                self._profile, "--output=json", "updates", "follow", *start,
                *self._arguments, stdout=out, stderr=err)

    def _resume(self):
        """A start that a cursor or a name would override is refused: goes on there.
        Only the command knows whether the run before came so far."""
        self._process.wait()
        if self._is_refused():
            self._spawn()

    def _is_refused(self):
        with open(self._output + ".err", encoding="utf-8") as err:
            return self._process.poll() == 1 and "START_IGNORED" in err.read()

    def kill(self):
        if self._is_refused():
            self._resumer.join(30)
        if self._process.poll() is not None:
            with open(self._output + ".err", encoding="utf-8") as err:
                raise Failure(f"{self.name} ended with code {self._process.returncode}: "
                              f"{err.read()[-2000:]}")
        self._process.kill()
        self._process.wait()
        self.runs.append(self.printed())

    def printed(self):
        """The whole lines of the run that is under way: (position, statement id)."""
        with open(self._output, encoding="utf-8", newline="\n") as file:
            lines = file.read().split("\n")
        updates = map(json.loads, lines[:-1])
        return [(u["position"], u["header"]["statementId"]) for u in updates]

    def await_position(self, position, seconds=60):
        def is_there():
            if self._process.poll() is not None:
                self.kill()
            printed = self.printed()
            return printed and printed[-1][0] == position - 1
        wait_until(is_there, seconds, f"{self.name} has printed all below {position}")
