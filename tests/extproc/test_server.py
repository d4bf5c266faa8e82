"""The gRPC server, spoken to as Envoy does."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio
import pytest
from envoy.extensions.filters.http.ext_proc.v3 import processing_mode_pb2
from envoy.service.ext_proc.v3 import external_processor_pb2 as pb
from grpc_health.v1 import health_pb2, health_pb2_grpc

from router_extproc.encoders.batching import BatchOptions
from router_extproc.encoders.encoder import EncoderOptions
from router_extproc.encoders.models import Models
from router_extproc.extproc.health import LIVENESS, READINESS
from router_extproc.extproc.messages import METHOD
from router_extproc.extproc.server import ExtProcServer, ServerOptions, Tls
from router_extproc.hooks import Hooks
from router_extproc.plugin import Plugin, Registry
from router_extproc.policy.load import compile_policy
from router_extproc.pools import PoolStats
from router_extproc.router import Router
from router_extproc.routing import Cost, Signal, SignalKind, SignalShape, UnknownReason
from router_extproc.selectors.registry import SELECTORS
from router_extproc.signals.options import NoOptions
from router_extproc.signals.services import SignalServices

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from router_extproc.hooks import AnswerDetails, ReloadDetails, RouteDetails
    from router_extproc.request import Request
    from router_extproc.routing import Observation

Mode = processing_mode_pb2.ProcessingMode
BODY = b'{"model":"auto","messages":[{"role":"user","content":"hello"}]}'


@dataclass
class Told:
    """A hook that remembers."""

    routes: list[RouteDetails] = field(default_factory=list)
    observations: list[Observation] = field(default_factory=list)

    def routed(self, details: RouteDetails, /) -> None:
        self.routes.append(details)

    def observed(self, observation: Observation, /) -> None:
        self.observations.append(observation)

    def answered(self, details: AnswerDetails, /) -> None:
        """Nothing."""

    def reloaded(self, details: ReloadDetails, /) -> None:
        raise AssertionError(details)


class Slow:
    """A signal whose model works, in another thread, until it is told to go on."""

    cost = Cost.MODEL
    shape = SignalShape(SignalKind.SCORE)

    def __init__(self, name: str) -> None:
        self.name = name
        self.go_on = threading.Event()
        self.works = ThreadPoolExecutor(1)
        self.begun: dict[int, Future[bool]] = {}
        self.extracted_by: list[threading.Thread] = []

    def begin(self, request: Request, _deadline: float, /) -> list[Future[bool]]:
        if id(request) not in self.begun:
            self.begun[id(request)] = self.works.submit(self.go_on.wait, 20)
        return [self.begun[id(request)]]

    def prepare(self, _request: Request, _deadline: float, /) -> None:
        pass

    def extract(self, _request: Request, /) -> Signal:
        self.extracted_by.append(threading.current_thread())
        return Signal(self.name, 1.0)


def model_router(slow: Slow, *, on_unknown: str = "skip") -> Router:
    """A router whose one rule needs that signal, within 150 ms."""
    registry: Registry[Any] = Registry("signal")
    registry.add(Plugin("slow", NoOptions, lambda _name, _options, _services: slow, "Slow."))
    text = f"""\
version: 1
pools: {{small: {{cluster: pool-small}}, large: {{cluster: pool-large}}}}
default: small
decisions:
  - {{name: hard, when: slow, route: large, onUnknown: {on_unknown}}}
