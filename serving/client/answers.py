"""What the models say of one picture."""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt

# By class id.
EMOTIONS = ("Angry", "Disgust", "Sad", "Happy", "Surprise")
# In the model's order. "left" is the left of the person in the picture: the larger x.
POINTS = (
    "left_eye_center",
    "right_eye_center",
    "left_eye_inner_corner",
    "left_eye_outer_corner",
    "right_eye_inner_corner",
    "right_eye_outer_corner",
    "left_eyebrow_inner_end",
    "left_eyebrow_outer_end",
    "right_eyebrow_inner_end",
    "right_eyebrow_outer_end",
    "nose_tip",
    "mouth_left_corner",
    "mouth_right_corner",
    "mouth_center_top_lip",
    "mouth_center_bottom_lip",
)


@dataclasses.dataclass(frozen=True)
class Emotion:
    """What emotion_ai says of a picture.

    Attributes:
      label: the most probable of EMOTIONS.
      class_id: its index there.
      probabilities: of each of EMOTIONS, by name; they add up to 1.
    """

    label: str
    class_id: int
    probabilities: dict[str, float]


@dataclasses.dataclass(frozen=True)
class Keypoints:
    """What facial_keypoints says of a picture.

    Attributes:
      points: (x, y) of each of POINTS, by name, in pixels of the picture that was sent; (0, 0) is the centre of its
        first pixel.
    """

    points: dict[str, tuple[float, float]]

    @property
    def array(self) -> npt.NDArray[np.float32]:
        """The same, float32 [15, 2], in the order of POINTS."""
        return np.array([self.points[name] for name in POINTS], np.float32)


@dataclasses.dataclass(frozen=True)
class ImageError:
    """Stands in the place of an answer where this one picture could not be read; says why."""

    message: str
