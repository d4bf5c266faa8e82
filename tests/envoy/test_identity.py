"""Identity through the real Envoy: a secret, a verified token, a client certificate; and what reaches the model server of each."""

from __future__ import annotations

import base64
import datetime as dt
import http.client
import json
import ssl
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID

from router_extproc.demo.client import Client, post
from router_extproc.demo.envoy_config import rendered
from router_extproc.demo.processes import free_ports
from router_extproc.demo.stack import Stack, start_envoy, start_router

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.envoy

PATH = "/v1/chat/completions"
BODY = json.dumps({"model": "auto", "messages": [{"role": "user", "content": "hi"}]}).encode()
SECRET = "correct-horse-battery-staple"  # noqa: S105 - of these tests
ISSUER = "https://id.example"
JWT = "envoy.filters.http.jwt_authn"
USER, PROOF = "x-router-test-user", "x-router-test-proof"
"""The model server tells of all headers that begin so."""
POLICY = f"""\
version: 1
pools: {{small: {{cluster: pool-small}}, large: {{cluster: pool-large}}}}
default: small
identity: {{userHeader: {USER}, PROOF}}
decisions: [{{name: known, when: user, route: large}}]
"""


@contextmanager
def running(workshop: Any, name: str, proof: str, change: Callable[[dict[str, Any]], None] | None = None) -> Iterator[Stack]:
    """Envoy, its configuration changed, with a router that asks for a proof."""
    path = workshop.directory / f"{name}.yaml"
    path.write_text(POLICY.replace("PROOF", proof))
    plan = workshop.plan()
    config = json.loads(rendered(plan))
    if change is not None:
        change(config["static_resources"])
    (admin,) = free_ports(1)
    router = start_router(workshop.processes, plan, admin, path)
    envoy = start_envoy(workshop.processes, plan, workshop.directory, configuration=json.dumps(config))
    try:
        yield Stack(plan, admin, envoy, router)
    finally:
        workshop.processes.end(envoy)
        workshop.processes.end(router)


