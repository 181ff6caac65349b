"""Beam transform from batches of tf.Examples to findings with their rows."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import partial

import apache_beam as beam
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from components.face_csv_example_gen.csv_format import FaceCsvFormat
from components.findings import MAX_ROWS, Finding
from components.findings_gen import duplicates, image_checks, layouts
from components.findings_gen.catalogue import CHECKS

# Labels of one picture that differ by more contradict each other: by pixels, by class ids.
_POINT_TOLERANCE, _CLASS_TOLERANCE = 2.0, 0.5
# Each band's hashes meet on so many workers.
_SHARDS = 4
_HITS, _SIGNATURES = "hits", "signatures"

Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]
# (check, ({split id: rows that it finds wrong there}, the lowest numbers of them))
Hits = tuple[str, tuple[dict[int, int], Rows]]


@dataclasses.dataclass(frozen=True)
class FaceBatch:
    """Some faces of one split.

    Attributes:
      rows: int64 [n], numbers in the file.
      images: uint8 [n, size, size].
      contrast: float32 [n], see image_features.
      sharpness: float32 [n], see image_features.
      labels: float32 [n, 1] class ids, or [n, coordinates] pixels, NaN where missing.
      wrong_size: rows that are not among these, because their image has another number of bytes.
    """

    rows: Rows
    images: npt.NDArray[np.uint8]
    contrast: Floats
    sharpness: Floats
    labels: Floats
    wrong_size: Rows

    @classmethod
    def of(cls, batch: pa.RecordBatch, csv_format: FaceCsvFormat) -> FaceBatch:
        """Takes apart a batch of the tf.Examples that FaceCsvExampleGen writes."""
        size = csv_format.image_size
        rows = batch.column("row").flatten().to_numpy()
        cells = batch.column("image").flatten()
        fits = pc.equal(pc.binary_length(cells), size**2)
        pixels = np.frombuffer(b"".join(cells.filter(fits).to_pylist()), np.uint8)
        if csv_format.class_column:
            ids = {name.encode(): number for number, name in enumerate(csv_format.classes)}
            names = batch.column(csv_format.class_column).flatten().to_pylist()
            labels = np.array([ids.get(name, -1) for name in names], np.float32).reshape(-1, 1)
        else:
            labels = np.stack([_numbers(batch, name) for name in csv_format.point_columns], axis=1)
        is_good = fits.to_numpy(zero_copy_only=False)
        return cls(
            rows=rows[is_good],
            images=pixels.reshape(-1, size, size),
            contrast=_numbers(batch, "contrast")[is_good],
            sharpness=_numbers(batch, "sharpness")[is_good],
            labels=labels[is_good],
            wrong_size=rows[~is_good],
        )


def _numbers(batch: pa.RecordBatch, name: str) -> Floats:
    """float32 [n] of a feature with one value or none; NaN for none."""
    result = np.full(batch.num_rows, np.nan, np.float32)
    column = batch.column(name)
    if not pa.types.is_null(column.type):
        result[column.value_parent_indices().to_numpy()] = column.flatten().to_numpy()
    return result


class CheckFaces(beam.PTransform):
    """(split id, RecordBatch) -> Finding, at most one of each name."""

    def __init__(self, csv_format: FaceCsvFormat, split_names: list[str]) -> None:
        super().__init__()
        self._csv_format, self._split_names = csv_format, split_names

    def expand(self, batches: beam.PCollection) -> beam.PCollection:
        has_points = bool(self._csv_format.point_columns)
        look = partial(_look, csv_format=self._csv_format)
        looked = batches | "Look" >> beam.FlatMapTuple(look).with_outputs(_HITS, _SIGNATURES)
        hits = [looked[_HITS]]
        row_findings, signatures = [], looked[_SIGNATURES]
        if has_points:
            usual = (
                signatures
                | "Sample" >> beam.CombineGlobally(_sample).without_defaults()
                | "Learn" >> beam.Map(lambda sample: layouts.UsualLayout.learn(sample["label"]))
            )
            hits.append(signatures | "Far" >> beam.FlatMap(_far_layouts, beam.pvalue.AsSingleton(usual)))
            row_findings.append(usual | "Unchecked" >> beam.FlatMap(_unchecked))
        row_findings.append(
            hits
            | "AllHits" >> beam.Flatten()
            | "ByCheck" >> beam.CombinePerKey(_merge_hits)
            | "RowFindings" >> beam.MapTuple(partial(_row_finding, split_names=self._split_names))
        )
        tolerance = _POINT_TOLERANCE if has_points else _CLASS_TOLERANCE
        row_findings.append(
            signatures
            | "ByBand" >> beam.FlatMap(_by_band)
            | "Meet" >> beam.GroupByKey()
            | "Pair" >> beam.MapTuple(partial(_pairs, tolerance=tolerance))
            | "AllPairs" >> beam.CombineGlobally(_all_pairs).without_defaults()
            | "CopyFindings" >> beam.FlatMap(_copy_findings, self._split_names)
        )
        return row_findings | "AllFindings" >> beam.Flatten()


def _look(split: int, batch: pa.RecordBatch, csv_format: FaceCsvFormat) -> Iterator[beam.pvalue.TaggedOutput]:
    faces = FaceBatch.of(batch, csv_format)
    masks = image_checks.check_images(faces.images, faces.contrast, faces.sharpness)
    # Pictures that show nothing are all alike, and have been found already.
    shows = ~np.logical_or.reduce([masks[check] for check in image_checks.SHOW_NOTHING])
    if csv_format.mirrored_columns:
        columns = csv_format.point_columns
        pairs = [(columns.index(left), columns.index(right)) for left, right in csv_format.mirrored_columns]
        masks["swapped_points"] = layouts.swapped(faces.labels, pairs)
    found = {"wrong_size": faces.wrong_size, **{check: faces.rows[mask] for check, mask in masks.items()}}
    for check, rows in found.items():
        if len(rows):
            yield beam.pvalue.TaggedOutput(_HITS, (check, ({split: len(rows)}, rows)))
    signatures = duplicates.signatures(faces.rows[shows], split, faces.images[shows], faces.labels[shows])
    if len(signatures):
        yield beam.pvalue.TaggedOutput(_SIGNATURES, signatures)


def _merge_hits(hits: Iterable[tuple[dict[int, int], Rows]]) -> tuple[dict[int, int], Rows]:
    counts: Counter[int] = Counter()
    all_rows = [np.empty(0, np.int64)]
    for by_split, rows in hits:
        counts.update(by_split)
        all_rows.append(rows)
    return dict(counts), np.sort(np.concatenate(all_rows))[:MAX_ROWS]


def _row_finding(check: str, hits: tuple[dict[int, int], Rows], split_names: list[str]) -> Finding:
    by_split, rows = hits
    return _finding(check, {split_names[split]: count for split, count in by_split.items()}, rows.tolist())


def _finding(
    check: str, by_split: dict[str, int], rows: list[int], groups: list[tuple[int, ...]] | None = None
) -> Finding:
    described = CHECKS[check]
    count = sum(by_split.values())
    in_groups = f" in {_counted(len(groups), 'group')}" if groups else ""
    return Finding(
        name=check,
        severity=described.severity,
        message=f"{_counted(count, 'row')}{in_groups}: {described.meaning}",
        remedy=described.remedy,
        count=count,
        rows=tuple(rows[:MAX_ROWS]),
        groups=tuple(groups or ()),
        by_split=by_split,
    )


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'s' * (count != 1)}"


def _sample(parts: Iterable[duplicates.Signatures]) -> duplicates.Signatures:
    """The complete rows with the lowest digests: picked by the pictures alone, whatever the order and the runner."""
    rows: duplicates.Signatures = np.concatenate(list(parts))
    complete = rows[~np.isnan(rows["label"]).any(axis=1)]
    order = np.argsort(complete["digest"], kind="stable")
    sample: duplicates.Signatures = complete[order[: layouts.MAX_SAMPLE]]
    return sample


def _far_layouts(signatures: duplicates.Signatures, usual: layouts.UsualLayout | None) -> Iterator[Hits]:
    if usual is None:
        return
    far = signatures[usual.far(signatures["label"])]
    if len(far):
        yield "layout_outliers", (dict(Counter(far["split"].tolist())), far["row"])


def _unchecked(usual: layouts.UsualLayout | None) -> Iterator[Finding]:
    if usual is None:
        check = CHECKS["layouts_unchecked"]
        yield Finding("layouts_unchecked", check.severity, check.meaning, check.remedy)


def _by_band(signatures: duplicates.Signatures) -> Iterator[tuple[tuple[int, int], duplicates.Signatures]]:
    values = duplicates.band_values(signatures)
    for band in range(duplicates.BANDS):
        for shard in range(_SHARDS):
            part = signatures[values[:, band] % _SHARDS == shard]
            if len(part):
                yield (band, shard), part


def _pairs(key: tuple[int, int], parts: Iterable[duplicates.Signatures], tolerance: float) -> duplicates.Pairs:
    band, _ = key
    return duplicates.find_pairs(np.concatenate(list(parts)), band, tolerance)


def _all_pairs(parts: Iterable[duplicates.Pairs]) -> duplicates.Pairs:
    pairs: duplicates.Pairs = np.unique(np.concatenate(list(parts)))
    return pairs


def _copy_findings(pairs: duplicates.Pairs, split_names: list[str]) -> Iterator[Finding]:
    splits = dict(zip(pairs["rows"].ravel().tolist(), pairs["splits"].ravel().tolist(), strict=True))
    for kind, (within, across, conflicting) in {
        True: ("duplicates", "duplicates_across_splits", "conflicting_labels"),
        False: ("near_duplicates", "near_duplicates_across_splits", "conflicting_near_duplicates"),
    }.items():
        of_kind = pairs[pairs["same"] == kind]
        in_conflict = set(of_kind["rows"][of_kind["conflict"]].ravel().tolist())
        by_check: dict[str, list[tuple[int, ...]]] = {within: [], across: [], conflicting: []}
        for group in duplicates.groups_of(of_kind):
            by_check[across if len({splits[row] for row in group}) > 1 else within].append(group)
            if in_conflict & set(group):
                by_check[conflicting].append(group)
        for check, groups in by_check.items():
            rows = sorted(row for group in groups for row in group)
            if rows:
                by_split = Counter(split_names[splits[row]] for row in rows)
                yield _finding(check, dict(by_split), rows, groups[:MAX_ROWS])
