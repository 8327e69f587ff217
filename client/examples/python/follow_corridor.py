"""Prints every update of a corridor's states, one line each, and resumes where it stopped.

The columns of a line, separated by tabs: position, state, event, urn:lex of the law, title, and
"not verified here". The node of your own state verifies all signatures and proofs before it serves
an entry. This program trusts that node and does not verify them again, so connect it to no other
server.

The program needs gRPC (Debian: python3-grpcio) and the stubs. protoc (Debian: protobuf-compiler,
protobuf-compiler-grpc) generates them from PROTO, the folder of the protos, into a folder that
PYTHONPATH names:

    mkdir stubs
    protoc -I PROTO --python_out=stubs --grpc_out=stubs \\
        --plugin=protoc-gen-grpc=$(command -v grpc_python_plugin) PROTO/gaceta/v1/*.proto
    PYTHONPATH=stubs python3 follow_corridor.py --help
"""

import argparse
import os
import random
import re
import signal
import socket
import ssl
import sys
import time

import grpc
from gaceta.v1 import relay_pb2, relay_pb2_grpc, statement_pb2, update_pb2

FIRST_WAIT, LONGEST_WAIT = 0.1, 10.0  # seconds between two attempts to connect
# Without keepalive, a connection that died silently is noticed after hours.
CHANNEL = [("grpc.keepalive_time_ms", 30000), ("grpc.keepalive_timeout_ms", 10000),
           ("grpc.http2.max_pings_without_data", 0)]


def line_of(entry):
    """The line of an entry; None if it is no update: the registry's entries pass every filter."""
    leaf = statement_pb2.Leaf.FromString(entry.leaf)
    header = statement_pb2.StatementHeader.FromString(leaf.header)
    if header.payload_type != "gaceta.v1.Update":
        return None
    if entry.omission:  # for example, the audience does not include this reader
        what = [statement_pb2.Entry.Omission.Name(entry.omission), "", ""]
    else:
        update = update_pb2.Update.FromString(entry.payload)
        # A newer node may send an event that these stubs do not name.
        event = update_pb2.UpdateEvent.DESCRIPTOR.values_by_number.get(update.event)
        what = [event.name if event else str(update.event), update.instrument.uri,
                update.instrument.titles[0].text]
    columns = [str(entry.position), header.publisher, *what, "not verified here"]
    # A published text may have control characters; the terminal must not get them.
    return "\t".join(re.sub(r"[\x00-\x1f\x7f-\x9f]", " ", column) for column in columns)


def read_bytes(path):
    with open(path, "rb") as file:
        return file.read()


def write_durably(path, text):
    """Replaces a file as a whole: a crash leaves the old text or the new one."""
    with open(path + ".new", "w", encoding="ascii") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(path + ".new", path)
    folder = os.open(os.path.dirname(os.path.abspath(path)), os.O_RDONLY)
    os.fsync(folder)  # without this, a power failure may undo the replacement
    os.close(folder)


def check_certificates(options):
    """Raises ssl.SSLError with the reason if the certificates do not fit. gRPC reports UNAVAILABLE
    for this, the same as for a node that is away. Raises another OSError if the node is away."""
    context = ssl.create_default_context(cafile=options.root)
    context.load_cert_chain(options.certificate, options.key)
    context.set_alpn_protocols(["h2"])
    host, port = options.server.rsplit(":", 1)
    host = host.strip("[]")  # of an IPv6 address
    with socket.create_connection((host, port), timeout=10) as connection:
        with context.wrap_socket(connection, server_hostname=host) as tls:
            # The node checks this certificate after the handshake. It closes the connection
            # without a message if it refuses the certificate.
            if not tls.recv(1):
                raise ssl.SSLError(ssl.SSL_ERROR_SSL, f"the node refuses {options.certificate}: "
                                   "is it of this federation, and has it not expired?")


class Follower:
    """A subscription that connects again whenever the node was away."""

    def __init__(self, options):
        self.options = options
        # One file for each corridor: a position counts for one filter. It counts at any node.
        self.file = options.corridor + ".position"
        # Every entry below this position is handled. 0 is the beginning of the log.
        self.position = int(read_bytes(self.file)) if os.path.exists(self.file) else 0
        self.wait = FIRST_WAIT
        self.stopped = False
        self.call = None

    def stop(self, *_):
        """Ends run(). A signal may call this at any time."""
        self.stopped = True
        if self.call:
            self.call.cancel()

    def run(self):
        while not self.stopped:
            why = self.follow_once()
            if not self.stopped:
                self.pause(why)

    def follow_once(self):
        """Returns why the connection ended. Reads the certificates again, as they may be new."""
        options = self.options
        credentials = grpc.ssl_channel_credentials(
            read_bytes(options.root), read_bytes(options.key), read_bytes(options.certificate))
        request = relay_pb2.SubscribeRequest()
        request.open.filter.corridors.add(corridor=options.corridor)
        request.open.start_position = self.position
        with grpc.secure_channel(options.server, credentials, CHANNEL) as channel:
            self.call = relay_pb2_grpc.RelayServiceStub(channel).Subscribe(iter([request]))
            if self.stopped:  # by a signal that came before there was a call to cancel
                self.call.cancel()
            try:
                for response in self.call:
                    self.wait = FIRST_WAIT
                    self.handle(response)
            except grpc.RpcError as error:
                if error.code() != grpc.StatusCode.UNAVAILABLE and not self.stopped:
                    raise
                return error.details()
        return "the node ended the stream"

    def handle(self, response):
        before = self.position
        for entry in response.entries:
            line = line_of(entry)
            if line:
                print(line, flush=True)
            self.position = entry.position + 1
        if response.HasField("progress"):
            # Every entry below this position that passes the filter has been sent.
            self.position = response.progress.next_position
        # The position is stored after the lines are printed: a crash in between repeats lines, and
        # loses none.
        if self.position != before:
            write_durably(self.file, f"{self.position}\n")

    def pause(self, why):
        try:
            check_certificates(self.options)
        except ssl.SSLError:
            raise
        except OSError:
            pass
        print(f"{why}; next try within {self.wait:.1f} s", file=sys.stderr)
        # Half of the wait is random, so that not all programs connect in the same moment.
        end = time.monotonic() + self.wait * random.uniform(0.5, 1)
        self.wait = min(2 * self.wait, LONGEST_WAIT)
        while not self.stopped and time.monotonic() < end:
            time.sleep(0.05)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    for name, value, what in (("server", "HOST:PORT", "the node of your state"),
                              ("certificate", "FILE", "your program's certificate, PEM"),
                              ("key", "FILE", "its private key, PEM"),
                              ("root", "FILE", "the federation's root certificate, PEM"),
                              ("corridor", "ID", "as central-america-north")):
        parser.add_argument("--" + name, metavar=value, help=what, required=True)
    options = parser.parse_args()
    print(f"not verified here: {options.server} has verified what follows", file=sys.stderr)
    try:
        follower = Follower(options)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, follower.stop)
        follower.run()
    except grpc.RpcError as error:
        sys.exit(f"error: {error.code().name}: {error.details()}")
    except (OSError, ValueError) as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
