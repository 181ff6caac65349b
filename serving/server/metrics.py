"""Counters and histograms under TensorFlow Serving's own names, in Prometheus's text format.

prometheus_client would append `_total` to the names of counters, which the real server does not do: dashboards and
alerts made for one would not fit the other.
"""

from __future__ import annotations

import bisect

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Labels = tuple[str, ...]


class Counter:
    """A number that grows, for each combination of labels."""

    def __init__(self, name: str, labels: Labels) -> None:
        self._name = name
        self._labels = labels
        self._values: dict[Labels, int] = {}

    def add(self, labels: Labels, amount: int = 1) -> None:
        """Adds to the number with these values of the labels."""
        self._values[labels] = self._values.get(labels, 0) + amount

    def lines(self) -> list[str]:
        """What it is now."""
        # A copy: models are loaded in another thread.
        values = self._values.copy()
        return [
            f"# TYPE {self._name} counter",
            *(f"{self._name}{{{_pairs(self._labels, labels)}}} {value}" for labels, value in values.items()),
        ]


class Histogram:
    """A distribution, for each combination of labels."""

    def __init__(self, name: str, labels: Labels, scale: float, growth: float, buckets: int) -> None:
        """Exponential buckets, as TensorFlow's.

        Args:
          name: of the metric.
          labels: their names.
          scale: upper limit of the first bucket.
          growth: of each limit over the one before.
          buckets: their number, the one without a limit not counted.
        """
        self._name = name
        self._labels = labels
        self._limits = [scale * growth**number for number in range(buckets)]
        self._counts: dict[Labels, list[int]] = {}
        self._sums: dict[Labels, float] = {}

    def observe(self, labels: Labels, value: float) -> None:
        """Counts a value, of any number of them, with these values of the labels."""
        counts = self._counts.get(labels)
        if counts is None:
            # The sum first: who sees the counts, in another thread, looks for it.
            self._sums.setdefault(labels, 0.0)
            counts = self._counts.setdefault(labels, [0] * (len(self._limits) + 1))
        counts[bisect.bisect_left(self._limits, value)] += 1
        self._sums[labels] += value

    def lines(self) -> list[str]:
        """What it is now."""
        lines = [f"# TYPE {self._name} histogram"]
        for labels, counts in self._counts.copy().items():
            pairs, total = _pairs(self._labels, labels), 0
            limits = [f"{limit:g}" for limit in self._limits]
            for limit, count in zip([*limits, "+Inf"], counts, strict=True):
                total += count
                lines.append(f'{self._name}_bucket{{{pairs},le="{limit}"}} {total}')
            lines.append(f"{self._name}_sum{{{pairs}}} {self._sums[labels]:.10g}")
            lines.append(f"{self._name}_count{{{pairs}}} {total}")
        return lines


class Metrics:
    """All that the server counts; times are in microseconds, as the real server's."""

    def __init__(self) -> None:
        self.request_count = Counter(":tensorflow:serving:request_count", ("model_name", "status"))
        self.request_latency = _latency(":tensorflow:serving:request_latency", ("model_name", "API", "entrypoint"))
        self.runtime_latency = _latency(":tensorflow:serving:runtime_latency", ("model_name", "API", "runtime"))
        self.queuing_latency = Histogram(
            ":tensorflow:serving:batching_session:queuing_latency", ("thread_pool_name",), 100, 1.2, 52
        )
        self.example_count = Counter(":tensorflow:serving:request_example_count_total", ("model",))
        self.load_attempts = Counter(":tensorflow:cc:saved_model:load_attempt_count", ("model_path", "status"))
        self.load_latency = Counter(":tensorflow:cc:saved_model:load_latency", ("model_path",))
        self.warmup_latency = _latency(":tensorflow:serving:model_warmup_latency", ("model_path", "status"))

    def page(self) -> bytes:
        """All of it, as a scrape gets it."""
        metrics = vars(self).values()
        return ("\n".join(line for metric in metrics for line in metric.lines()) + "\n").encode()


def _latency(name: str, labels: Labels) -> Histogram:
    # 10 us to about 20 minutes.
    return Histogram(name, labels, scale=10, growth=1.8, buckets=33)


def _pairs(names: Labels, values: Labels) -> str:
    return ",".join(f'{name}="{_escape(value)}"' for name, value in zip(names, values, strict=True))


def _escape(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
