"""What Prometheus is told at /metrics."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric

from runtime.jobs.resources import MEGABYTE, available_memory_mb, resident_memory_mb

if TYPE_CHECKING:
    from runtime.server.service import Service

SECONDS = (0.1, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600)
FACTORS = (0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 5, 10)
REQUEST_SECONDS = (0.005, 0.02, 0.1, 0.5, 2, 10, 60, 300)


class Metrics:
    """Counters of one server, in a registry of their own."""

    def __init__(self, service: Service) -> None:
        self.registry = CollectorRegistry()
        self._accepted = Counter("sonic_jobs_accepted", "Jobs accepted", registry=self.registry)
        self._ended = Counter("sonic_jobs_ended", "Jobs ended, by state", ["state"], registry=self.registry)
        self._failures = Counter("sonic_failures", "Failed jobs, by code", ["code"], registry=self.registry)
        self._uploads = Counter(
            "sonic_uploads", "Attempts to store a film, by outcome", ["outcome"], registry=self.registry
        )
        self._stage_seconds = Histogram(
            "sonic_stage_seconds",
            "Seconds of a render, by stage",
            ["stage"],
            buckets=SECONDS,
            registry=self.registry,
        )
        self._factor = Histogram(
            "sonic_real_time_factor", "Render time / film time", buckets=FACTORS, registry=self.registry
        )
        self._requests = Histogram(
            "sonic_http_request_seconds",
            "Seconds until an HTTP answer was sent",
            ["method", "route", "status"],
            buckets=REQUEST_SECONDS,
            registry=self.registry,
        )
        self._peak_mb = 0.0
        self.registry.register(_Gauges(service, self))  # type: ignore[arg-type]

    def accepted(self) -> None:
        """Count a new job."""
        self._accepted.inc()

    def ended(self, state: str) -> None:
        """Count a job that reached its last state."""
        self._ended.labels(state).inc()

    def failure(self, code: str) -> None:
        """Count a failed job."""
        self._failures.labels(code).inc()

    def upload(self, outcome: str) -> None:
        """Count an attempt to store a film."""
        self._uploads.labels(outcome).inc()

    def rendered(self, result: dict[str, Any]) -> None:
        """Note the measurements of a render (a `VideoResult` as plain values)."""
        for stage, seconds in result.get("timings", {}).items():
            self._stage_seconds.labels(stage).observe(seconds)
        if "real_time_factor" in result:
            self._factor.observe(result["real_time_factor"])
        self._peak_mb = max(self._peak_mb, float(result.get("peak_memory_mb", 0.0)))

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Note an HTTP request."""
        self._requests.labels(method, route, str(status)).observe(seconds)

    @property
    def peak_mb(self) -> float:
        """Most memory that a render has taken since the server started."""
        return self._peak_mb

    def text(self) -> bytes:
        """Return everything in Prometheus' text format."""
        return generate_latest(self.registry)


class _Gauges:
    """What is asked for at the moment of a scrape."""

    def __init__(self, service: Service, metrics: Metrics) -> None:
        self._service = service
        self._metrics = metrics

    def describe(self) -> Iterable[Metric]:
        return []

    def collect(self) -> Iterable[Metric]:
        jobs = GaugeMetricFamily("sonic_jobs", "Jobs, by state", labels=["state"])
        for state, count in self._service.store.counts().items():
            jobs.add_metric([state], count)
        yield jobs
        yield _gauge("sonic_renders_running", "Renders under way", self._service.pool.running())
        yield _gauge("sonic_render_peak_bytes", "Most memory of a render", self._metrics.peak_mb * MEGABYTE)
        yield _gauge("sonic_memory_available_bytes", "Memory left", available_memory_mb() * MEGABYTE)
        yield _gauge(
            "sonic_server_resident_bytes", "The server's memory", resident_memory_mb(os.getpid()) * MEGABYTE
        )
        yield _gauge("sonic_disk_free_bytes", "Free disk", self._service.folder.free_bytes())


def _gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, value=value)
