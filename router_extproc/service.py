"""Service: the whole program: server, admin and metrics ports, policy watch and hooks, from start to the end of the drain."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import sys
import threading
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from router_extproc.admin import Admin, AdminServer
from router_extproc.cache.redis import RedisEntries
from router_extproc.cache.store import ResponseCache
from router_extproc.config.loader import load
from router_extproc.config.routers import Routers
from router_extproc.config.store import PolicyStore
from router_extproc.config.watch import Watch, listen_to_sighup
from router_extproc.control.rpc import FeedbackServer
from router_extproc.encoders.batching import BatchOptions
from router_extproc.encoders.cpus import available_cpus
from router_extproc.encoders.encoder import EncoderOptions
from router_extproc.encoders.models import Models
from router_extproc.envoy_admin import EnvoyAdmin
from router_extproc.extproc.server import ExtProcServer, ServerOptions, Tls
from router_extproc.health import PoolHealth
from router_extproc.hooks import Hooks
from router_extproc.learning.experience import MOST, TTL_S, Experience
from router_extproc.learning.implicit import Implicit
from router_extproc.learning.remote import RedisLearning
from router_extproc.learning.state_file import StateFile
from router_extproc.limits.memory import MAX_KEYS, MemoryStore
from router_extproc.limits.remote import RedisRemote
from router_extproc.limits.shared import SharedStore
from router_extproc.observability.decision_log import DecisionLog, opened
from router_extproc.observability.logs import ReloadLog
from router_extproc.observability.metrics import Metrics
from router_extproc.observability.otlp import OtlpExporter
from router_extproc.observability.tracing import Tracing
from router_extproc.policy.problems import PolicyError, Problem, Severity
from router_extproc.pools import PoolStats
from router_extproc.selectors.weighted import sticky_key
from router_extproc.sessions.identity import conversation
from router_extproc.sessions.keys import SessionKeys
from router_extproc.sessions.memory import MAX_SESSIONS
from router_extproc.sessions.remote import RedisSessions
from router_extproc.sessions.sessions import Sessions
from router_extproc.sessions.shared import SharedSessions
from router_extproc.signals.services import SignalServices

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from router_extproc.config.loader import Loaded
    from router_extproc.hooks import AnswerDetails, Hook, ReloadDetails, RouteDetails
    from router_extproc.learning.event import Event
    from router_extproc.policy.compiled import Policy
    from router_extproc.routing import Observation

_log = logging.getLogger(__name__)

DRAIN_S = 1.0
"""Between "not ready" and the refusal of new streams, at most: time for health checks to notice."""


_USUAL = EncoderOptions()


@dataclass(frozen=True, slots=True)
class ServiceOptions:
    """All that `serve` can be told; see its help."""

    policy: Path
    listen: str = "127.0.0.1:9002"
    admin: str = "127.0.0.1:9003"
    metrics: str = ""
    """Where metrics and probes are served without the rest of the admin port; empty: nowhere."""
    tls_cert: Path | None = None
    tls_key: Path | None = None
    tls_client_ca: Path | None = None
    decision_log: str = "stdout"
    decision_sample: float = 1.0
    poll: float = 10.0
    grace: float = 20.0
    otlp: str = ""
    share_port: bool = False
    """Whether other workers listen on the same port."""
    models: Path | None = None
    """The model bundle's folder; None: the one that comes with the program."""
    encoder_threads: int = 0
    """Of this process; 0: one for each CPU that it may use."""
    encoder_queue: int = _USUAL.batch.max_queue
    encoder_batch: int = _USUAL.batch.max_batch
    encoder_wait_ms: float = _USUAL.batch.wait_ms
    encoder_cache: int = _USUAL.cache
    state: str = field(default="", repr=False)
    """The shared store's address, with credentials; empty: limits and answers are kept in this process alone."""
    state_timeout_ms: float = 25.0
    envoy_admin: str = ""
    """Envoy's admin port, which is asked for healthy hosts; empty: it is not."""
    cache_secret: bytes = field(default=b"", repr=False)
    """Keys the response cache, the sessions and the hashes of conversations of all replicas; empty: each process makes one of its own, and
    hashes of conversations have no key."""
    learning_state: Path | None = None
    """Where what was learned is kept; None: it is gone with the process, or kept in the shared store."""
    feedback: str = ""
    """HOST:PORT of the gRPC service for feedback; empty: none."""
    canary: Path | None = None
    """Another policy, that decides `canary_share` of the sessions; None: there is none."""
    canary_share: float = 0.0
    """In [0, 1]."""
    feedback_ttl: float = TTL_S
    """Seconds for which a decision may get feedback."""
    feedback_pending: int = MOST
    """Decisions of this process that may get feedback at one time."""

    def tls(self) -> Tls | None:
        """TLS, if a certificate was given."""
        if self.tls_cert is None or self.tls_key is None:
            return None
        return Tls(self.tls_cert, self.tls_key, self.tls_client_ca)

    def encoder(self) -> EncoderOptions:
        """How the encoder works."""
        threads = self.encoder_threads or available_cpus()
        batch = BatchOptions(threads, self.encoder_queue, self.encoder_batch, self.encoder_wait_ms)
        return EncoderOptions(batch, self.encoder_cache)


