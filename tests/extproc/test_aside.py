"""Long answers: looked through beside the event loop, in order, and nothing before it was looked through."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import TYPE_CHECKING, Any

import pytest
from envoy.service.ext_proc.v3 import external_processor_pb2 as pb

from router_extproc.cache.store import ResponseCache
from router_extproc.encoders.lanes import Lanes
from router_extproc.extproc.aside import LONG, aside
from router_extproc.extproc.behind import MOST
from router_extproc.extproc.conversation import Conversation
from router_extproc.hooks import Hooks

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Sequence

    from router_extproc.extproc.aside import Aside, Look
    from router_extproc.router import Router

POLICY = """\
version: 1
pools: {small: {cluster: s}}
default: small
decisions: [{name: look, action: {response: {pii: {EMAIL: mask}}}}]
"""
KEEPING = """\
version: 1
pools: {small: {cluster: s}}
default: small
decisions:
  - {name: keep, action: {cache: {mode: exact, scope: global}, response: {pii: {EMAIL: mask}}}}
"""
MASKING = """\
version: 1
pools: {small: {cluster: s}}
default: small
limits: {deadlineMs: 60000}
requests: {unreadableEncoding: reject}
signals: {private: {type: pii, reads: everything, maxTexts: 1, types: [EMAIL]}}
decisions: [{name: mask, action: {pii: {signal: private, minCoverage: 0, types: {EMAIL: mask}}}}]
"""
GROUNDING = """\
version: 1
pools: {small: {cluster: s}}
default: small
decisions:
  - {name: look, action: {cache: {mode: exact, scope: global}, response: {grounding: {sources: everything}}}}
"""
BODY = b'{"model":"auto","messages":[{"role":"user","content":"hello"}]}'
MAIL = "ada@example.org"
WORDS = "some words of an answer " * (LONG // 20)


class Held:
    """Threads that look through answers when they are let."""

    def __init__(self) -> None:
        self.began = threading.Event()
        self.open = threading.Event()
        self.threads: list[int] = []

    def __call__(self, looks: Sequence[Look]) -> list[Exception | None]:
        self.began.set()
        assert self.open.wait(60)
        for look in looks:
            look.run()
        self.threads.append(threading.get_ident())
        return [None] * len(looks)


@pytest.fixture
def held() -> Iterator[Held]:
    """Opens at the end, so that no thread is left in it."""
    held = Held()
    yield held
    held.open.set()


@pytest.fixture
def threads(held: Held) -> Iterator[Aside]:
    """Threads that are held."""
    made: Aside = Lanes(held, (), name="held", max_queue=8, size=lambda look: look.size, usual=LONG)
    yield made
    made.close()


class Envoy:
    """One stream, and what came of it."""

    def __init__(self, router: Router, threads: Aside | None, cache: ResponseCache | None = None) -> None:
        self.answers: list[pb.ProcessingResponse] = []
        self.status: int | None = None
        self.paused = False
        self.unsent: list[bytes] = []
        """What waits for the router to take more."""
        self.conversation = Conversation(
            router,
            Hooks([]),
            cache,
            threads,
            send=self._sent,
            finish=self._finished,
            flush=lambda: None,
            pause=self._paused,
            resume=self._resumed,
        )

    def _sent(self, data: bytes) -> None:
        self.answers.append(pb.ProcessingResponse.FromString(data))

    def _finished(self, status: int, _text: str) -> None:
        self.status = status

    def _paused(self) -> None:
        self.paused = True

    def _resumed(self) -> None:
        self.paused = False
        while self.unsent and not self.paused:
            self.conversation.message(self.unsent.pop(0))

    def request(self, body: bytes = BODY) -> None:
        """A request."""
        self._tell(request_headers=headers({":method": "POST", ":path": "/v1/chat/completions"}))
        self._tell(request_body=pb.HttpBody(body=body, end_of_stream=True))

    @property
    def sent(self) -> bytes | None:
        """The request's body as it went on; None before it did."""
        bodies = [answer.request_body for answer in self.answers if answer.WhichOneof("response") == "request_body"]
        return bodies[0].response.body_mutation.body if bodies else None

    def response(self, kind: str = "application/json") -> None:
        """The headers of its answer, a JSON document unless told otherwise."""
        self._tell(response_headers=headers({":status": "200", "content-type": kind}))

    def piece(self, body: bytes, *, last: bool = False) -> None:
        """A piece of the answer."""
        self._tell(response_body=pb.HttpBody(body=body, end_of_stream=last))

    def _tell(self, **parts: Any) -> None:
        message = pb.ProcessingRequest(**parts).SerializeToString()
        if self.paused:
            self.unsent.append(message)
        else:
            self.conversation.message(message)

    @property
    def pieces(self) -> list[bytes]:
        """What became of the pieces that were answered; empty for one that goes on as it is."""
        bodies = [answer.response_body for answer in self.answers if answer.WhichOneof("response") == "response_body"]
        return [body.response.body_mutation.body for body in bodies]


