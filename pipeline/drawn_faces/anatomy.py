"""From who a face is, what it expresses and where it looks, to the geometry of its features.

Three frames are used. Head space: x to the image's right, y down, z towards the viewer, origin inside the
head behind the nose; units are pixels of a 96-pixel crop. Face plane: head space after yaw and pitch, seen
straight on. Image: the face plane after roll, scale and translation, in pixels of a 96x96 image.
Side 0 is the subject's right (small x), side 1 the subject's left, as in the Kaggle column names.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.drawn_faces.expressions import ActionUnits, FloatArray

Values = npt.NDArray[np.floating[Any]]

SIDES = np.array([-1.0, 1.0], np.float32)


def _rounded(values: Values) -> FloatArray:
    """Four decimals, so that the last bits of a platform's sin, cos or normal never reach a pixel."""
    rounded: FloatArray = np.round(values, 4).astype(np.float32)
    return rounded


@dataclass(frozen=True)
class Pose:
    """Where the head is and looks; each array has shape (faces,). Angles are kept as sine and cosine."""

    yaw: FloatArray  # sine
    pitch: FloatArray  # sine
    roll_sin: FloatArray
    roll_cos: FloatArray
    scale: FloatArray
    centre_x: FloatArray  # image pixels
    centre_y: FloatArray


@dataclass(frozen=True)
class Framing:
    """How a data set crops its faces: mean and spread of the face's size and place in the image."""

    scale: float
    scale_spread: float
    centre_y: float
    shift_spread: float
    angle_spread: float  # degrees, of roll; yaw and pitch follow it


def sample_pose(faces: int, framing: Framing, rng: np.random.Generator) -> Pose:
    """Poses for a number of faces under a data set's framing; nothing further out than 2.2 spreads."""
    deviates = np.clip(rng.standard_normal((6, faces)), -2.2, 2.2)
    yaw, pitch, roll = np.radians(framing.angle_spread) * deviates[:3] * np.array([[1.5], [0.9], [1.0]])
    return Pose(
        yaw=_rounded(np.sin(yaw)),
        pitch=_rounded(np.sin(pitch)),
        roll_sin=_rounded(np.sin(roll)),
        roll_cos=_rounded(np.cos(roll)),
        scale=_rounded(framing.scale + framing.scale_spread * deviates[3]),
        centre_x=_rounded(47.6 + framing.shift_spread * deviates[4]),
        centre_y=_rounded(framing.centre_y + framing.shift_spread * deviates[5]),
    )


@dataclass(frozen=True)
class Geometry:
    """The drawn features in the face plane: points have a last axis (x, y), paired ones an axis of sides."""

    head: FloatArray  # (faces, 2): centre of the head's outline
    head_width: FloatArray  # (faces,): half width
    head_top: FloatArray  # (faces,): centre to crown
    head_bottom: FloatArray  # (faces,): centre to chin, with the jaw's drop
    jaw_taper: FloatArray  # (faces,): how much narrower the jaw is than an ellipse's
    eye_inner: FloatArray  # (faces, 2, 2)
    eye_outer: FloatArray  # (faces, 2, 2)
    upper_lid: FloatArray  # (faces, 2): height of the lid's arch over the line between the corners
    lower_lid: FloatArray  # (faces, 2): depth of its arch below that line
    gaze: FloatArray  # (faces, 2): shift of the irises
    brow_inner: FloatArray  # (faces, 2, 2)
    brow_peak: FloatArray  # (faces, 2, 2)
    brow_outer: FloatArray  # (faces, 2, 2)
    nose_bridge: FloatArray  # (faces, 2)
    nose_tip: FloatArray  # (faces, 2)
    nostril: FloatArray  # (faces, 2, 2)
    cheek: FloatArray  # (faces, 2, 2)
    chin: FloatArray  # (faces, 2)
    mouth_corner: FloatArray  # (faces, 2, 2)
    lip_top: FloatArray  # (faces, 2): middle of the upper lip's upper edge
    lip_line_upper: FloatArray  # (faces, 2): middle of the upper lip's lower edge
    lip_line_lower: FloatArray  # (faces, 2): middle of the lower lip's upper edge
    lip_bottom: FloatArray  # (faces, 2): middle of the lower lip's lower edge
    frown: FloatArray  # (faces, 2): from here on, depth of wrinkles, 0 to about 1
    forehead_lines: FloatArray  # (faces, 2)
    crows_feet: FloatArray  # (faces, 2)
    nose_wrinkles: FloatArray  # (faces, 2)
    nasolabial_fold: FloatArray  # (faces, 2)
    cheek_raise: FloatArray  # (faces, 2)
    chin_boss: FloatArray  # (faces,)