def bounds(options: EncoderOptions) -> dict[str, int]:
    """What bounds the encoder, by the names in metrics and on the admin port."""
    batch = options.batch
    return {
        "encoder_threads": batch.threads,
        "encoder_queue": batch.max_queue,
        "encoder_batch": batch.max_batch,
        "encoder_cache": options.cache,
        "rate_limit_keys": MAX_KEYS,
        "sessions": MAX_SESSIONS,
    }


class _InForce:
    """Has all that outlives policies know which is in force; a hook."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def routed(self, details: RouteDetails) -> None:
        """Nothing."""

    def observed(self, observation: Observation) -> None:
        """Nothing."""

    def answered(self, details: AnswerDetails) -> None:
        """Nothing."""

    def reloaded(self, details: ReloadDetails) -> None:
        """Tell which policy is in force now."""
        if details.ok:
            self._service.tell_in_force()


_SWITCH_S = 0.0005
"""How long a thread may keep the interpreter while another waits for it; Python's own 5 ms are as long as a pass of the model. At full load
the event loop and the encoder's threads each wait for the other several times a request."""


def _settle() -> None:
    """Have threads take turns more often, and spare the garbage collector what was loaded at the start and stays: 5 to 8 % of each request.

    A request leaves no cycles behind, so that full collections can be rare.
    """
    sys.setswitchinterval(_SWITCH_S)
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def _nothing(_event: Event) -> None:
    """Nobody wants to hear of it."""


def _experience(options: ServiceOptions, told: Callable[[Event], None]) -> Experience:
    """What was learned by the process before, or by other replicas. Raises OSError if the file's folder cannot be written."""
    remote = RedisLearning(options.state, ttl_s=options.feedback_ttl) if options.state else None
    file = StateFile(options.learning_state) if options.learning_state is not None else None
    return Experience(ttl_s=options.feedback_ttl, most=options.feedback_pending, file=file, remote=remote, told=told)


def _no_store(source: str) -> Problem:
    cure = "serve with --state and --cache-secret-file, or say backend: memory"
    return Problem(Severity.ERROR, source, 1, 1, "cache.backend", "this process was given no store for `backend: redis`", cure)


def _sessions(options: ServiceOptions) -> Sessions:
    """Sessions of this process; shared with others that have the same secret, or they would know them by other keys."""
    if not (options.state and options.cache_secret):
        return Sessions()
    shared = SharedSessions(RedisSessions(options.state), timeout_s=options.state_timeout_ms / 1000)
    return Sessions(keys=SessionKeys(options.cache_secret), shared=shared)


