"""The command `emotion-ai predict`: photos in, a table and drawn photos out."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from PIL import Image
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from serving.client.answers import ImageError
from serving.client.interface import Client
from serving.errors import UsageError
from serving.photos.drawing import FaceAnswer, draw_answers
from serving.photos.faces import Box, PhotoError, crop, find_faces, open_photo, to_photo

_JPEG_QUALITY = 92


def predict_photos(
    paths: Sequence[Path],
    client: Client,
    out_folder: Path | None,
    terminal: TextIO,
    *,
    version: int | None = None,
    label: str | None = None,
) -> bool:
    """Asks both models about each face in the photos; writes NAME-faces.jpg or .png, and a table to the terminal.

    A photo that cannot be used gets one line, and the others go on.

    Args:
      paths: of the photos.
      client: of the server.
      out_folder: for the drawn photos, made where it is missing; None for beside each photo. A file of that name is
        replaced.
      terminal: for what people should see.
      version: of both models; None for the newest.
      label: of a version of both models.

    Returns:
      Whether each photo could be used and had a face in it.

    Raises:
      UsageError: OpenCV is missing, or the drawn photos cannot be written.
      StatusError: the server does not answer, or not as expected.
    """
    console = Console(file=terminal, width=None if terminal.isatty() else 110, highlight=False)
    table = Table("photo", "face", "emotion", "probability", "box", box=None, pad_edge=False, header_style="bold")
    sources: dict[Path, Path] = {}
    failed = 0
    try:
        for path in paths:
            try:
                photo = open_photo(path, str(path))
                boxes = find_faces(photo)
                if not boxes:
                    raise PhotoError(f"{path}: no face found. Use a photo of somebody who looks into the camera.")
                out = _out_file(path, photo, out_folder)
                if out in sources:
                    raise PhotoError(f"{path}: {out} is {sources[out]} already. Use another --out for one of them.")
                faces = _ask(client, photo, boxes, version, label)
            except PhotoError as error:
                failed += 1
                console.print(f"[red]{escape(str(error))}[/]", soft_wrap=True)
                continue
            _write_whole(draw_answers(photo, faces), out)
            sources[out] = path
            for number, face in enumerate(faces, 1):
                table.add_row(escape(path.name), str(number), *_describe(face))
    finally:
        # Also where the server is gone half-way: so far the photos have been written.
        if sources:
            console.print(table)
            console.print("Written: " + ", ".join(escape(str(out)) for out in sources), soft_wrap=True)
    if failed:
        console.print(f"{failed} of {len(paths)} photos have no answer.")
    return not failed


def _ask(
    client: Client, photo: Image.Image, boxes: list[Box], version: int | None, label: str | None
) -> list[FaceAnswer]:
    crops = [crop(photo, box) for box in boxes]
    emotions = client.emotions(crops, version=version, label=label)
    keypoints = client.keypoints(crops, version=version, label=label)
    return [
        FaceAnswer(box, emotion, None if isinstance(points, ImageError) else to_photo(points.array, box))
        for box, emotion, points in zip(boxes, emotions, keypoints, strict=True)
    ]


def _describe(face: FaceAnswer) -> tuple[str, str, str]:
    """Emotion, probability and box, for the table."""
    box = f"{face.box.width}x{face.box.height} at ({face.box.left}, {face.box.top})"
    if isinstance(face.emotion, ImageError):
        return f"[red]{escape(face.emotion.message)}[/]", "", box
    return face.emotion.label, f"{face.emotion.probabilities[face.emotion.label]:.3f}", box


def _out_file(path: Path, photo: Image.Image, folder: Path | None) -> Path:
    return (folder or path.parent) / f"{path.stem}-faces.{'jpg' if photo.format == 'JPEG' else 'png'}"


def _write_whole(picture: Image.Image, path: Path) -> None:
    """Writes the file aside first, so that it is there whole or not at all."""
    aside = path.with_name(f".{os.getpid()}-{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        picture.save(aside, "JPEG" if path.suffix == ".jpg" else "PNG", quality=_JPEG_QUALITY)
        aside.replace(path)
    except OSError as error:
        raise UsageError(f"{path}: cannot be written ({error.strerror}). Check --out.") from None
    finally:
        with contextlib.suppress(OSError):
            aside.unlink()
