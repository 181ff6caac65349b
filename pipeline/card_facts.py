"""What a model card says that is in no artifact: intended use, limits, commit."""

from __future__ import annotations

import subprocess
from pathlib import Path

_ROOT = Path(__file__).resolve().parent.parent

_NOT_FOR_DECISIONS = (
    "Not for decisions about people, of any kind: neither hiring, schooling, policing, insurance nor medicine."
)

# Task name -> sentences of its model card.
DESCRIPTIONS: dict[str, dict[str, list[str]]] = {
    "keypoints": {
        "intended_use": [
            "Places 15 points (eyes, eyebrows, nose, mouth) on the picture of one face.",
            "For teaching, for experiments, and as a first step of programs that align faces.",
            _NOT_FOR_DECISIONS,
            "Not for recognising or tracking people.",
        ],
        "limits": [
            "Made for crops of 96x96 pixels that one roughly frontal face fills.",
            "Small, turned, covered or cut-off faces are out of range; the points are given all the same.",
            "It does not say whether there is a face in the picture, nor how sure it is of a point.",
            "Most rows of Kaggle's data mark only 4 of the 15 points: the other 11 have been learned from fewer faces.",
            "Who is shown in the data is not recorded, so that nobody has measured whether it errs more on some "
            "people than on others.",
        ],
        "inputs": [
            "PNG or JPEG files of any size, resized to 96x96 pixels; or gray values 0..255 of 96x96 pixels; or "
            "serialized tf.Examples with 96x96 bytes.",
        ],
        "outputs": [
            "'keypoints': x and y of the 15 points in pixels of the picture that was sent, from the centre of its "
            "upper left one; 'keypoints_96x96': in those of the 96x96 picture that the model saw.",
            "Left and right are those of the person in the picture.",
        ],
    },
    "emotion": {
        "intended_use": [
            "Says which of five emotions people would likely name at the sight of a face: Angry, Disgust, Sad, Happy "
            "or Surprise.",
            "For teaching and for experiments.",
            _NOT_FOR_DECISIONS,
        ],
        "limits": [
            "It judges an expression in a picture, not what a person feels.",
            "Made for gray crops of 48x48 pixels that one roughly frontal face fills; small, turned or covered faces "
            "are out of range.",
            "It knows the five classes only: a neutral or a frightened face gets one of them, too. Fear and Neutral of "
            "FER2013 are left out.",
            "FER2013's labels are annotations of posed and found pictures from the web; a considerable part of them is "
            "doubtful: people agreed with about two thirds of them (Goodfellow et al., 2013).",
            "Who is shown in FER2013 is biased and not recorded (age, sex, skin colour, culture), so that nobody has "
            "measured whether it errs more on some people than on others.",
            "Disgust is rare in the data: what is said of it rests on few faces.",
            "The probabilities are not calibrated; the calibration error says by how much they are off.",
        ],
        "inputs": [
            "PNG or JPEG files of any size, resized to 48x48 pixels; or gray values 0..255 of 48x48 pixels; or "
            "serialized tf.Examples with 48x48 bytes.",
        ],
        "outputs": [
            "'probabilities': of Angry, Disgust, Sad, Happy and Surprise, in this order; they add up to 1.",
            "'class_id' and 'label': number and name of the most probable class.",
        ],
    },
}


def commit() -> str:
    """Git's name of the code's commit, with '-dirty' where files differ from it; 'unknown' where there is no git."""
    # Without this, an installation below some other project would be called by that project's commit.
    if not (_ROOT / ".git").exists():
        return "unknown"
    command = ["git", "-C", str(_ROOT), "describe", "--always", "--dirty"]
    try:
        described = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return described.stdout.strip()