limits: {{deadlineMs: 150}}
"""
    services = SignalServices()
    result = compile_policy(text, source="p.yaml", services=services, selectors=SELECTORS, extractors=registry)
    return Router(result.policy, services=services, stats=PoolStats())


def headers_message(*, mode: int = Mode.BUFFERED, end: bool = False, nowait: bool = False) -> pb.ProcessingRequest:
    """Request headers of a chat completion."""
    message = pb.ProcessingRequest()
    for key, value in (
        (":method", "POST"),
        (":path", "/v1/chat/completions"),
        ("traceparent", "00-1-2-01"),
        ("x-request-id", "r1"),
    ):
        message.request_headers.headers.headers.add(key=key, raw_value=value.encode())
    message.request_headers.end_of_stream = end
    message.protocol_config.request_body_mode = mode
    message.protocol_config.send_body_without_waiting_for_header_response = nowait
    return message


def body_message(body: bytes = BODY, *, end: bool = True) -> pb.ProcessingRequest:
    """A body, or a piece of one."""
    message = pb.ProcessingRequest()
    message.request_body.body = body
    message.request_body.end_of_stream = end
    return message


@asynccontextmanager
async def serving(router: Router, hooks: Told | None = None, **options: Any) -> AsyncIterator[ExtProcServer]:
    """A server that runs."""
    server = ExtProcServer(lambda: router, Hooks([hooks] if hooks else []), ServerOptions(**{"listen": "127.0.0.1:0", **options}))
    await server.start()
    try:
        yield server
    finally:
        await server.stop(0)


async def converse(channel: grpc.aio.Channel, *messages: pb.ProcessingRequest) -> list[pb.ProcessingResponse]:
    """Everything that the server answers to these messages, sent one by one."""
    call = channel.stream_stream(
        METHOD, request_serializer=pb.ProcessingRequest.SerializeToString, response_deserializer=pb.ProcessingResponse.FromString
    )()
    for message in messages:
        await call.write(message)
    answers = []
    while True:
        answer = await call.read()
        if answer is grpc.aio.EOF:
            return answers
        answers.append(answer)


def pool(answers: list[pb.ProcessingResponse]) -> str:
    """The cluster that was chosen."""
    response = answers[-1].request_body.response
    return {option.header.key: option.header.raw_value.decode() for option in response.header_mutation.set_headers}[
        "x-router-pool"
    ]


async def until(holds: Callable[[], bool]) -> None:
    """Wait until it comes to hold; some minute later the test fails."""
    for _ in range(6000):
        if holds():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it never came to hold")


class TestStreams:
    async def test_a_request_is_routed(self, router: Router) -> None:
        """Headers, body, two answers, and the stream is over."""
        async with serving(router) as server, grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
            answers = await converse(channel, headers_message(), body_message())

        assert [answer.WhichOneof("response") for answer in answers] == ["request_headers", "request_body"]
        assert pool(answers) == "pool-small"
        assert answers[-1].request_body.response.clear_route_cache

    async def test_the_decision_record_is_metadata(self, router: Router) -> None:
        """In the namespace that the shipped Envoy file lets through."""
        async with serving(router) as server, grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
            answers = await converse(channel, headers_message(), body_message())

        record = dict(answers[-1].dynamic_metadata["router_extproc"])
        assert (record["pool"], record["decision"], record["reason"]) == ("small", "default", "default")

    async def test_hooks_are_told(self, router: Router) -> None:
        """With what they need to join the caller's trace, and how long it took."""
        told = Told()
        async with serving(router, told) as server, grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
            await converse(channel, headers_message(), body_message())

        (details,) = told.routes
        assert (details.api, details.body_mode, details.body_bytes) == ("openai_chat", "buffered", len(BODY))
        assert (details.traceparent, details.request_id) == ("00-1-2-01", "r1")
        assert details.added_ms > 0

    async def test_a_hundred_streams_on_one_connection(self, router: Router) -> None:
        """Each gets its own answer."""
        async with serving(router) as server, grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
            texts = ["traceback" if number % 2 else "hello" for number in range(100)]
            bodies = [BODY.replace(b"hello", text.encode()) for text in texts]
            found = await asyncio.gather(*(converse(channel, headers_message(), body_message(body)) for body in bodies))

        assert [pool(answers) for answers in found] == ["pool-large" if text == "traceback" else "pool-small" for text in texts]

    async def test_what_is_no_message_ends_its_own_stream_only(self, router: Router) -> None:
        """With an error, which Envoy counts as a failure."""
        async with serving(router) as server, grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
            raw = channel.stream_stream(METHOD)()
            await raw.write(b"\xff\xff\xff")
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await raw.read()
            assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT

            assert pool(await converse(channel, headers_message(), body_message())) == "pool-small"
            assert server.streams == 0

    async def test_a_caller_who_goes_away(self, router: Router) -> None:
        """In mid-body: the stream is closed, and nothing is held."""
        async with serving(router) as server, grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
            call = channel.stream_stream(METHOD, request_serializer=pb.ProcessingRequest.SerializeToString)()
            await call.write(headers_message(mode=Mode.FULL_DUPLEX_STREAMED))
            await call.write(body_message(b"{", end=False))
            call.cancel()
            for _ in range(100):
                await asyncio.sleep(0.01)
                if server.streams == 0:
                    break

            assert server.streams == 0

    async def test_an_upload_that_stalls_is_ended(self, make_router: Callable[[str], Router], policy: str) -> None:
        """By the router, where Envoy has no timeout."""
        router = make_router(policy + "limits: {uploadTimeoutMs: 100}\n")
        async with serving(router) as server, grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
            answers = await converse(channel, headers_message(mode=Mode.FULL_DUPLEX_STREAMED), body_message(b"{", end=False))

        assert answers[-1].immediate_response.status.code == 408