def _project(x: Values, y: Values, z: Values | float, pose: Pose) -> FloatArray:
    """Head space to face plane; x and y have shape (faces,) or (faces, 2)."""
    x, y, z = np.broadcast_arrays(x, y, z)
    faces_first = (-1,) + (1,) * (x.ndim - 1)
    yaw, pitch = pose.yaw.reshape(faces_first), pose.pitch.reshape(faces_first)
    yaw_cos, pitch_cos = np.sqrt(1 - yaw * yaw), np.sqrt(1 - pitch * pitch)
    depth = z * yaw_cos - x * yaw
    # Crops follow the face as it turns, if not all the way: most of the mean shift is taken back.
    across = x * yaw_cos + (z - 26.0) * yaw
    down = y * pitch_cos - (depth - 28.0) * pitch
    return _rounded(np.stack([across, down], axis=-1))


def shape_faces(au: ActionUnits, pose: Pose, rng: np.random.Generator) -> Geometry:
    """Geometry of faces with random identities that make the given action units in the given poses."""
    faces = len(pose.yaw)

    def trait(mean: float, spread: float) -> Values:
        return mean + spread * np.clip(rng.standard_normal(faces), -2.2, 2.2)

    def paired(values: Values, jitter: float = 0.0) -> Values:
        both: Values = values[:, None] + jitter * np.clip(rng.standard_normal((faces, 2)), -2.0, 2.0)
        return both

    mean_au = {unit: sides.mean(axis=1) for unit, sides in au.items()}
    jaw_drop = np.minimum(5.5 * mean_au[26] + 10.0 * mean_au[27], 12.0)
    opening = np.minimum(3.6 * mean_au[25] + 7.5 * mean_au[26] + 11.0 * mean_au[27], 14.0)

    spacing, eye_width, eye_y = trait(17.2, 0.7), trait(6.7, 0.45), trait(-16.6, 0.8)
    eye_x, slant = paired(spacing, 0.15), paired(trait(0.0, 0.6))
    eye_line = paired(eye_y, 0.25)
    upper_lid = paired(trait(3.1, 0.45)) + 2.1 * au[5] - 0.9 * au[7] - 0.6 * au[6] - 0.5 * au[4] - 0.7 * au[9]
    lower_lid = paired(trait(2.2, 0.3)) + 0.3 * au[5] - 1.3 * au[7] - 1.5 * au[6] - 0.6 * au[9]

    brow_y, brow_length = trait(-27.2, 1.5), trait(21.0, 1.3)
    brow_pull = 4.6 * au[4] + 1.5 * au[9]
    brow_inner_x = paired(trait(10.4, 1.0), 0.3) - 2.2 * au[4]
    brow_inner_y = paired(brow_y, 0.4) - 5.6 * au[1] - 1.5 * au[2] + brow_pull
    brow_peak_y = paired(brow_y - trait(2.6, 0.9), 0.4) - 2.6 * au[1] - 4.6 * au[2] + 0.6 * brow_pull
    brow_outer_y = paired(brow_y + trait(2.6, 1.1), 0.4) - 4.4 * au[2] + 0.25 * brow_pull
    brow_outer_x = brow_inner_x + paired(brow_length) + 0.8 * au[4]
    brow_peak_x = brow_inner_x + paired(trait(12.5, 1.0))

    nose_y, nose_width = trait(4.2, 1.7), trait(6.2, 0.7)
    nostril_y = paired(nose_y + 3.4) - 1.8 * au[9] - 0.5 * au[10]

    mouth_y, mouth_width = trait(22.2, 1.5), trait(12.9, 1.0)
    lip_press = 1 - 0.6 * mean_au[23]
    upper_thickness = np.maximum(trait(3.9, 0.7), 2.0) * lip_press
    lower_thickness = np.maximum(trait(5.2, 0.8), 3.0) * lip_press + 1.0 * mean_au[17]
    stretch = 4.4 * au[12] + 4.0 * au[20] - 1.6 * au[23] - 3.0 * au[27] - 0.8 * au[17]
    corner_x = paired(mouth_width, 0.3) + stretch
    corner_lift = 5.4 * au[12] - 4.8 * au[15] - 1.0 * au[20] + 0.8 * au[10]
    corner_y = paired(mouth_y + trait(-0.2, 0.6), 0.3) - corner_lift + 0.35 * jaw_drop[:, None]
    # The middle of the mouth follows the lips' own lifters; a smile draws it up only a little.
    lip_raise = 3.4 * mean_au[10] + 1.6 * mean_au[9] + 1.0 * mean_au[12] + 1.8 * mean_au[17]
    line_upper = mouth_y - lip_raise + 0.15 * jaw_drop
    line_lower = mouth_y - 0.45 * lip_raise - 1.2 * mean_au[17] + 0.15 * jaw_drop + opening
    line_lower = np.maximum(line_lower, line_upper)
    chin_y = trait(42.0, 2.0) + jaw_drop

    look_x, look_y = trait(0.0, 0.8), trait(0.1, 0.4)
    return Geometry(
        head=_project(trait(0.0, 0.3), np.full(faces, -2.0), 0.0, pose),
        head_width=_rounded(trait(37.5, 1.8)),
        head_top=_rounded(trait(52.0, 2.0)),
        head_bottom=_rounded(chin_y + 4.5),
        jaw_taper=_rounded(trait(0.3, 0.22)),
        eye_inner=_project(SIDES * (eye_x - paired(eye_width)), eye_line + 0.5 + 0.3 * slant, 30.0, pose),
        eye_outer=_project(SIDES * (eye_x + paired(eye_width)), eye_line - slant, 25.0, pose),
        upper_lid=_rounded(np.maximum(upper_lid, 0.7)),
        lower_lid=_rounded(np.maximum(lower_lid, 0.3)),
        gaze=_rounded(np.stack([look_x, look_y], axis=-1)),
        brow_inner=_project(SIDES * brow_inner_x, brow_inner_y, 34.0, pose),
        brow_peak=_project(SIDES * brow_peak_x, brow_peak_y, 33.0, pose),
        brow_outer=_project(SIDES * brow_outer_x, brow_outer_y, 21.0, pose),
        nose_bridge=_project(np.zeros(faces), eye_y, 34.0, pose),
        nose_tip=_project(trait(0.0, 0.4), nose_y - 0.8 * mean_au[9], 45.0, pose),
        nostril=_project(SIDES * (paired(nose_width) * 0.62), nostril_y, 38.0, pose),
        cheek=_project(SIDES * paired(trait(19.5, 1.0)), paired(nose_y + 1.0) - 2.5 * au[6], 28.0, pose),
        chin=_project(np.zeros(faces), chin_y - 5.0, 34.0, pose),
        mouth_corner=_project(SIDES * corner_x, corner_y, 30.0, pose),
        lip_top=_project(np.zeros(faces), line_upper - upper_thickness, 37.0, pose),
        lip_line_upper=_project(np.zeros(faces), line_upper, 37.0, pose),
        lip_line_lower=_project(np.zeros(faces), line_lower, 37.0, pose),
        lip_bottom=_project(np.zeros(faces), line_lower + lower_thickness, 37.0, pose),
        frown=_rounded(paired(trait(0.08, 0.08)) + au[4]),
        forehead_lines=_rounded(np.maximum(paired(trait(-0.05, 0.15)) + 0.6 * au[1] + 0.6 * au[2], 0.0)),
        crows_feet=_rounded(np.maximum(paired(trait(0.0, 0.12)) + au[6], 0.0)),
        nose_wrinkles=_rounded(au[9]),
        nasolabial_fold=_rounded(
            np.clip(paired(trait(0.25, 0.15)) + 0.6 * au[12] + 0.5 * au[10] + 0.4 * au[9], 0.0, 1.2)
        ),
        cheek_raise=_rounded(au[6] * 0.6 + au[12] * 0.6),
        chin_boss=_rounded(trait(0.3, 0.2) + mean_au[17]),
    )


