"""The data of a branch: counted, charted, drawn; nothing is made up where something is missing."""

from __future__ import annotations

import dataclasses
import html
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from dashboard.face_maps import BIN, count_points, mean_face
from dashboard.faces import Faces, find_examples, read_faces, split_names
from dashboard.runs import Artifact, Branch
from dashboard.sections import data
from dashboard.statistics import read_file, read_split
from dashboard.thumbnails import sample, sided
from tests.dashboard.damaged import BAD_ROW, SWAPPED_ROW, without


def bodies(branch: Branch) -> dict[str, str]:
    """Section id -> HTML."""
    return {section.id: str(section.body) for section in data.sections(branch)}


def charts(body: str) -> dict[str, Any]:
    """Title -> figure of the charts in some HTML."""
    found = re.findall(r'aria-label="([^".]*)\..*?data-figure="([^"]*)"', body, re.DOTALL)
    return {html.unescape(title): json.loads(html.unescape(figure)) for title, figure in found}


def all_faces(branch: Branch) -> dict[str, Faces]:
    examples = find_examples(branch)
    assert examples
    return {split: read_faces(examples.uri, split) for split in split_names(examples)}


def artifact(branch: Branch, kind: str) -> Artifact:
    found = branch.output(kind)
    assert found
    return found


def test_rows_are_counted_and_those_in_quarantine_named(damaged_emotion: Branch) -> None:
    body = bodies(damaged_emotion)["emotion-data"]

    examples = find_examples(damaged_emotion)
    assert examples
    counts = data.read_row_counts(examples)
    assert f"{counts['read']:,}" in body and f"Fear {counts['left_out:Fear']:,}" in body
    bar = charts(body)["Where the rows went"]["data"]
    assert sum(part["x"][0] for part in bar) == counts["read"]
    assert f'<th scope="row">{BAD_ROW}</th>' in " ".join(body.split()) and 'id="emotion-quarantine"' in body
    # What stands in the file is no HTML.
    assert "&lt;3&gt;" in body and "<3>" not in body


def test_row_counts_come_from_the_file_where_the_property_is_gone(damaged_emotion: Branch) -> None:
    examples = find_examples(damaged_emotion)
    assert examples
    bare = dataclasses.replace(examples, properties={})

    assert data.read_row_counts(bare) == data.read_row_counts(examples)


def test_class_mix_is_that_of_the_rows(damaged_emotion: Branch) -> None:
    bars = charts(bodies(damaged_emotion)["emotion-looks"])["Class mix"]["data"]

    for bar in bars:
        classes = all_faces(damaged_emotion)[bar["name"]].classes
        assert classes is not None
        assert bar["x"] == ["Angry", "Disgust", "Sad", "Happy", "Surprise"]
        assert bar["customdata"] == [int((classes == name).sum()) for name in bar["x"]]
        assert sum(bar["y"]) == pytest.approx(1)


def test_histograms_are_near_those_of_the_rows(damaged_emotion: Branch) -> None:
    statistics = read_split(artifact(damaged_emotion, "ExampleStatistics").uri, "train")
    assert statistics
    values = all_faces(damaged_emotion)["train"].looks["brightness"]
    edges = np.linspace(0, 1, 11)

    shares = statistics.numbers["brightness"].shares(edges)

    assert shares.sum() == pytest.approx(1)
    exact = np.histogram(values, edges)[0] / len(values)
    assert np.abs(np.cumsum(shares) - np.cumsum(exact)).max() < 0.03


def test_values_that_are_all_the_same_fall_into_one_bin(damaged_emotion: Branch) -> None:
    statistics = read_split(artifact(damaged_emotion, "ExampleStatistics").uri, "train")
    assert statistics

    assert statistics.numbers["height"].shares(np.array([0.0, 40.0, 50.0, 60.0])).tolist() == [0, 1, 0]


def test_statistics_that_are_not_there_are_none(tmp_path: Path) -> None:
    assert read_file(str(tmp_path / "none.pb")) is None


def test_drift_is_beside_what_the_served_model_has_learned_from(damaged_emotion: Branch) -> None:
    body = bodies(damaged_emotion)["emotion-drift"]

    served, now = charts(body)["Brightness"]["data"]
    assert (served["name"], now["name"]) == ("version 1", "train, now")
    middle = [np.average(one["x"], weights=one["y"]) for one in (served, now)]
    assert middle[1] > middle[0] + 0.15
    assert "Moved by more than is allowed: brightness" in body


def test_drift_says_so_where_the_served_version_is_gone(damaged_emotion: Branch) -> None:
    moved = dataclasses.replace(
        damaged_emotion,
        nodes=tuple(
            dataclasses.replace(node, parameters={**node.parameters, "model_base_path": "/nowhere"})
            for node in damaged_emotion.nodes
        ),
    )

    assert "version 1, which is gone" in bodies(moved)["emotion-drift"]


def test_no_drift_without_a_served_model(damaged_keypoints: Branch) -> None:
    assert "keypoints-drift" not in bodies(damaged_keypoints)


def test_every_class_has_faces_and_says_of_how_many(damaged_emotion: Branch) -> None:
    body = bodies(damaged_emotion)["emotion-faces"]

    for name in ("Angry", "Disgust", "Sad", "Happy", "Surprise"):
        places, total = sample(all_faces(damaged_emotion), 18, name)
        assert total > 18 and f"{name} <small>(18 of {total})" in " ".join(body.split())
        assert {place.faces.classes[place.position] for place in places if place.faces.classes is not None} == {name}
        assert all(f"row {place.row} · {place.split} · {name}" in body for place in places)