class TestModels:
    async def test_work_elsewhere(self) -> None:
        """The event loop answers others meanwhile, and takes up the request when the model's work is done."""
        slow = Slow("slow")
        async with serving(model_router(slow)) as server, grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
            asyncio.get_running_loop().call_later(0.03, slow.go_on.set)
            answers = await converse(channel, headers_message(), body_message())

        assert pool(answers) == "pool-large"
        assert slow.extracted_by == [threading.main_thread()]

    @pytest.mark.parametrize(("on_unknown", "wanted"), [("skip", "pool-small"), ("match", "pool-large")])
    async def test_that_hang_are_unknown_at_the_deadline(self, on_unknown: str, wanted: str) -> None:
        """And each rule says what that means."""
        slow = Slow("slow")
        async with (
            serving(model_router(slow, on_unknown=on_unknown)) as server,
            grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel,
        ):
            answers = await converse(channel, headers_message(), body_message())
            slow.go_on.set()

        assert pool(answers) == wanted

    async def test_that_hang_deny_where_the_rule_says_so(self) -> None:
        """503, in the API's shape."""
        slow = Slow("slow")
        router = model_router(slow, on_unknown="deny")
        async with serving(router) as server, grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
            answers = await converse(channel, headers_message(), body_message())
            slow.go_on.set()

        answer = answers[-1].immediate_response
        assert answer.status.code == 503
        assert json.loads(answer.body)["error"]["code"] == "unknown_denied"

    async def test_a_caller_who_goes_away_is_not_thought_about(self) -> None:
        """What its work comes to is not even looked at; the work itself is left alone, for others may wait for it."""
        slow = Slow("slow")
        async with serving(model_router(slow)) as server, grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
            call = channel.stream_stream(METHOD, request_serializer=pb.ProcessingRequest.SerializeToString)()
            await call.write(headers_message())
            await call.write(body_message())
            await until(lambda: bool(slow.begun))
            call.cancel()
            await until(lambda: server.streams == 0)
            slow.go_on.set()
            await asyncio.sleep(0.05)

        assert [future.result() for future in slow.begun.values()] == [True]
        assert slow.extracted_by == []

    async def test_the_time_added_is_from_the_body_on(self) -> None:
        """Waiting for the model is in it."""
        slow, told = Slow("slow"), Told()
        async with serving(model_router(slow), told) as server, grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
            answering = asyncio.create_task(converse(channel, headers_message(), body_message()))
            await until(lambda: bool(slow.begun))
            await asyncio.sleep(0.03)
            slow.go_on.set()
            await answering

        assert told.routes[0].added_ms > told.routes[0].outcome.route_us / 1000 > 20


SATURATED = """\
version: 1
pools: {small: {cluster: pool-small}, large: {cluster: pool-large}, other: {cluster: pool-other}}
default: small
signals:
  code_words: {type: keyword, any: [traceback]}
decisions:
  - {name: code, when: code_words, route: large}
  - {name: hard, when: difficulty, route: large, onUnknown: match}
limits: {deadlineMs: 60000}
"""


class TestSaturation:
    @pytest.fixture
    def goes_on(self) -> threading.Event:
        """When the model does its work."""
        return threading.Event()

    @pytest.fixture
    def saturated(self, tiny_bundle: Path, goes_on: threading.Event, monkeypatch: pytest.MonkeyPatch) -> Router:
        """A router whose encoder reads nothing until it is told to: two texts wait, and perhaps one is being read."""
        models = Models(EncoderOptions(BatchOptions(threads=1, max_queue=2, max_batch=1)), folder=tiny_bundle)
        services = SignalServices(models=models)
        policy = compile_policy(SATURATED, source="p.yaml", services=services, selectors=SELECTORS).policy
        bundle = models.encoder().bundle
        run = bundle.run
        monkeypatch.setattr(bundle, "run", lambda *given: goes_on.wait(600) and run(*given))
        return Router(policy, services=services, stats=PoolStats())

    async def test_requests_that_need_no_model_are_answered(self, saturated: Router, goes_on: threading.Event) -> None:
        """While others wait for it."""
        async with serving(saturated) as server, grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
            waiting = [
                asyncio.create_task(converse(channel, headers_message(), body_message(BODY.replace(b"hello", text))))
                for text in (b"prove it", b"tell me")
            ]
            await until(lambda: server.streams == len(waiting))
            body = body_message(BODY.replace(b"hello", b"a traceback"))
            found = [await converse(channel, headers_message(), body) for _ in range(50)]
            were_waiting = not any(task.done() for task in waiting)
            goes_on.set()
            later = [pool(await task) for task in waiting]

        assert {pool(answers) for answers in found} == {"pool-large"}
        assert were_waiting
        assert later == ["pool-large", "pool-small"]

    async def test_requests_beyond_the_queue_are_told_at_once(self, saturated: Router, goes_on: threading.Event) -> None:
        """The signal is unknown, and the rule says what that means."""
        told = Told()
        async with serving(saturated, told) as server, grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
            texts = [f"text number {number}".encode() for number in range(20)]
            tasks = [
                asyncio.create_task(converse(channel, headers_message(), body_message(BODY.replace(b"hello", text))))
                for text in texts
            ]
            await until(lambda: sum(task.done() for task in tasks) >= len(texts) - 3)
            goes_on.set()
            found = [pool(await task) for task in tasks]

        unknown = [one.outcome.signals["difficulty"] for one in told.routes if one.outcome.decision.unknown]
        assert {getattr(result, "reason", None) for result in unknown} == {UnknownReason.OVERLOADED}
        assert len(unknown) in {17, 18}
        assert found.count("pool-large") == len(unknown)

    async def test_a_large_text_does_not_stop_the_loop(self, tiny_bundle: Path) -> None:
        """A megabyte with patterns all over is looked at elsewhere: the loop's longest pause is far below what that takes."""
        services = SignalServices(models=Models(folder=tiny_bundle))
        text = SATURATED.replace("difficulty", "{signal: pii, is: PHONE}")
        policy = compile_policy(text, source="p.yaml", services=services, selectors=SELECTORS).policy
        router = Router(policy, services=services, stats=PoolStats())
        prose = b"Mr. Smith, born 12.3.1980, pays 12.50 on 2024-05-01 for order 4401 1234 5678; call 555 0187. " * 5000
        pauses: list[float] = []

        async def look() -> None:
            while True:
                began = asyncio.get_running_loop().time()
                await asyncio.sleep(0.001)
                pauses.append(asyncio.get_running_loop().time() - began)

        async with serving(router) as server, grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
            looking = asyncio.create_task(look())
            began = asyncio.get_running_loop().time()
            await converse(channel, headers_message(), body_message(BODY.replace(b"hello", prose)))
            took = asyncio.get_running_loop().time() - began
            looking.cancel()

        assert len(pauses) > 10
        assert max(pauses) < took / 2


