"""What stands in a model card, as JSON and as HTML."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import jinja2
from tensorflow_metadata.proto.v0 import schema_pb2

from components.blessing.report import defined
from components.findings import Finding

TEMPLATE = Path(__file__).with_name("template.html.j2")

# Prefixes of FaceCsvExampleGen's row counts; the keys without any are of all rows or of a split.
_CLASS, _LEFT_OUT = "class:", "left_out:"
_NO_SPLITS = ("read", "bad", "left_out")


def build(
    *,
    model_name: str,
    description: dict[str, list[str]],
    data_fingerprint: str,
    row_counts: dict[str, int],
    findings: Iterable[Finding],
    schema: schema_pb2.Schema,
    report: dict[str, Any],
    settings: dict[str, Any],
    commit: str,
    environment: dict[str, str],
) -> dict[str, Any]:
    """The facts of a card.

    Args:
      model_name: TensorFlow Serving's name of the model.
      description: the lists of sentences 'intended_use', 'limits', 'inputs' and 'outputs'.
      data_fingerprint: of the CSV.
      row_counts: as FaceCsvExampleGen counts them.
      findings: in the data.
      schema: curated.
      report: as `components.blessing.report` describes it.
      settings: training settings and thresholds.
      commit: of the code.
      environment: name -> version.

    Returns:
      A JSON object; null stands where a number is not defined.
    """
    facts = {
        "model_name": model_name,
        "blessed": report["blessed"],
        "baseline_version": report["baseline_version"],
        "description": description,
        "data": {
            "fingerprint": data_fingerprint,
            "rows_read": row_counts["read"],
            "rows_in_quarantine": row_counts["bad"],
            "rows_left_out": row_counts["left_out"],
            "splits": {name: count for name, count in row_counts.items() if ":" not in name and name not in _NO_SPLITS},
            "classes": _with_prefix(row_counts, _CLASS),
            "left_out_classes": _with_prefix(row_counts, _LEFT_OUT),
            "findings": [
                {
                    "name": finding.name,
                    "severity": finding.severity,
                    "message": finding.message,
                    "count": finding.count,
                    "waived": finding.waived,
                }
                for finding in findings
            ],
        },
        "schema": _features(schema),
        "metrics": report["metrics"],
        "intervals": report["intervals"],
        "examples": report["examples"],
        "thresholds": report["thresholds"],
        "settings": settings,
        "commit": commit,
        "environment": environment,
    }
    finite: dict[str, Any] = defined(facts)
    return finite


def to_json(facts: dict[str, Any]) -> str:
    """The facts, readable."""
    return json.dumps(facts, indent=2, sort_keys=True, allow_nan=False) + "\n"


def to_html(facts: dict[str, Any]) -> str:
    """The facts on one page that needs nothing else."""
    environment = jinja2.Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(number=_number, interval=_interval, flat=_flat)
    judged = dict.fromkeys(threshold["metric"] for threshold in facts["thresholds"])
    slices = {name: metrics for name, metrics in facts["metrics"].items() if name}
    page: str = environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        facts, slices=slices, slice_metrics=list(judged)
    )
    return page


def _with_prefix(counts: dict[str, int], prefix: str) -> dict[str, int]:
    return {name.removeprefix(prefix): count for name, count in counts.items() if name.startswith(prefix)}


def _features(schema: schema_pb2.Schema) -> list[dict[str, Any]]:
    """Each feature's name, type, share of rows that must have it, whether requests need it, and its domain in words."""
    values = {domain.name: list(domain.value) for domain in schema.string_domain}
    return [
        {
            "name": feature.name,
            "type": schema_pb2.FeatureType.Name(feature.type),
            "min_share": feature.presence.min_fraction,
            "in_requests": "SERVING" not in feature.not_in_environment,
            "domain": _domain(feature, values),
        }
        for feature in schema.feature
    ]


def _domain(feature: schema_pb2.Feature, values: dict[str, list[str]]) -> str:
    kind = feature.WhichOneof("domain_info")
    if kind == "domain":
        return ", ".join(values[feature.domain])
    if kind in ("int_domain", "float_domain"):
        domain = getattr(feature, kind)
        low = f"{domain.min:g}" if domain.HasField("min") else "..."
        high = f"{domain.max:g}" if domain.HasField("max") else "..."
        return low if low == high else f"{low} to {high}"
    return "image" if kind == "image_domain" else ""


def _number(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"


def _interval(bounds: list[float | None] | None) -> str:
    return " to ".join(_number(bound) for bound in bounds) if bounds else "–"


def _flat(settings: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Dotted name -> value of nested settings, without those that are not set."""
    result: dict[str, Any] = {}
    for key, value in settings.items():
        if isinstance(value, dict):
            result.update(_flat(value, f"{prefix}{key}."))
        elif value is not None:
            result[f"{prefix}{key}"] = value
    return result