class Service:
    """One worker process's parts."""

    def __init__(self, options: ServiceOptions) -> None:
        """Load the policy. Raises PolicyError or OSError if it cannot be served, ValueError for an address that is none.

        And ImportError if the shared store's client is not installed.
        """
        self._options = options
        self._telling = threading.Lock()
        self.metrics = Metrics()
        encoder = options.encoder()
        self._services = SignalServices(models=Models(encoder, folder=options.models))
        self._stats = PoolStats()
        self._sessions = _sessions(options)
        self._health = PoolHealth()
        self._envoy = EnvoyAdmin(options.envoy_admin, self._health, self._clusters) if options.envoy_admin else None
        self._counts = MemoryStore()
        self._shared = (
            SharedStore(RedisRemote(options.state), self._counts, timeout_s=options.state_timeout_ms / 1000)
            if options.state
            else None
        )
        stream = opened(options.decision_log)
        self._decisions = DecisionLog(stream, sample=options.decision_sample) if stream else None
        self._tracing = Tracing(OtlpExporter(options.otlp)) if options.otlp else None
        self.experience = _experience(options, self._decisions.learned if self._decisions else _nothing)
        learning = Implicit(self.experience, conversation, options.cache_secret)
        listed: list[Hook | None] = [self.metrics, self._decisions, ReloadLog(), self._tracing, _InForce(self), learning]
        self.hooks = Hooks([hook for hook in listed if hook is not None])
        remote = RedisEntries(options.state) if options.state and options.cache_secret else None
        self.cache = ResponseCache(secret=options.cache_secret or None, remote=remote)
        self.store: PolicyStore | None = None
        self.canary: PolicyStore | None = None
        self.store = PolicyStore(options.policy, self._load, self.hooks)
        if options.canary is not None:
            self.canary = PolicyStore(options.canary, self._load, Hooks([ReloadLog(), _InForce(self)]))
        self._routers = Routers(self.store, self.canary, options.canary_share, partial(sticky_key, by="session"))
        self.tell_in_force()
        self._ready = False
        self.server = ExtProcServer(
            self._routers.current,
            self.hooks,
            ServerOptions(listen=options.listen, tls=options.tls(), share_port=options.share_port),
            self.cache,
        )
        self._export(encoder)
        admin = self._admin(encoder)
        self.admin = AdminServer(admin.app(), options.admin) if options.admin else None
        self.feedback = FeedbackServer(self.experience, options.feedback) if options.feedback else None
        self.scraped = AdminServer(admin.metrics_app(), options.metrics, name="metrics") if options.metrics else None

    def _export(self, encoder: EncoderOptions) -> None:
        """Have the metrics tell what all parts count."""
        log = self._decisions
        self.metrics.watch(self.hooks, lambda: self.server.streams, lambda: log.dropped if log else 0)
        self.metrics.watch_models(self._services.models, bounds(encoder))
        self.metrics.watch_signals(self._services)
        self.metrics.watch_limits(self._counts, self._shared.health if self._shared else None)
        self.metrics.watch_cache(self.cache)
        self.metrics.watch_learning(self.experience)
        self.metrics.watch_sessions(self._sessions, self._health, self._envoy.figures if self._envoy else None)

    def _admin(self, encoder: EncoderOptions) -> Admin:
        if self.store is None:
            raise RuntimeError("no policy is loaded")
        health = self._shared.health if self._shared else None
        return Admin(
            self.store,
            self.metrics,
            lambda: self._ready,
            {**bounds(encoder), "feedback_pending": self._options.feedback_pending},
            self._services.breakers,
            lambda: health,
            self.experience,
            self.canary,
            current=self._routers.current,
        )

    def _http(self) -> list[AdminServer]:
        """The HTTP ports that were asked for."""
        return [port for port in (self.admin, self.scraped) if port is not None]

    def _load(self, path: Path) -> Loaded:
        """Load a policy. Raises as `load` does; also for one that needs a store that this process was not given."""
        loaded = load(
            path,
            services=self._services,
            stats=self._stats,
            store=self._shared or self._counts,
            sessions=self._sessions,
            health=self._health,
            experience=self.experience,
        )
        if loaded.router.policy.settings.cache.remote and not self.cache.has_remote:
            raise PolicyError((_no_store(loaded.router.policy.source),))
        return loaded

    def _in_force(self) -> list[Policy]:
        """The policy, and the canary's if there is one."""
        return [store.router.policy for store in (self.store, self.canary) if store is not None]

    def _clusters(self) -> frozenset[str]:
        """Those of the policies in force."""
        return frozenset(pool.cluster for policy in self._in_force() for pool in policy.pools.values())

    def tell_in_force(self) -> None:
        """Tell all that outlives policies which ones are in force.

        Whoever loaded one calls this after it took its place: of two threads that do so at once, the last one tells of both.
        """
        with self._telling:
            if self.store is not None:
                self._configure(self.store)
            if self.canary is not None:
                self.metrics.canary = self.canary.router.policy.version

    def _configure(self, store: PolicyStore) -> None:
        policies = self._in_force()
        pools = {name: pool for policy in reversed(policies) for name, pool in policy.pools.items()}
        self._stats.keep(pools)
        self._counts.keep([limit for policy in policies for limit in policy.limits])
        # Circuits, sessions and the cache are the first policy's, whoever decides.
        policy = store.router.policy
        self._health.configure(policy.settings.circuits, pools)
        self._sessions.memory.ttl_s = policy.settings.sessions.ttl_s
        self.cache.configure(policy.settings.cache, policy.version)
        self.metrics.in_force(policy, store.status.loaded_at)

    async def run(self) -> None:
        """Serve until SIGTERM or SIGINT, then drain. Raises OSError if an address cannot be had."""
        store = self.store
        if store is None:
            raise RuntimeError("no policy is loaded")
        ended = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, ended.set)
        for port in self._http():
            await port.start()
        if self._shared is not None:
            await self._shared.look()
        await self.server.start()
        watches = [Watch(store, self._options.policy, poll_s=self._options.poll)]
        if self.canary is not None and self._options.canary is not None:
            watches.append(Watch(self.canary, self._options.canary, poll_s=self._options.poll))
        listen_to_sighup(watches)
        if self.feedback is not None:
            await self.feedback.start()
        watching = [asyncio.create_task(each) for each in (*(watch.run() for watch in watches), self.experience.watch())]
        if self._shared is not None:
            watching.append(asyncio.create_task(self._shared.watch()))
        if self._envoy is not None:
            watching.append(asyncio.create_task(self._envoy.watch()))
        _settle()
        self._ready = True
        addresses = {"listen": self._options.listen, "admin": self._options.admin, "metrics": self._options.metrics}
        _log.info("ready", extra={**addresses, "port": self.server.port})
        await ended.wait()
        for task in watching:
            task.cancel()
        await self._drain()

    async def _drain(self) -> None:
        """Not ready, then no new streams, then the end of those in flight."""
        _log.info("draining", extra={"streams": self.server.streams, "grace_seconds": self._options.grace})
        self._ready = False
        await self.server.drain()
        await asyncio.sleep(min(DRAIN_S, self._options.grace))
        await self.server.stop(self._options.grace)
        await asyncio.gather(*(port.stop() for port in self._http()))
        if self.feedback is not None:
            await self.feedback.stop()
        await self.experience.close()
        if self._shared is not None:
            await self._shared.close()
        await self.cache.close()
        if self._sessions.shared is not None:
            await self._sessions.shared.close()
        if self._decisions is not None:
            self._decisions.close()
        if self._tracing is not None:
            self._tracing.close()
        _log.info("stopped")
