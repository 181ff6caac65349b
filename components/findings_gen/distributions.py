"""Findings from TFDV's statistics: its anomalies, rare classes, drift and skew."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import TypeAlias

import tensorflow_data_validation as tfdv
from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2, statistics_pb2

from components.findings import ERROR, WARNING, Finding
from components.findings_gen.catalogue import CHECKS

Statistics: TypeAlias = statistics_pb2.DatasetFeatureStatisticsList

_MIN_SHARE = "min_share="
_WORSE = {anomalies_pb2.AnomalyInfo.ERROR: ERROR}


def from_anomalies(by_split: Mapping[str, anomalies_pb2.Anomalies]) -> list[Finding]:
    """One finding for each feature with an anomaly in any split, and one for the data set ('schema')."""
    texts: dict[str, list[str]] = defaultdict(list)
    severities: dict[str, str] = {}
    for split, anomalies in by_split.items():
        described = dict(anomalies.anomaly_info)
        if anomalies.HasField("dataset_anomaly_info"):
            described[""] = anomalies.dataset_anomaly_info
        for feature, info in sorted(described.items()):
            name = f"schema:{feature}" if feature else "schema"
            texts[name].append(f"[{split}] {info.short_description}: {info.description}")
            if severities.get(name) != ERROR:
                severities[name] = _WORSE.get(info.severity, WARNING)
    return [Finding(name, severities[name], "; ".join(found), CHECKS["schema"].remedy) for name, found in texts.items()]


def rare_classes(by_split: Iterable[Statistics], schema: schema_pb2.Schema) -> list[Finding]:
    """Classes below the `min_share` that the schema gives their feature, as a tag of its annotation."""
    findings = []
    counted = list(by_split)
    domains = {domain.name: domain.value for domain in schema.string_domain}
    for feature in schema.feature:
        min_share = _min_share(feature)
        if min_share is None:
            continue
        counts: dict[str, float] = defaultdict(float)
        for statistics in counted:
            for value, count in _value_counts(statistics, feature.name).items():
                counts[value] += count
        total = sum(counts.values())
        for value in domains[feature.domain]:
            if counts[value] < min_share * total:
                message = f"{value}: {counts[value]:,.0f} of {total:,.0f} rows, at least {min_share:.1%} are needed"
                name, check = f"rare_class:{value}", CHECKS["rare_class"]
                findings.append(Finding(name, check.severity, message, check.remedy))
    return findings


def drift(statistics: Statistics, baseline: Statistics, schema: schema_pb2.Schema) -> list[Finding]:
    """Features that differ from the baseline by more than the schema's drift_comparator allows."""
    anomalies = tfdv.validate_statistics(statistics, schema, previous_statistics=baseline)
    return _differences(anomalies, "drift", statistics, baseline, "the served model's data")


def skew(by_split: Mapping[str, Statistics], schema: schema_pb2.Schema) -> list[Finding]:
    """Features of other splits that differ from `train` by more than the schema's skew_comparator allows."""
    findings = []
    for split, statistics in by_split.items():
        if split != "train":
            anomalies = tfdv.validate_statistics(by_split["train"], schema, serving_statistics=statistics)
            found = _differences(anomalies, "skew", by_split["train"], statistics, split)
            findings += [Finding(f"{f.name}:{split}", f.severity, f.message, f.remedy) for f in found]
    return findings


def _differences(
    anomalies: anomalies_pb2.Anomalies, check: str, statistics: Statistics, other: Statistics, other_name: str
) -> list[Finding]:
    findings = []
    for info in anomalies.drift_skew_info:
        [feature] = info.path.step
        for measurement in [*info.drift_measurements, *info.skew_measurements]:
            if measurement.value <= measurement.threshold:
                continue
            kind = anomalies_pb2.DriftSkewInfo.Measurement.Type.Name(measurement.type)
            message = (
                f"{_SPELT[kind]} {measurement.value:.3f}, limit {measurement.threshold:g}: "
                f"{_summary(statistics, feature)}; in {other_name} {_summary(other, feature)}"
            )
            findings.append(Finding(f"{check}:{feature}", CHECKS[check].severity, message, CHECKS[check].remedy))
    return findings


_SPELT = {
    "JENSEN_SHANNON_DIVERGENCE": "Jensen-Shannon divergence",
    "L_INFTY": "largest difference of a share",
}


def _min_share(feature: schema_pb2.Feature) -> float | None:
    shares = [tag.removeprefix(_MIN_SHARE) for tag in feature.annotation.tag if tag.startswith(_MIN_SHARE)]
    return float(shares[0]) if shares else None


def _feature(statistics: Statistics, name: str) -> statistics_pb2.FeatureNameStatistics:
    [found] = [f for f in statistics.datasets[0].features if f.path.step[:] == [name] or f.name == name] or [
        statistics_pb2.FeatureNameStatistics()
    ]
    return found


def _value_counts(statistics: Statistics, name: str) -> dict[str, float]:
    buckets = _feature(statistics, name).string_stats.rank_histogram.buckets
    return {bucket.label: bucket.sample_count for bucket in buckets}


def _summary(statistics: Statistics, name: str) -> str:
    """What a person compares: the mean of numbers, the shares of classes."""
    counts = _value_counts(statistics, name)
    if counts:
        total = sum(counts.values())
        return ", ".join(f"{value} {count / total:.0%}" for value, count in counts.items())
    return f"mean {_feature(statistics, name).num_stats.mean:.3g}"
