"""How metrics are defined: by name, meaning and labels, in the group of those whom they concern."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

PROOF_SECONDS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1, 1.25, 1.5, 1.75, 2, 2.5, 3, 4, 6, 10, 30, 60)
"""Buckets of whatever takes about as long as a proof: dense where races are decided, from 0.3 s to 3 s."""


class Definer:
    """Makes metrics; those of a group that is not exported work all the same and are in no scrape."""

    def __init__(self, registry: CollectorRegistry, groups: frozenset[str] | None) -> None:
        self._registry = registry
        self._groups = groups
        self._target: CollectorRegistry | None = registry

    def open_group(self, name: str) -> None:
        """What is defined from here on belongs to this group."""
        self._target = self._registry if self._groups is None or name in self._groups else None

    def gauge(self, name: str, meaning: str, labels: Sequence[str] = ()) -> Gauge:
        """A value that goes up and down."""
        return Gauge(name, meaning, labels, registry=self._target)

    def counter(self, name: str, meaning: str, labels: Sequence[str] = ()) -> Counter:
        """A value that only grows; the name ends in `_total`."""
        return Counter(name, meaning, labels, registry=self._target)

    def histogram(
        self, name: str, meaning: str, labels: Sequence[str] = (), *, buckets: Sequence[float] = PROOF_SECONDS
    ) -> Histogram:
        """A distribution."""
        return Histogram(name, meaning, labels, buckets=buckets, registry=self._target)

    def read_counter(self, name: str, meaning: str, labels: Sequence[str] = ()) -> ReadCounter:
        """A counter that somebody else keeps."""
        counter = ReadCounter(name, meaning, labels)
        if self._target is not None:
            self._target.register(counter)
        return counter


Read = Callable[[], float]


class ReadCounter(Collector):
    """A counter whose values are asked for at each scrape, in a thread of the HTTP server."""

    _type = "counter"

    def __init__(self, name: str, meaning: str, labels: Sequence[str] = ()) -> None:
        self._name = name.removesuffix("_total")
        self._documentation = meaning
        self._labelnames = tuple(labels)
        self._reads: dict[tuple[str, ...], Read] = {} if labels else {(): lambda: 0}

    def labels(self, **values: str) -> ReadSeries:
        """The series with these labels, as other metrics have it."""
        return ReadSeries(self._reads, tuple(values[name] for name in self._labelnames))

    def set_function(self, read: Read) -> None:
        """Where the value of a counter without labels comes from."""
        self.labels().set_function(read)

    def collect(self) -> Iterator[CounterMetricFamily]:
        """The samples of a scrape."""
        family = CounterMetricFamily(self._name, self._documentation, labels=self._labelnames)
        for values, read in list(self._reads.items()):
            family.add_metric(values, read())
        yield family


@dataclass(frozen=True, slots=True)
class ReadSeries:
    """One series of a ReadCounter."""

    reads: dict[tuple[str, ...], Read]
    values: tuple[str, ...]

    def set_function(self, read: Read) -> None:
        """Where its value comes from."""
        self.reads[self.values] = read