def manager(resources: dict[str, Any]) -> dict[str, Any]:
    """The connection manager of the first listener."""
    found: dict[str, Any] = resources["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
    return found


def extproc(resources: dict[str, Any]) -> dict[str, Any]:
    """The ext_proc filter."""
    filters = manager(resources)["http_filters"]
    found: dict[str, Any] = next(each["typed_config"] for each in filters if each["name"].endswith("ext_proc"))
    return found


def came(headers: Any) -> tuple[str, dict[str, str]]:
    """The pool, and the headers that reached it."""
    told = {name.lower(): value for name, value in headers.items()}
    received = json.loads(told["x-received-router-headers"])
    return told["x-served-by"], {name: received[name] for name in (USER, PROOF) if name in received}


@pytest.fixture(scope="module")
def stack(workshop: Any) -> Iterator[Stack]:
    """A proxy in front would send the secret."""
    (workshop.directory / "secret").write_text(SECRET)
    with running(workshop, "secret-proof", f"proof: {{header: {PROOF}, secretFile: secret}}") as made:
        yield made


class TestSecret:
    def test_proves_the_identity_and_stays_here(self, stack: Stack) -> None:
        """The model server sees the user and never the secret."""
        answer = post(stack.url, PATH, BODY, {USER: "ada", PROOF: SECRET})

        assert came(answer.headers) == ("large", {USER: "ada"})

    @pytest.mark.parametrize("more", [{}, {PROOF: "wrong"}], ids=["none", "wrong"])
    def test_without_it_the_identity_is_removed(self, stack: Stack, more: dict[str, str]) -> None:
        """No rule and no server sees who the caller claims to be; it is counted."""
        assert came(post(stack.url, PATH, BODY, {USER: "ada", **more}).headers) == ("small", {})
        metrics = post(f"http://127.0.0.1:{stack.router_admin}", "/metrics", b"", method="GET").body
        assert b'router_extproc_identity_unproven_total{proof="header"}' in metrics

    def test_other_paths_do_not_see_it_either(self, stack: Stack) -> None:
        """They pass untouched but for what nobody proved."""
        client = Client(stack.url)
        answer = client.post("/anything", b"", {USER: "ada", PROOF: "wrong"})
        client.close()

        assert came(answer.headers) == ("small", {})

    def test_a_new_one_counts_at_once(self, stack: Stack, workshop: Any) -> None:
        """The file is watched as others that a policy names."""
        secret: Path = workshop.directory / "secret"
        secret.write_text(f"{SECRET[::-1]}\n{SECRET}\n")
        for _ in range(100):
            if came(post(stack.url, PATH, BODY, {USER: "ada", PROOF: SECRET[::-1]}).headers)[0] == "large":
                break
            time.sleep(0.1)
        assert came(post(stack.url, PATH, BODY, {USER: "ada", PROOF: SECRET[::-1]}).headers) == ("large", {USER: "ada"})
        assert came(post(stack.url, PATH, BODY, {USER: "ada", PROOF: SECRET}).headers) == ("large", {USER: "ada"})


class TestReject:
    def test_refuses_before_the_body_is_read(self, workshop: Any) -> None:
        """In the API's own shape."""
        (workshop.directory / "secret").write_text(SECRET)
        proof = f"proof: {{header: {PROOF}, secretFile: secret}}, onUnproven: reject"
        with running(workshop, "reject-proof", proof) as stack:
            answer = post(stack.url, PATH, BODY, {USER: "ada"})
            assert (answer.status, json.loads(answer.body)["error"]["code"]) == (403, "unproven_identity")
            anthropic = post(stack.url, "/v1/messages", BODY, {USER: "ada"})
            assert (anthropic.status, json.loads(anthropic.body)["error"]["type"]) == (403, "permission_error")
            assert post(stack.url, PATH, BODY).status == 200


def encoded(value: Any) -> str:
    """As in a token."""
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


class TestMetadata:
    def test_a_verified_token_proves_it(self, workshop: Any) -> None:
        """Envoy's own filter verifies it, and writes what it says where no caller can."""
        key = rsa.generate_private_key(65537, 2048)
        numbers = key.public_key().public_numbers()
        sizes = (("n", numbers.n), ("e", numbers.e))
        web_key = {
            "kty": "RSA",
            "alg": "RS256",
            **{name: encoded(n.to_bytes((n.bit_length() + 7) // 8, "big")) for name, n in sizes},
        }

        def verify(resources: dict[str, Any]) -> None:
            provider = {
                "issuer": ISSUER,
                "local_jwks": {"inline_string": json.dumps({"keys": [web_key]})},
                "payload_in_metadata": "payload",
                "claim_to_headers": [{"header_name": USER, "claim_name": "sub"}],
            }
            rules = [
                {
                    "match": {"prefix": "/"},
                    "requires": {"requires_any": {"requirements": [{"provider_name": "id"}, {"allow_missing": {}}]}},
                }
            ]
            kind = f"type.googleapis.com/envoy.extensions.filters.http.{JWT.rsplit('.', 1)[1]}.v3.JwtAuthentication"
            filters = manager(resources)["http_filters"]
            filters.insert(0, {"name": JWT, "typed_config": {"@type": kind, "providers": {"id": provider}, "rules": rules}})
            extproc(resources)["metadata_options"]["forwarding_namespaces"] = {"untyped": [JWT]}

        signed = f"{encoded({'alg': 'RS256'})}.{encoded({'iss': ISSUER, 'sub': 'ada', 'exp': 4_000_000_000})}"
        token = f"{signed}.{encoded(key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))}"
        proof = f"proof: {{metadata: {{namespace: {JWT}, path: [payload, iss], in: ['{ISSUER}']}}}}"
        with running(workshop, "jwt-proof", proof, verify) as stack:
            known = post(stack.url, PATH, BODY, {"authorization": f"Bearer {token}"})
            assert came(known.headers) == ("large", {USER: "ada"})
            forged = post(stack.url, PATH, BODY, {USER: "ada"})
            assert came(forged.headers) == ("small", {})


def certificate(name: str, issuer: tuple[x509.Certificate, Any] | None, uri: str = "") -> tuple[x509.Certificate, Any]:
    """A certificate and its key; without an issuer it is an authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer[0].subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
    )
    if uri:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri)]), critical=False)
    return builder.sign(issuer[1] if issuer else key, hashes.SHA256()), key


def written(directory: Path, name: str, pair: tuple[x509.Certificate, Any]) -> tuple[str, str]:
    """The files of a certificate and its key."""
    files = directory / f"{name}.crt", directory / f"{name}.key"
    files[0].write_bytes(pair[0].public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    files[1].write_bytes(pair[1].private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))
    return str(files[0]), str(files[1])


class TestPeers:
    def test_a_client_certificate_proves_it(self, workshop: Any) -> None:
        """By the name in it, of an authority that Envoy trusts."""
        directory: Path = workshop.directory
        authority = certificate("test authority", None)
        trusted, _ = written(directory, "authority", authority)
        server = written(directory, "server", certificate("localhost", authority))
        edge = written(directory, "edge", certificate("edge", authority, "spiffe://prod/ns/edge/sa/gateway"))
        other = written(directory, "other", certificate("other", authority, "spiffe://prod/ns/batch/sa/job"))

        def mutual(resources: dict[str, Any]) -> None:
            chain = {"certificate_chain": {"filename": server[0]}, "private_key": {"filename": server[1]}}
            context = {
                "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
                "require_client_certificate": True,
                "common_tls_context": {"tls_certificates": [chain], "validation_context": {"trusted_ca": {"filename": trusted}}},
            }
            socket = {"name": "envoy.transport_sockets.tls", "typed_config": context}
            resources["listeners"][0]["filter_chains"][0]["transport_socket"] = socket
            extproc(resources)["request_attributes"] = [
                "connection.uri_san_peer_certificate",
                "connection.dns_san_peer_certificate",
            ]

        def asked(stack: Stack, files: tuple[str, str]) -> tuple[str, dict[str, str]]:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.load_verify_locations(trusted)
            context.load_cert_chain(*files)
            connection = http.client.HTTPSConnection("127.0.0.1", stack.plan.listener, context=context, timeout=10)
            connection.request("POST", PATH, BODY, {"content-type": "application/json", USER: "ada"})
            response = connection.getresponse()
            response.read()
            connection.close()
            return came(response.headers)

        with running(workshop, "peer-proof", 'proof: {peers: ["spiffe://prod/ns/edge/*"]}', mutual) as stack:
            assert asked(stack, edge) == ("large", {USER: "ada"})
            assert asked(stack, other) == ("small", {})