class TestHealth:
    async def test_has_names_for_liveness_and_readiness(self, router: Router) -> None:
        """Draining ends readiness, not liveness."""
        async with serving(router) as server, grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
            stub = health_pb2_grpc.HealthStub(channel)

            async def status(service: str) -> int:
                answer = await stub.Check(health_pb2.HealthCheckRequest(service=service))
                return int(answer.status)

            assert [await status(name) for name in ("", READINESS, LIVENESS)] == [1, 1, 1]
            await server.drain()
            assert [await status(name) for name in ("", READINESS, LIVENESS)] == [2, 2, 1]


class TestListening:
    async def test_on_a_unix_socket(self, router: Router, tmp_path: Path) -> None:
        """Also where an old socket was left behind."""
        path = tmp_path / "router.sock"
        path.touch()
        async with serving(router, listen=f"unix:{path}"), grpc.aio.insecure_channel(f"unix:{path}") as channel:
            assert pool(await converse(channel, headers_message(), body_message())) == "pool-small"

    async def test_on_a_taken_address_is_an_error(self, router: Router, tmp_path: Path) -> None:
        """That says which."""
        with pytest.raises(OSError, match="cannot listen on unix:"):
            async with serving(router, listen=f"unix:{tmp_path}/no/such/directory/s.sock"):
                pass

    async def test_a_port_is_shared_only_on_request(self, router: Router) -> None:
        """Two routers on one port by accident would each get half of the requests."""
        async with serving(router, share_port=True) as first:
            async with serving(router, listen=f"127.0.0.1:{first.port}", share_port=True):
                pass
            with pytest.raises(OSError, match="cannot listen"):
                async with serving(router, listen=f"127.0.0.1:{first.port}"):
                    pass

    async def test_with_mutual_tls(self, router: Router, tmp_path: Path) -> None:
        """Only a client with a certificate of the CA's gets an answer."""
        ca, certificate, key = certificates(tmp_path)
        tls = Tls(certificate, key, ca)
        good = grpc.ssl_channel_credentials(ca.read_bytes(), key.read_bytes(), certificate.read_bytes())
        bad = grpc.ssl_channel_credentials(ca.read_bytes())
        async with serving(router, tls=tls) as server:
            async with grpc.aio.secure_channel(f"localhost:{server.port}", good) as channel:
                assert pool(await converse(channel, headers_message(), body_message())) == "pool-small"
            async with grpc.aio.secure_channel(f"localhost:{server.port}", bad) as channel:
                with pytest.raises(grpc.aio.AioRpcError):
                    await converse(channel, headers_message(), body_message())


def certificates(directory: Path) -> tuple[Path, Path, Path]:
    """A CA's certificate, and a certificate with its key for localhost."""
    from cryptography import x509  # noqa: PLC0415 - only here
    from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415 - as above
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415 - as above
    from cryptography.x509.oid import NameOID  # noqa: PLC0415 - as above

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = directory / "certificate.pem"
    pem.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    secret = directory / "key.pem"
    plain = serialization.NoEncryption()
    secret.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))
    return pem, pem, secret