def test_a_sample_is_the_same_each_time_and_holds_no_face_twice(damaged_emotion: Branch) -> None:
    places, _ = sample(all_faces(damaged_emotion), 50)
    again, _ = sample(all_faces(damaged_emotion), 50)

    rows = [place.row for place in places]
    assert rows == [place.row for place in again] and len(set(rows)) == 50
    assert {place.split for place in places} == {"train", "eval", "test"}


def test_missing_points_are_counted(damaged_keypoints: Branch) -> None:
    body = bodies(damaged_keypoints)["keypoints-faces"]

    [bars] = charts(body)["How often points are missing"]["data"]
    missing = dict(zip(bars["y"], bars["customdata"], strict=True))
    expected = dict.fromkeys(missing, 0)
    for faces in all_faces(damaged_keypoints).values():
        assert faces.points is not None
        for number, name in enumerate(faces.point_names):
            expected[name.replace("_", " ")] += int(np.isnan(faces.points[:, number, 0]).sum())
    assert missing == expected and len(missing) == 15 and max(missing.values()) > 10


def test_all_marked_points_lie_in_the_heat_map(damaged_keypoints: Branch) -> None:
    faces = list(all_faces(damaged_keypoints).values())

    counts = count_points(faces)

    marked = [one.points[np.isfinite(one.points).all(axis=2)] for one in faces if one.points is not None]
    assert counts.shape == (96 / BIN, 96 / BIN) and counts.sum() == sum(map(len, marked))
    [heat] = charts(bodies(damaged_keypoints)["keypoints-faces"])["Where the points lie, over the mean face"]["data"]
    assert np.array(heat["customdata"]).sum() == counts.sum()


def test_points_are_counted_from_the_centre_of_the_first_pixel() -> None:
    points = np.array([[[-0.5, 0.4], [1.49, 3.4], [3.6, 0.0], [np.nan, np.nan]]], np.float32)
    faces = Faces(np.array([1]), np.zeros((1, 4, 4), np.uint8), None, points, ("a", "b", "c", "d"), {})

    # The third lies right of the last pixel, which ends at 3.5.
    assert count_points([faces]).tolist() == [[1, 0], [1, 0]]


def test_an_image_of_another_size_does_not_hide_the_others(tmp_path: Path) -> None:
    (tmp_path / "Split-train").mkdir()
    with tf.io.TFRecordWriter(str(tmp_path / "Split-train" / "data_tfrecord-00000-of-00001")) as file:
        for row, size in ((1, 16), (2, 15), (3, 16)):
            example = tf.train.Example()
            for name, number in (("row", row), ("height", 4), ("width", 4)):
                example.features.feature[name].int64_list.value.append(number)
            example.features.feature["image"].bytes_list.value.append(bytes([row] * size))
            file.write(example.SerializeToString())

    faces = read_faces(str(tmp_path), "train")

    assert faces.rows.tolist() == [1, 3] and faces.images[1].tolist() == [[3] * 4] * 4


def test_mean_face_uses_all_grays(damaged_keypoints: Branch) -> None:
    mean = mean_face(list(all_faces(damaged_keypoints).values()))

    assert (mean.shape, mean.min(), mean.max()) == ((96, 96), 0, 255)


def test_points_are_told_apart_by_the_side_that_they_are_named_after(damaged_keypoints: Branch) -> None:
    places, _ = sample(all_faces(damaged_keypoints), 60)
    [swapped] = [place for place in places if place.row == SWAPPED_ROW]

    sides = sided(swapped)

    assert {side: len(points) for side, points in sides.items()} == {"left": 6, "right": 6, "true": 3}


@pytest.mark.parametrize(
    ("state", "text"),
    [("running", "is at work"), ("waiting", "has not begun"), ("skipped", "did not run"), ("failed", "…/faces.csv")],
)
def test_says_why_there_are_no_data(damaged_emotion: Branch, state: Any, text: str) -> None:
    found = bodies(without(damaged_emotion, "ExampleGen", state, "/some/folder/faces.csv: no rows"))

    # AnomalyGate has not passed any Examples on either.
    assert list(found) == ["emotion-data"] and text in found["emotion-data"]
    assert "/some/folder" not in found["emotion-data"]


def test_shows_what_there_is_while_statistics_are_made(damaged_keypoints: Branch) -> None:
    found = bodies(without(damaged_keypoints, "StatisticsGen", "running"))

    assert list(found) == ["keypoints-data", "keypoints-looks", "keypoints-faces"]
    assert "KeypointsStatisticsGen is at work" in found["keypoints-looks"]
    assert "Where the points lie" in found["keypoints-faces"]


def test_survives_files_that_are_gone(damaged_emotion: Branch, tmp_path: Path) -> None:
    gone = dataclasses.replace(
        damaged_emotion,
        nodes=tuple(
            dataclasses.replace(
                node,
                outputs={
                    key: tuple(dataclasses.replace(one, uri=str(tmp_path / key)) for one in artifacts)
                    for key, artifacts in node.outputs.items()
                },
            )
            for node in damaged_emotion.nodes
        ),
    )

    found = bodies(gone)

    assert "files are missing or broken" in found["emotion-faces"]
    assert "files are missing or broken" in found["emotion-looks"]
