"""Photos in, a table and drawn photos out: with a real server."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from serving.client import Emotion, RestClient
from serving.client.grpc_client import GrpcClient
from serving.errors import StatusError, UsageError
from serving.photos.faces import crop, find_faces, open_photo
from serving.photos.predict import predict_photos
from tests.serving.conftest import STABLE
from tests.serving.local_server import LocalServer
from tests.serving.photos.pictures import ASTRONAUT, close_up


def shown_emotion(server: LocalServer, **which: int) -> tuple[str, str]:
    """Label and probability of the astronaut, asked for directly."""
    photo = open_photo(ASTRONAUT, "astronaut.jpg")
    with RestClient(server.rest) as client:
        [emotion] = client.emotions([crop(photo, find_faces(photo)[0])], **which)
    assert isinstance(emotion, Emotion)
    return emotion.label, f"{emotion.probabilities[emotion.label]:.3f}"


def test_a_photo_gets_a_table_and_a_drawn_copy(served: LocalServer, tmp_path: Path) -> None:
    terminal = io.StringIO()
    with GrpcClient(served.grpc) as client:
        assert predict_photos([ASTRONAUT], client, tmp_path / "new" / "folder", terminal)
    [row] = [line for line in terminal.getvalue().splitlines() if line.startswith("astronaut.jpg")]
    assert row.split()[1] == "1"
    assert row.split()[2:4] == list(shown_emotion(served))
    out = tmp_path / "new" / "folder" / "astronaut-faces.jpg"
    assert str(out) in terminal.getvalue().replace("\n", "")
    assert [path.name for path in out.parent.iterdir()] == [out.name]
    with Image.open(out) as drawn, Image.open(ASTRONAUT) as photo:
        assert (drawn.format, drawn.size) == ("JPEG", photo.size)
        changed = abs(np.asarray(drawn).astype(int) - np.asarray(photo)).max(axis=-1) > 60
    assert changed[40:180, 160:290].sum() > 300
    # Far from the face only JPEG itself has changed something.
    assert not changed[300:].any()


def test_without_out_the_copy_stands_beside_the_photo(served: LocalServer, tmp_path: Path) -> None:
    photo = tmp_path / "face [1].png"
    close_up(48).save(photo)
    terminal = io.StringIO()
    with RestClient(served.rest) as client:
        assert predict_photos([photo], client, None, terminal)
    assert "face [1].png" in terminal.getvalue()
    with Image.open(tmp_path / "face [1]-faces.png") as drawn:
        assert drawn.size == (480, 480)


def test_version_is_asked(served: LocalServer, tmp_path: Path) -> None:
    terminal = io.StringIO()
    with RestClient(served.rest) as client:
        predict_photos([ASTRONAUT], client, tmp_path, terminal, version=STABLE)
        assert " ".join(shown_emotion(served, version=STABLE)) in " ".join(terminal.getvalue().split())
        with pytest.raises(StatusError, match="77"):
            predict_photos([ASTRONAUT], client, tmp_path, terminal, version=77)


def test_bad_photos_are_told_and_the_others_go_on(served: LocalServer, tmp_path: Path) -> None:
    text, blank, copy = tmp_path / "text.jpg", tmp_path / "blank.png", tmp_path / "copy" / "astronaut.jpg"
    text.write_text("no picture")
    Image.new("RGB", (400, 300), "white").save(blank)
    copy.parent.mkdir()
    copy.write_bytes(ASTRONAUT.read_bytes())
    terminal = io.StringIO()
    with RestClient(served.rest) as client:
        paths = [text, tmp_path / "none.jpg", blank, ASTRONAUT, copy, tmp_path]
        assert not predict_photos(paths, client, tmp_path / "out", terminal)
    told = terminal.getvalue()
    for line in (
        f"{text}: no picture",
        f"{tmp_path / 'none.jpg'}: no such file",
        f"{blank}: no face found",
        f"{copy}: {tmp_path / 'out' / 'astronaut-faces.jpg'} is {ASTRONAUT} already",
        f"{tmp_path}: a folder",
        "5 of 6 photos have no answer",
    ):
        assert line in told
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["astronaut-faces.jpg"]


def test_an_unwritable_place_and_a_missing_server_are_told(served: LocalServer, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("in the way")
    with RestClient(served.rest) as client, pytest.raises(UsageError, match=r"cannot be written.*--out"):
        predict_photos([ASTRONAUT], client, file / "below", io.StringIO())
    with RestClient("http://127.0.0.1:1", retries=0) as client, pytest.raises(StatusError, match="refused"):
        predict_photos([ASTRONAUT], client, tmp_path, io.StringIO())
