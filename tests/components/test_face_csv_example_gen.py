"""The real executor on small files: records, splits, counts, and clear refusals."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from components.errors import InputError
from components.face_csv_example_gen.csv_format import FaceCsvFormat
from components.face_csv_example_gen.executor import ROW_COUNTS_PROPERTY
from pipeline.emotion import features as emotion
from pipeline.keypoints import features as keypoints
from tests.data_chain import read_csv

Records = dict[str, list[tf.train.Example]]
Ingest = Callable[..., tuple[Records, dict[str, int]]]


@pytest.fixture
def ingest(tmp_path: Path) -> Ingest:
    def run(csv: Path, csv_format: FaceCsvFormat, coding: str = "auto", split: str = "hash") -> Any:
        examples = read_csv(tmp_path, csv, csv_format, coding=coding, split=split)
        records = {
            split: [
                tf.train.Example.FromString(record.numpy())
                for path in sorted(Path(examples.uri, f"Split-{split}").iterdir())
                for record in tf.data.TFRecordDataset(str(path))
            ]
            for split in ("train", "eval", "test")
        }
        return records, json.loads(examples.get_string_custom_property(ROW_COUNTS_PROPERTY))

    return run


def all_records(records: Records) -> list[tf.train.Example]:
    return [example for split in records.values() for example in split]


def test_emotions_are_ingested_whole(drawn_csvs: tuple[Path, Path], ingest: Ingest) -> None:
    records, counts = ingest(drawn_csvs[1], emotion.CSV_FORMAT)
    rows = [line.split(",") for line in drawn_csvs[1].read_text().splitlines()[1:]]
    names = emotion.CSV_FORMAT.class_codings["fer2013"]
    assert counts["read"] == len(rows) == 300
    assert counts["left_out"] == sum(names[row[0]] in ("Fear", "Neutral") for row in rows)
    assert counts["left_out:Fear"] == sum(row[0] == "2" for row in rows)
    examples = all_records(records)
    assert len(examples) == counts["read"] - counts["left_out"]
    for example in examples:
        feature = example.features.feature
        label, _, pixels = rows[feature["row"].int64_list.value[0] - 1]
        assert feature["emotion"].bytes_list.value == [names[label].encode()]
        image = np.array(pixels.split(), np.uint8)
        assert feature["image"].bytes_list.value == [image.tobytes()]
        assert feature["height"].int64_list.value == feature["width"].int64_list.value == [48]
        assert feature["brightness"].float_list.value[0] == pytest.approx(image.mean() / 255, abs=1e-5)
        assert feature["contrast"].float_list.value[0] == pytest.approx(image.std() / 255, abs=1e-5)
    assert {split: len(found) for split, found in records.items()} == {
        split: counts[split] for split in ("train", "eval", "test")
    }


def test_missing_points_have_no_value(drawn_csvs: tuple[Path, Path], ingest: Ingest) -> None:
    records, counts = ingest(drawn_csvs[0], keypoints.CSV_FORMAT)
    rows = [line.split(",") for line in drawn_csvs[0].read_text().splitlines()[1:]]
    assert counts["read"] == len(all_records(records)) == len(rows)
    for example in all_records(records):
        feature = example.features.feature
        cells = rows[feature["row"].int64_list.value[0] - 1][:30]
        for name, cell in zip(keypoints.COORDINATES, cells, strict=True):
            # Not an empty list either: TFDV would report that on every column.
            assert (feature[name].WhichOneof("kind") is None) == (not cell)
            assert list(feature[name].float_list.value) == pytest.approx([float(cell)] if cell else [], abs=1e-4)


def test_the_same_picture_never_stands_on_both_sides(tmp_path: Path, ingest: Ingest) -> None:
    rng = np.random.default_rng(0)
    pictures = [" ".join(map(str, rng.integers(0, 256, 2304))) for _ in range(40)]
    rows = [f"{label},{picture}" for picture in pictures for label in (0, 3, 5)]
    (tmp_path / "a.csv").write_text("emotion,pixels\n" + "\n".join(rows) + "\n")
    records, _ = ingest(tmp_path / "a.csv", emotion.CSV_FORMAT)
    images = {
        split: {example.features.feature["image"].bytes_list.value[0] for example in found}
        for split, found in records.items()
    }
    assert sum(len(found) for found in images.values()) == len(pictures)


def test_split_by_usage(drawn_csvs: tuple[Path, Path], ingest: Ingest) -> None:
    records, _ = ingest(drawn_csvs[1], emotion.CSV_FORMAT, split="usage")
    rows = [line.split(",", 2)[1] for line in drawn_csvs[1].read_text().splitlines()[1:]]
    for split, usage in (("train", "Training"), ("eval", "PublicTest"), ("test", "PrivateTest")):
        assert {rows[e.features.feature["row"].int64_list.value[0] - 1] for e in records[split]} == {usage}


def test_without_private_test_the_public_one_is_the_test(
    tmp_path: Path, drawn_csvs: tuple[Path, Path], ingest: Ingest
) -> None:
    lines = [line for line in drawn_csvs[1].read_text().splitlines() if "PrivateTest" not in line]
    (tmp_path / "public.csv").write_text("\n".join(lines) + "\n")
    records, _ = ingest(tmp_path / "public.csv", emotion.CSV_FORMAT, split="usage")
    usages = {
        split: {lines[e.features.feature["row"].int64_list.value[0]].split(",", 2)[1] for e in found}
        for split, found in records.items()
    }
    assert usages == {"train": {"Training"}, "eval": {"Training"}, "test": {"PublicTest"}}
    assert 0 < len(records["eval"]) < len(records["train"]) / 4


def test_relabelled_files_need_a_word(tmp_path: Path, drawn_csvs: tuple[Path, Path], ingest: Ingest) -> None:
    lines = drawn_csvs[1].read_text().splitlines()
    kept = [line for line in lines[1:] if line[0] in "01234"]
    (tmp_path / "five.csv").write_text("\n".join([lines[0], *kept]) + "\n")
    with pytest.raises(InputError, match=r"--emotion-coding .*five: 0 Angry, 1 Disgust, 2 Sad"):
        ingest(tmp_path / "five.csv", emotion.CSV_FORMAT)
    _, counts = ingest(tmp_path / "five.csv", emotion.CSV_FORMAT, coding="five")
    assert (counts["read"], counts["left_out"]) == (len(kept), 0)


def test_a_file_that_breaks_off_ends_in_one_clear_message(
    tmp_path: Path, drawn_csvs: tuple[Path, Path], ingest: Ingest
) -> None:
    path = tmp_path / "training.csv.gz"
    path.write_bytes(gzip.compress(drawn_csvs[0].read_bytes())[:-100])
    with pytest.raises(InputError, match=r"^\S+training.csv.gz: cannot be read .* download it again\.$"):
        ingest(path, keypoints.CSV_FORMAT)
    (tmp_path / "cut.csv").write_bytes(drawn_csvs[0].read_bytes() + b"1,2\n")
    with pytest.raises(InputError, match=r"^\S+cut.csv: row 61: 2 cells .* remove that row\.$"):
        ingest(tmp_path / "cut.csv", keypoints.CSV_FORMAT)


def test_bad_rows_go_to_quarantine_and_all_others_are_used(
    tmp_path: Path, drawn_csvs: tuple[Path, Path], ingest: Ingest
) -> None:
    header, *rows = drawn_csvs[1].read_text().splitlines()
    (tmp_path / "a.csv").write_text("\n".join([header, "0,Training,1 2 3", *rows, *["7,Training,1"] * 2000]) + "\n")
    records, counts = ingest(tmp_path / "a.csv", emotion.CSV_FORMAT, coding="fer2013")
    assert (counts["read"], counts["bad"]) == (2301, 2001)
    assert len(all_records(records)) == 300 - counts["left_out"]
    lines = [json.loads(line) for line in (tmp_path / "examples" / "quarantine.jsonl").read_text().splitlines()]
    assert sorted(line["row"] for line in lines) == [1, *range(302, 2302)]
    assert {
        "file": str(tmp_path / "a.csv"),
        "row": 1,
        "column": "pixels",
        "value": "",
        "reason": "3 pixels, expected 2304 (48x48)",
    } in lines


def test_a_clean_file_has_an_empty_quarantine(tmp_path: Path, drawn_csvs: tuple[Path, Path], ingest: Ingest) -> None:
    _, counts = ingest(drawn_csvs[0], keypoints.CSV_FORMAT)
    assert counts["bad"] == 0
    assert (tmp_path / "examples" / "quarantine.jsonl").read_text() == ""


def test_too_few_rows_for_the_splits(tmp_path: Path, drawn_csvs: tuple[Path, Path], ingest: Ingest) -> None:
    header, first, *_ = drawn_csvs[0].read_text().splitlines()
    (tmp_path / "a.csv").write_text(f"{header}\n{first}\n")
    with pytest.raises(InputError, match="no rows for the split"):
        ingest(tmp_path / "a.csv", keypoints.CSV_FORMAT)