def to_image(points: FloatArray, pose: Pose) -> FloatArray:
    """Face-plane points, shape (faces, points, 2), in pixels of the 96x96 image."""
    across, down = points[..., 0], points[..., 1]
    sin, cos = pose.roll_sin[:, None], pose.roll_cos[:, None]
    x = pose.centre_x[:, None] + pose.scale[:, None] * (cos * across - sin * down)
    y = pose.centre_y[:, None] + pose.scale[:, None] * (sin * across + cos * down)
    return np.stack([x, y], axis=-1)


def eye_centre(geometry: Geometry) -> FloatArray:
    """Middle of each eye's opening in the face plane, shape (faces, 2, 2)."""
    centre = (geometry.eye_inner + geometry.eye_outer) / 2
    centre[..., 1] += (geometry.lower_lid - geometry.upper_lid) / 4
    return centre


def keypoints(geometry: Geometry, pose: Pose) -> FloatArray:
    """The 15 points of the Kaggle columns, in their order: image pixels, shape (faces, 15, 2)."""
    right, left = 0, 1
    centre = eye_centre(geometry)
    points = [
        centre[:, left],
        centre[:, right],
        geometry.eye_inner[:, left],
        geometry.eye_outer[:, left],
        geometry.eye_inner[:, right],
        geometry.eye_outer[:, right],
        geometry.brow_inner[:, left],
        geometry.brow_outer[:, left],
        geometry.brow_inner[:, right],
        geometry.brow_outer[:, right],
        geometry.nose_tip,
        geometry.mouth_corner[:, left],
        geometry.mouth_corner[:, right],
        geometry.lip_top,
        geometry.lip_bottom,
    ]
    return _rounded(to_image(np.stack(points, axis=1), pose))
