"""The wire contract in Python: messages and stubs made from proto/ by protoc,
and channels with mutual TLS.

Import it before the generated modules: `import wire` makes them, once per run,
in a folder that goes with the process, and puts that on the path.

    from wire import relay_pb2, relay_grpc
"""

import atexit
import glob
import importlib
import os
import shutil
import subprocess
import sys
import tempfile

import grpc

SOURCE = os.path.abspath(os.environ.get(
    "GACETA_SOURCE_DIR", os.path.join(os.path.dirname(__file__), "..", "..")))


def _generate():
    folder = tempfile.mkdtemp(prefix="gaceta-stubs-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    proto = os.path.join(SOURCE, "proto")
    subprocess.run(
        ["protoc", "-I", proto, f"--python_out={folder}", f"--grpc_out={folder}",
         f"--plugin=protoc-gen-grpc={shutil.which('grpc_python_plugin')}",
         *sorted(glob.glob(os.path.join(proto, "gaceta", "v1", "*.proto"))),
         *sorted(glob.glob(os.path.join(proto, "google", "rpc", "*.proto")))],
        check=True)
    sys.path.insert(0, folder)
    return folder


sys.dont_write_bytecode = True
STUBS = _generate()

documents_pb2 = importlib.import_module("gaceta.v1.documents_pb2")
publishing_pb2 = importlib.import_module("gaceta.v1.publishing_pb2")
registry_pb2 = importlib.import_module("gaceta.v1.registry_pb2")
relay_pb2 = importlib.import_module("gaceta.v1.relay_pb2")
statement_pb2 = importlib.import_module("gaceta.v1.statement_pb2")
submissions_pb2 = importlib.import_module("gaceta.v1.submissions_pb2")
update_pb2 = importlib.import_module("gaceta.v1.update_pb2")
updates_pb2 = importlib.import_module("gaceta.v1.updates_pb2")
status_pb2 = importlib.import_module("google.rpc.status_pb2")
error_details_pb2 = importlib.import_module("google.rpc.error_details_pb2")

documents_grpc = importlib.import_module("gaceta.v1.documents_pb2_grpc")
publishing_grpc = importlib.import_module("gaceta.v1.publishing_pb2_grpc")
registry_grpc = importlib.import_module("gaceta.v1.registry_pb2_grpc")
relay_grpc = importlib.import_module("gaceta.v1.relay_pb2_grpc")
submissions_grpc = importlib.import_module("gaceta.v1.submissions_pb2_grpc")
updates_grpc = importlib.import_module("gaceta.v1.updates_pb2_grpc")


def read_bytes(path):
    with open(path, "rb") as file:
        return file.read()


def open_channel(address, root_file, certificate_file=None, key_file=None):
    """A channel with mutual TLS to a server whose certificate has the host of
    `address`; without a certificate of the client if no file is given."""
    credentials = grpc.ssl_channel_credentials(
        read_bytes(root_file),
        read_bytes(key_file) if key_file else None,
        read_bytes(certificate_file) if certificate_file else None)
    return grpc.secure_channel(address, credentials, options=[
        # A connection of its own, and soon again after a server's restart.
        ("grpc.use_local_subchannel_pool", 1),
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.max_reconnect_backoff_ms", 500),
    ])


def error_details(error):
    """The google.rpc.Status of an RpcError, or None if it carries none."""
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            return status_pb2.Status.FromString(value)
    return None


def _detail(status, kind):
    for detail in status.details if status else ():
        message = kind()
        if detail.Unpack(message):
            return message
    return None


def reason_of(status_or_error):
    """The `reason` of an RpcError or a google.rpc.Status; None without one."""
    status = status_or_error
    if isinstance(status, grpc.RpcError):
        status = error_details(status)
    info = _detail(status, error_details_pb2.ErrorInfo)
    return info.reason if info else None


def violations_of(status_or_error):
    """The field violations of an RpcError or a google.rpc.Status, as pairs of
    field and description."""
    status = status_or_error
    if isinstance(status, grpc.RpcError):
        status = error_details(status)
    request = _detail(status, error_details_pb2.BadRequest)
    return [(v.field, v.description) for v in request.field_violations] if request else []
