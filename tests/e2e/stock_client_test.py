"""The stock gRPC of Python and of Node.js connects to every server by its address, with
nothing but three PEM files, and takes nobody else for that server."""

import base64
import concurrent.futures
import datetime
import ipaddress
import json
import os
import socket
import ssl
import subprocess
import unittest

import federation
import grpc
import node_packages
import wire
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from federation import NAME, wait_until
from wire import relay_grpc, relay_pb2, status_pb2

# An organisation that reads; its CA has no addresses.
OBSERVER = "unhcr"
SECONDS = 30


class PythonClient:
    """Follows the log of a server from its start until it is live. Returns how many
    entries came, or the status: its code, text and google.rpc.Status."""

    @staticmethod
    def follow(address, root, certificate, key):
        credentials = grpc.ssl_channel_credentials(*map(wire.read_bytes, (root, key, certificate)))
        request = relay_pb2.SubscribeRequest(open=relay_pb2.Open(start_position=0))
        entries = 0
        with grpc.secure_channel(address, credentials) as channel:
            try:
                for response in relay_grpc.RelayServiceStub(channel).Subscribe(
                        iter([request]), timeout=SECONDS):
                    entries += len(response.entries)
                    if response.progress.live:
                        return entries
            except grpc.RpcError as error:
                return error.code().name, error.details(), wire.error_details(error)
        raise federation.Failure("the stream ended before it was live")


class NodeClient:
    """The same, with the packages that the example in Node.js uses."""

    @staticmethod
    def follow(address, root, certificate, key):
        done = subprocess.run(
            ["node", os.path.join(wire.SOURCE, "tests", "e2e", "stock_client.js"),
             os.path.join(wire.SOURCE, "proto"), address, root, certificate, key],
            env={**os.environ, "NODE_PATH": node_packages.MODULES},
            capture_output=True, encoding="utf-8", timeout=2 * SECONDS)
        if done.returncode != 0:
            raise federation.Failure(done.stderr)
        result = json.loads(done.stdout)
        if "entries" in result:
            return result["entries"]
        status = [status_pb2.Status.FromString(base64.b64decode(s)) for s in result["status"]]
        return result["code"], result["details"], status[0] if status else None


CLIENTS = (PythonClient, NodeClient)


class StockClientTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        node_packages.install()
        cls.federation = federation.Federation(["HN", "GT"], test=cls)
        cls.federation.make_ca(OBSERVER)
        cls.federation.cli(
            "secretariat", "registry", "member", OBSERVER,
            "--ca", cls.federation.file(OBSERVER + "/ca.pem"),
            "--signer-key", cls.federation.file("secretariat/signer.key"), check=True)
        cls.federation.await_mirrors()

    def files(self, identity):
        """Root, certificate and key of `hn/subscriber-monitor`, as clients take them."""
        return [self.federation.file(name)
                for name in ("root.pem", identity + ".pem", identity + ".key")]

    def issue(self, member, path, dns=(), ip=()):
        """A leaf that no rule of `gaceta pki` allows, of a member's CA. Returns its
        identity."""
        ca_pem = wire.read_bytes(self.federation.file(member + "/ca.pem"))
        ca = x509.load_pem_x509_certificate(ca_pem)
        ca_key = serialization.load_pem_private_key(
            wire.read_bytes(self.federation.file(member + "/ca.key")), None)
        key = ec.generate_private_key(ec.SECP256R1())
        now = datetime.datetime.utcnow()
        names = [x509.UniformResourceIdentifier(f"spiffe://{member}.{NAME}/{path}"),
                 *map(x509.DNSName, dns),
                 *(x509.IPAddress(ipaddress.ip_address(one)) for one in ip)]
        usage = dict.fromkeys(
            ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
             "key_cert_sign", "crl_sign", "encipher_only", "decipher_only"), False)
        leaf = (x509.CertificateBuilder()
                .issuer_name(ca.subject)
                .subject_name(x509.Name([]))
                .public_key(key.public_key())
                .serial_number(x509.random_serial_number())
                .not_valid_before(now - datetime.timedelta(hours=1))
                .not_valid_after(now + datetime.timedelta(hours=1))
                .add_extension(x509.SubjectAlternativeName(names), critical=True)
                .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
                .add_extension(x509.KeyUsage(digital_signature=True, **usage), critical=True)
                .sign(ca_key, hashes.SHA256()))
        identity = f"{member}/issued-{leaf.serial_number:x}"
        with open(self.federation.file(identity + ".pem"), "wb") as file:
            file.write(leaf.public_bytes(serialization.Encoding.PEM) + ca_pem)
        with open(self.federation.file(identity + ".key"), "wb") as file:
            os.chmod(file.name, 0o600)
            file.write(key.private_bytes(serialization.Encoding.PEM,
                                         serialization.PrivateFormat.PKCS8,
                                         serialization.NoEncryption()))
        return identity

    # --- Who is the server ---

    def test_hub_and_nodes_are_found_by_their_address(self):
        for name, reader in {"hub": "hn/subscriber-monitor", "hn": "hn/subscriber-monitor",
                             "gt": "gt/subscriber-monitor"}.items():
            server, size = self.federation.servers[name], self.federation.log_size(name)
            for client in CLIENTS:
                with self.subTest(name, client=client.__name__):
                    self.assertEqual(client.follow(server.address, *self.files(reader)), size)

    def test_hub_and_nodes_are_found_by_their_dns_name(self):
        for name, dns_name in {"hub": "hub.secretariat", "hn": "node.hn"}.items():
            self.assertEqual(self.verify(self.federation.servers[name], f"{dns_name}.{NAME}"), "")
        self.assertIn("Hostname mismatch", self.verify(self.federation.hub, f"node.hn.{NAME}"))

    def verify(self, server, host):
        """Why a client that asks for `host` does not verify the server; empty if it does."""
        context = ssl.create_default_context(cafile=self.federation.file("root.pem"))
        context.load_cert_chain(*self.files("hn/subscriber-monitor")[1:])
        context.set_alpn_protocols(["h2"])
        with socket.create_connection((server.host, server.port), timeout=SECONDS) as plain:
            try:
                with context.wrap_socket(plain, server_hostname=host):
                    return ""
            except ssl.SSLCertVerificationError as error:
                return error.verify_message

    def serve(self, identity):
        """A server without a service at the hub's address, with that identity's
        certificate: what somebody runs who leads the hub's clients to himself."""
        root, certificate, key = map(wire.read_bytes, self.files(identity))
        server = grpc.server(concurrent.futures.ThreadPoolExecutor(2))
        port = federation.free_port(self.federation.hub.host)
        credentials = grpc.ssl_server_credentials([(key, certificate)], root,
                                                  require_client_auth=True)
        self.assertEqual(
            server.add_secure_port(f"{self.federation.hub.host}:{port}", credentials), port)
        server.start()
        self.addCleanup(lambda: server.stop(None).wait())
        server.host, server.port = self.federation.hub.host, port
        return server

    def assert_passes_as_hub(self, identity, passes, why="", host=None):
        server = self.serve(identity)
        said = self.verify(server, host or server.host)
        self.assertIn(why, said)
        self.assertEqual(not said, passes)
        if host:
            return  # The name is in no DNS, so gRPC cannot be asked.
        for client in CLIENTS:
            code, details, _ = client.follow(f"{server.host}:{server.port}",
                                             *self.files("hn/subscriber-monitor"))
            # Whom the client believes gets to say that it has no such service.
            self.assertEqual(code, "UNIMPLEMENTED" if passes else "UNAVAILABLE",
                             f"{client.__name__}: {details}")

    def test_nobody_but_the_hub_passes_as_the_hub(self):
        address = self.federation.hub.host
        dns_name = f"hub.secretariat.{NAME}"
        self.assert_passes_as_hub("secretariat/hub", True)
        self.assert_passes_as_hub("secretariat/hub", True, host=dns_name)

        for path in ("subscriber/monitor", "node"):
            self.assert_passes_as_hub(self.issue("hn", path, ip=[address]), False,
                                      "permitted subtree violation")
            self.assert_passes_as_hub(self.issue("hn", path, dns=[dns_name]), False,
                                      "permitted subtree violation", host=dns_name)
        self.assert_passes_as_hub(self.issue(OBSERVER, "subscriber/press", ip=[address]), False,
                                  "excluded subtree violation")
        self.assert_passes_as_hub("hn/node", False, "IP address mismatch")
        self.assert_passes_as_hub("hn/subscriber-monitor", False, "IP address mismatch")

    # --- Who is the client ---

    def test_a_client_with_a_name_of_a_server_is_refused(self):
        own = {"dns": [f"node.hn.{NAME}"], "ip": [self.federation.nodes["hn"].host]}
        for names in ({"dns": own["dns"]}, {"ip": own["ip"]}, own):
            identity = self.issue("hn", "subscriber/monitor", **names)
            for server in (self.federation.hub, self.federation.nodes["hn"]):
                for client in CLIENTS:
                    with self.subTest(client=client.__name__, server=server.name, **names):
                        code, details, status = client.follow(server.address,
                                                              *self.files(identity))
                        self.assertEqual(code, "UNAUTHENTICATED", details)
                        self.assertEqual(wire.reason_of(status), "SERVER_NAMES_NOT_ALLOWED")
                        self.assertIn("only hub and node have DNS names or IP addresses", details)

    def test_a_client_with_an_address_of_another_member_is_shut_out(self):
        for member in ("hn", OBSERVER):
            identity = self.issue(member, "subscriber/x", ip=[self.federation.hub.host])
            for client in CLIENTS:
                logged = self.federation.hub.log_text().count("certificate verify failed")
                code, details, _ = client.follow(self.federation.hub.address,
                                                 *self.files(identity))
                self.assertEqual(code, "UNAVAILABLE", details)
                wait_until(lambda n=logged: self.federation.hub.log_text().count(
                    "certificate verify failed") > n, SECONDS, "the hub logs why")

    # --- What the registry takes ---

    def member(self, member_id):
        lines = self.federation.cli("secretariat", "states", "--all", "--output=json",
                                    check=True).stdout.splitlines()
        return next(m for m in map(json.loads, lines) if m["id"] == member_id)

    def test_the_registry_has_the_addresses_of_the_cas(self):
        self.assertEqual(self.member("OAS")["ipAddresses"], [self.federation.hub.host])
        self.assertEqual(self.member("HN")["ipAddresses"], [self.federation.nodes["hn"].host])
        self.assertNotIn("ipAddresses", self.member(OBSERVER))

    def test_an_address_of_another_member_is_not_admitted(self):
        hub = self.federation.hub.host
        self.federation.make_ca("mx", "--ip-address", hub)
        key = ["--signer-key", self.federation.file("secretariat/signer.key")]

        done = self.federation.cli("secretariat", "registry", "member", "MX",
                                   "--ca", self.federation.file("mx/ca.pem"), *key)

        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn(f'items[0].member.ip_addresses[0]: is "{hub}", an address of OAS',
                      done.stderr)

    def test_a_ca_with_another_address_than_the_item_is_not_admitted_in_json(self):
        size = self.federation.log_size()
        path = os.path.join(self.federation.folder, "gt.json")
        member = {**self.member("GT"), "ipAddresses": ["127.0.0.9"]}
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"items": [{"member": member}]}, file)

        done = self.federation.cli("secretariat", "registry", "publish", path, "--signer-key",
                                   self.federation.file("secretariat/signer.key"))

        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertRegex(done.stderr, r"items\[0\]\.member\.ca_certificates\[0\]: .*permits IP "
                                      r"addresses 127\.0\.0\.3, expected 127\.0\.0\.9")
        self.assertEqual(self.federation.log_size(), size)


if __name__ == "__main__":
    federation.main()