def headers(given: dict[str, str]) -> pb.HttpHeaders:
    """As protobuf has them."""
    message = pb.HttpHeaders()
    for name, value in given.items():
        message.headers.headers.add(key=name, raw_value=value.encode())
    return message


def document(text: str) -> bytes:
    """An answer in one piece."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    return json.dumps({"object": "chat.completion", "choices": [choice]}).encode()


def events(*texts: str) -> bytes:
    """An answer in events."""
    told = [
        json.dumps({"object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {"content": text}}]}) for text in texts
    ]
    return "".join(f"data: {each}\n\n" for each in told).encode()


def text(piece: bytes) -> bytes:
    """What the events of a piece say."""
    told = [json.loads(line[6:]) for line in piece.splitlines() if line.startswith(b"data: {")]
    return "".join(choice["delta"]["content"] for each in told for choice in each["choices"]).encode()


async def until(holds: Callable[[], object]) -> None:
    """Wait until it comes to hold; some minute later the test fails."""
    for _ in range(6000):
        if holds():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it never came to hold")


@pytest.fixture
async def envoy(make_router: Callable[[str], Router], threads: Aside) -> AsyncIterator[Envoy]:
    """A stream whose answer is about to come."""
    envoy = Envoy(make_router(POLICY), threads)
    envoy.request()
    yield envoy
    envoy.conversation.cancelled()


class TestLongAnswers:
    async def test_are_looked_through_while_the_loop_goes_on(
        self, envoy: Envoy, held: Held, make_router: Callable[[str], Router]
    ) -> None:
        """Other requests are answered meanwhile; of the long answer nothing goes on before it was looked through."""
        envoy.response()
        envoy.piece(document(WORDS + MAIL), last=True)
        await until(held.began.is_set)
        other = Envoy(make_router(POLICY), None)
        other.request()

        assert len(other.answers) == 2
        assert envoy.pieces == []
        held.open.set()
        await until(lambda: envoy.status is not None)
        (piece,) = envoy.pieces
        assert json.loads(piece)["choices"][0]["message"]["content"] == WORDS + "[EMAIL]"
        assert envoy.status == 0
        assert threading.get_ident() not in held.threads

    async def test_what_comes_meanwhile_waits_for_its_turn(self, envoy: Envoy, held: Held) -> None:
        """Short or long, and the end of the stream."""
        envoy.response("text/event-stream")
        pieces = [events(WORDS, "write to ada@ex"), events("ample.org "), events(WORDS), events(" bye"), b"data: [DONE]\n\n"]
        for number, piece in enumerate(pieces, 1):
            envoy.piece(piece, last=number == len(pieces))
        envoy.conversation.ended()
        await until(held.began.is_set)

        assert (envoy.pieces, envoy.status) == ([], None)
        held.open.set()
        await until(lambda: envoy.status is not None)
        assert b"write to [EMAIL] some words" in b"".join(map(text, envoy.pieces))
        assert (len(envoy.pieces), envoy.status) == (len(pieces), 0)

    @pytest.mark.parametrize(
        ("kind", "pieces"),
        [
            pytest.param("application/json", [document(WORDS + MAIL)], id="a document"),
            pytest.param("application/json", [document(WORDS + MAIL)[:LONG], document(WORDS + MAIL)[LONG:]], id="in two"),
            pytest.param("application/json", [b"no JSON " * LONG], id="unreadable"),
            pytest.param("text/event-stream", [events(WORDS, MAIL), events(" and "), events(WORDS), events(MAIL)], id="events"),
            pytest.param("text/event-stream", [b"data: no JSON " * LONG + b"\n\n", events(MAIL)], id="unreadable events"),
        ],
    )
    async def test_become_what_they_become_on_the_loop(
        self, make_router: Callable[[str], Router], kind: str, pieces: list[bytes]
    ) -> None:
        """Each piece of them."""
        made: list[list[bytes]] = []
        for threads in (None, aside()):
            envoy = Envoy(make_router(POLICY), threads)
            envoy.request()
            envoy.response(kind)
            for number, piece in enumerate(pieces, 1):
                envoy.piece(piece, last=number == len(pieces))
            await until(lambda envoy=envoy: envoy.status is not None)
            made.append(envoy.pieces)

        assert made[0] == made[1]
        assert len(made[0]) == len(pieces)
        assert MAIL.encode() not in b"".join(made[0])

    async def test_of_what_comes_meanwhile_so_much_waits_and_no_more(self, envoy: Envoy, held: Held) -> None:
        """The rest waits with the peer; all of it goes on in its order when the search is over, and others have their turn between."""
        envoy.response("text/event-stream")
        envoy.piece(events(WORDS))
        pieces = [events(f"{number} " + "word " * 800) for number in range(2 * MOST // 4000)]
        for piece in pieces:
            envoy.piece(piece)
        envoy.piece(events(MAIL), last=True)
        await until(held.began.is_set)

        assert envoy.paused
        assert len(envoy.unsent) > len(pieces) // 3
        held.open.set()
        turns = 0
        async with asyncio.timeout(60):
            while envoy.status is None:
                turns += 1
                await asyncio.sleep(0)
        assert turns > len(pieces)
        assert (envoy.status, envoy.unsent, envoy.paused) == (0, [], False)
        said = text(b"".join(envoy.pieces)).decode()
        assert said == WORDS + "".join(f"{number} " + "word " * 800 for number in range(len(pieces))) + "[EMAIL]"

    async def test_what_waits_is_forgotten_when_the_caller_goes_away(self, envoy: Envoy, held: Held) -> None:
        """At once, not when the search is over; no more is asked for."""
        envoy.response("text/event-stream")
        envoy.piece(events(WORDS))
        while not envoy.paused:
            envoy.piece(events("more " * 10_000))
        envoy.piece(events("and more"))
        await until(held.began.is_set)
        envoy.conversation.cancelled()

        assert len(envoy.conversation._behind) == 0
        held.open.set()
        await until(lambda: held.threads)
        await asyncio.sleep(0.01)
        assert (envoy.pieces, envoy.status, envoy.paused) == ([], None, True)

    async def test_of_callers_who_went_away_are_not_looked_through(self, envoy: Envoy, held: Held) -> None:
        """Nor is anything sent."""
        passage = envoy.conversation._session.passage
        assert passage is not None
        envoy.response()
        envoy.piece(document(MAIL + WORDS), last=True)
        await until(held.began.is_set)
        envoy.conversation.cancelled()
        held.open.set()
        await until(lambda: held.threads)

        assert (envoy.pieces, envoy.status) == ([], None)
        assert passage.answered is not None
        assert passage.answered.found == {}

    async def test_are_looked_through_at_once_where_no_thread_can(self, envoy: Envoy, threads: Aside) -> None:
        """As with a queue that is full."""
        threads.close()
        envoy.response()
        envoy.piece(document(MAIL + WORDS), last=True)
        await until(lambda: envoy.status is not None)

        assert b"[EMAIL]" in envoy.pieces[0]

    async def test_short_ones_take_no_thread(self, envoy: Envoy, held: Held) -> None:
        """That would take longer than they do."""
        envoy.response()
        envoy.piece(document(MAIL), last=True)

        assert b"[EMAIL]" in envoy.pieces[0]
        assert not held.began.is_set()


class TestKeptAnswers:
    async def test_are_looked_through_while_the_loop_goes_on(
        self, make_router: Callable[[str], Router], threads: Aside, held: Held
    ) -> None:
        """Nobody gets one before."""
        router, cache = make_router(KEEPING), ResponseCache()
        first = Envoy(router, None, cache)
        first.request()
        first.response()
        first.piece(document(WORDS), last=True)
        assert first.status == 0
        second = Envoy(router, threads, cache)
        second.request()
        await until(held.began.is_set)

        assert [answer.WhichOneof("response") for answer in second.answers] == ["request_headers"]
        held.open.set()
        await until(lambda: second.status is not None)
        assert second.answers[-1].immediate_response.body == document(WORDS)
        assert threading.get_ident() not in held.threads


def conversation(*texts: str) -> bytes:
    """A request with so many messages, of which a guard with `maxTexts: 1` reads the last."""
    return json.dumps({"model": "auto", "messages": [{"role": "user", "content": text} for text in texts]}).encode()


class TestLongRequests:
    async def test_are_masked_while_the_loop_goes_on(
        self, make_router: Callable[[str], Router], threads: Aside, held: Held
    ) -> None:
        """Texts that the signal did not read are searched in a thread, too; nothing goes on before that is done."""
        envoy = Envoy(make_router(MASKING), threads)
        envoy.request(conversation(f"{WORDS} ask bob@example.net", f"I am {MAIL}"))
        await until(held.began.is_set)
        other = Envoy(make_router(POLICY), None)
        other.request()

        assert (other.sent, envoy.sent) == (b"", None)
        held.open.set()
        await until(lambda: envoy.sent is not None)
        assert envoy.sent is not None
        said = [each["content"] for each in json.loads(envoy.sent)["messages"]]
        assert said == [f"{WORDS} ask [EMAIL_1]", "I am [EMAIL_2]"]
        assert threading.get_ident() not in held.threads

    async def test_are_masked_past_the_deadline(self, make_router: Callable[[str], Router], threads: Aside, held: Held) -> None:
        """It is no signal that may be unknown."""
        envoy = Envoy(make_router(MASKING.replace("60000", "300")), threads)
        envoy.request(conversation(WORDS, f"I am {MAIL}"))
        await until(held.began.is_set)
        await asyncio.sleep(0.4)

        assert envoy.sent is None
        held.open.set()
        await until(lambda: envoy.sent is not None)
        assert envoy.sent is not None
        assert MAIL.encode() not in envoy.sent

    async def test_are_masked_at_once_where_no_thread_can(self, make_router: Callable[[str], Router], threads: Aside) -> None:
        """As with a queue that is full; and they become the same."""
        threads.close()
        made = []
        for given in (threads, None):
            envoy = Envoy(make_router(MASKING), given)
            envoy.request(conversation(f"{WORDS} ask bob@example.net", f"I am {MAIL}"))
            await until(lambda envoy=envoy: envoy.sent is not None)
            made.append(envoy.sent)

        assert made[0] == made[1]
        assert b"[EMAIL_2]" in (made[0] or b"")

    async def test_of_callers_who_went_away_go_nowhere(
        self, make_router: Callable[[str], Router], threads: Aside, held: Held
    ) -> None:
        """Nothing is sent when the search is over."""
        envoy = Envoy(make_router(MASKING), threads)
        envoy.request(conversation(WORDS, f"I am {MAIL}"))
        await until(held.began.is_set)
        envoy.conversation.cancelled()
        held.open.set()
        await until(lambda: held.threads)
        await asyncio.sleep(0.01)

        assert (envoy.sent, envoy.status) == (None, None)


class TestLongSources:
    REQUEST = conversation(*(f"The bridge number {number} of Odense is {number} metres long." for number in range(1000)))
    ANSWER = document("The bridge of Odense is 240 metres long. Nobody knows who painted the harbour green.")

    async def test_are_read_while_the_loop_goes_on(
        self, make_router: Callable[[str], Router], threads: Aside, held: Held
    ) -> None:
        """Nothing of the answer goes on before; what is told of it is what would be told without a thread."""
        told = []
        for given in (threads, None):
            envoy = Envoy(make_router(GROUNDING), given)
            envoy.request(self.REQUEST)
            envoy.response()
            envoy.piece(self.ANSWER, last=True)
            if given is not None:
                await until(held.began.is_set)
                assert (envoy.pieces, envoy.status) == ([], None)
                held.open.set()
            await until(lambda envoy=envoy: envoy.status is not None)
            told.append(json.loads(envoy.pieces[0])["router_extproc"]["grounding"])

        assert told[0] == told[1]
        assert told[0]["unsupported"] == [1]
        assert threading.get_ident() not in held.threads

    async def test_are_read_at_once_where_no_thread_can(self, make_router: Callable[[str], Router], threads: Aside) -> None:
        """As with a queue that is full."""
        threads.close()
        envoy = Envoy(make_router(GROUNDING), threads)
        envoy.request(self.REQUEST)
        envoy.response()
        envoy.piece(self.ANSWER, last=True)
        await until(lambda: envoy.status is not None)

        assert json.loads(envoy.pieces[0])["router_extproc"]["grounding"]["unsupported"] == [1]

    async def test_of_kept_answers_are_read_in_a_thread(
        self, make_router: Callable[[str], Router], threads: Aside, held: Held
    ) -> None:
        """However short the answer."""
        router, cache = make_router(GROUNDING), ResponseCache()
        for given in (None, threads):
            envoy = Envoy(router, given, cache)
            envoy.request(self.REQUEST)
            if given is None:
                envoy.response()
                envoy.piece(self.ANSWER, last=True)
        await until(held.began.is_set)

        assert envoy.status is None
        held.open.set()
        await until(lambda: envoy.status is not None)
        told = json.loads(envoy.answers[-1].immediate_response.body)["router_extproc"]["grounding"]
        assert told["unsupported"] == [1]
        assert threading.get_ident() not in held.threads
