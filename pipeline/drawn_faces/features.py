"""The features that make an expression, each drawn in a window: eyes with brows, and the mouth."""

import numpy as np

from pipeline.drawn_faces.anatomy import Geometry, Pose, eye_centre, to_image
from pipeline.drawn_faces.appearance import Appearance
from pipeline.drawn_faces.canvas import (
    Window,
    between,
    bump,
    chord,
    clip01,
    cover,
    open_window,
    per_face,
)
from pipeline.drawn_faces.expressions import FloatArray

IRIS_RADIUS = 3.1
PUPIL_RADIUS = 1.35
EYE_WINDOW_RISE = np.array([0, 2], np.float32)  # there is more to draw above an eye than below


def _beside(point: FloatArray, outwards: int, out: float, down: float) -> FloatArray:
    """The point moved away from the face's middle line and down, in face-plane pixels."""
    return point + np.array([outwards * out, down], np.float32)


def draw_eye(canvas: FloatArray, geometry: Geometry, look: Appearance, pose: Pose, side: int) -> None:
    """Eye, brow, the wrinkles around them and glasses, on one side (0: the subject's right)."""
    outwards = -1 if side == 0 else 1
    eye, brow = eye_centre(geometry)[:, side], geometry.brow_peak[:, side]
    opening = open_window(canvas, pose, to_image(eye[:, None], pose)[:, 0] - EYE_WINDOW_RISE, 22, 26)
    _draw_eyeball_and_lids(opening, geometry, look, side)
    opening.close()
    middle = to_image((eye * 0.6 + brow * 0.4)[:, None], pose)[:, 0]
    window = open_window(canvas, pose, middle, 40, 42)
    _draw_brow(window, geometry, look, side)

    inner, outer = geometry.eye_inner[:, side], geometry.eye_outer[:, side]
    brow_inner, bridge = geometry.brow_inner[:, side], geometry.nose_bridge

    def at(point: FloatArray, out: float, down: float) -> FloatArray:
        return _beside(point, outwards, out, down)

    bag = 0.10 + 0.22 * geometry.cheek_raise[:, side]
    window.wrinkle(at(inner, -1, 3.6), at(outer, -1.5, 5.0), 1.6, 1.6, bag)
    frown = 0.42 * geometry.frown[:, side]
    window.wrinkle(at(brow_inner, -5.6, -3.0), at(brow_inner, -4.6, 6.5), outwards * 0.8, 1.7, frown)
    for down in (3.5, 6.7):
        depth = 0.5 * geometry.nose_wrinkles[:, side]
        window.wrinkle(at(bridge, 0.8, down), at(bridge, 6.0, down + 3), -0.8, 1.3, depth)
    for down, out in ((-1.5, 7.5), (1.5, 8.5), (4.0, 7.0)):
        depth = 0.26 * geometry.crows_feet[:, side]
        window.wrinkle(at(outer, 2.0, down * 0.4), at(outer, out, down * 1.5), 0.3, 1.0, depth)
    for down in (-6.5, -11.0):
        depth = 0.24 * geometry.forehead_lines[:, side]
        window.wrinkle(at(brow_inner, -9, down), at(brow, 6, down + 1.5), -1.8, 1.3, depth)
    _draw_glasses(window, look, eye, outwards)
    window.close()


def _draw_eyeball_and_lids(window: Window, geometry: Geometry, look: Appearance, side: int) -> None:
    inner, outer = geometry.eye_inner[:, side], geometry.eye_outer[:, side]
    skin = per_face(look.skin)
    frame = chord(window.grid, inner, outer)
    profile = frame.arch(0.0)
    upper, lower = per_face(geometry.upper_lid[:, side]), per_face(geometry.lower_lid[:, side])
    under_upper = frame.below + upper * profile
    over_lower = lower * profile - frame.below
    opening = between(under_upper, over_lower, 1.0)

    # The ball darkens to its sides and in the upper lid's shadow.
    white = (0.92 - 0.2 * frame.along * frame.along) * clip01(0.5 + under_upper * np.float32(0.3))
    window.paint(opening, white * (0.55 + 0.45 * skin))
    iris_centre = (inner + outer) / 2 + geometry.gaze
    iris_centre[:, 1] += (geometry.lower_lid[:, side] - geometry.upper_lid[:, side]) / 4 - 0.1
    du, dv = window.grid.across(iris_centre[:, 0], 1), window.grid.down(iris_centre[:, 1], 1)
    radius = np.sqrt(du * du + dv * dv)
    iris = clip01((IRIS_RADIUS - radius) + 0.5) * opening
    window.paint(iris, per_face(look.iris) * (0.6 + 0.14 * radius) * clip01(0.6 + under_upper * np.float32(0.25)))
    window.paint(clip01((IRIS_RADIUS - radius) * (radius - IRIS_RADIUS + 1.4) + 0.1) * opening * 0.5, 0.03)
    window.paint(clip01((PUPIL_RADIUS - radius) + 0.5) * opening, 0.02)
    glint_u, glint_v = du - per_face(look.light_x) * 2.2, dv + 1.3
    window.paint(clip01(1.5 - (glint_u * glint_u + glint_v * glint_v)) * opening, 1.15)

    inside = clip01((1.06 - np.abs(frame.along)) * 5)
    lashes = per_face(look.lashes) * (1.1 + 0.35 * frame.along)
    window.paint(inside * clip01(lashes + 0.45 - np.abs(under_upper - 0.2)), 0.06 + 0.1 * skin)
    window.darken(inside * np.maximum(1 - np.abs(over_lower), 0) * np.float32(0.38))
    fold = under_upper + 2.3 + 0.25 * upper
    window.darken(inside * np.maximum(1 - fold * fold * np.float32(0.6), 0) * np.float32(0.3))


def _draw_brow(window: Window, geometry: Geometry, look: Appearance, side: int) -> None:
    inner, peak, outer = (
        geometry.brow_inner[:, side],
        geometry.brow_peak[:, side],
        geometry.brow_outer[:, side],
    )
    frame = chord(window.grid, inner, outer)
    distance = np.abs(frame.below - frame.height_of(peak) * frame.arch(frame.place_of(peak)))
    thickness = per_face(look.brow_thickness) * clip01(0.95 - 0.5 * frame.along)
    ends = clip01((1 - frame.along) * 3.5) * clip01((1 + frame.along) * 6 + 0.5)
    alpha = clip01((thickness - distance) * 0.7 + 0.6) * ends
    window.paint(alpha * 0.88, per_face(look.brow_tone))


def _draw_glasses(window: Window, look: Appearance, eye: FloatArray, outwards: int) -> None:
    worn = np.flatnonzero(look.glasses)
    grid, tone = window.grid.of_faces(worn), window.tone[worn]
    middle = _beside(eye, outwards, 0.6, 1.0)[worn]
    du, dv = grid.across(middle[:, 0], 11.8), grid.down(middle[:, 1], 9.0)
    # Between an ellipse and a rectangle.
    across, down = du * du, dv * dv
    radius = np.sqrt(np.sqrt(across * across + down * down))
    rim = clip01(1.35 - np.abs(radius - 1) * 10)
    bar = clip01(1.3 - np.abs(dv * 9.0 + 3.0)) * (radius > 1)
    cover(tone, clip01((1 - radius) * 6) * 0.07, 1.0)
    cover(tone, np.maximum(rim, bar), per_face(look.rim_tone[worn]))
    window.tone[worn] = tone


def draw_mouth(canvas: FloatArray, geometry: Geometry, look: Appearance, pose: Pose) -> None:
    """Lips, teeth, tongue, moustache and the shadows around the mouth."""
    right, left = geometry.mouth_corner[:, 0], geometry.mouth_corner[:, 1]
    middle = (geometry.lip_line_upper + geometry.lip_line_lower) / 2
    centre = to_image(((geometry.lip_top + geometry.lip_bottom) / 2)[:, None], pose)[:, 0]
    window = open_window(canvas, pose, centre, 46, 56)
    grid = window.grid

    frame = chord(grid, right, left)
    peak = frame.place_of(middle)
    profile = frame.arch(peak)
    top, bottom = frame.height_of(geometry.lip_top), frame.height_of(geometry.lip_bottom)
    line_upper = frame.height_of(geometry.lip_line_upper)
    line_lower = frame.height_of(geometry.lip_line_lower)
    offset = (frame.along - peak) * 4.5
    bow = np.maximum(1 - offset * offset, 0)
    below_top = frame.below - (top + np.float32(0.9)) * profile + np.float32(0.9) * (profile - bow)
    above_bottom = bottom * profile - frame.below
    below_line = frame.below - line_upper * profile
    above_line = line_lower * profile - frame.below

    hair = np.minimum(look.hair_tone, look.skin * 0.7)
    lip = geometry.lip_top.copy()
    lip[:, 1] -= 2.2
    whiskers = clip01(bump(grid, lip, 15.0, 5.5) * 2.2) * per_face(look.moustache)
    window.paint(whiskers * 0.9, per_face(hair))

    shadow = geometry.lip_bottom.copy()
    shadow[:, 1] += 2.6
    window.darken(bump(grid, shadow, 10.0, 4.0) * (0.2 + 0.14 * per_face(geometry.chin_boss)))
    gape = line_lower - line_upper
    lip_tone = per_face(look.skin * look.lips)
    upper_lip = between(below_top, -below_line)
    lower_lip = between(-above_line, above_bottom)
    window.paint(upper_lip * 0.85, lip_tone * 0.84)
    shine = clip01(1 - np.abs(frame.along - peak) * 1.7) * clip01(above_bottom * 0.4)
    window.paint(lower_lip * 0.8, lip_tone * (0.96 + 0.2 * shine))

    mouth = between(below_line, above_line) * clip01(gape * 0.7)
    window.paint(mouth, 0.05 + 0.05 * clip01(1 - above_line * 0.2))
    teeth = mouth * clip01(np.minimum(gape * 0.5, 2.8) - below_line + 0.5)
    window.paint(teeth, 0.86 - 0.35 * frame.along * frame.along)
    tongue = mouth * clip01(gape * 0.3 - 1.6) * clip01(1.2 - above_line * 0.35)
    window.paint(tongue * 0.6, lip_tone * 0.75)
    within = clip01((1.08 - np.abs(frame.along)) * 8)
    window.darken(within * np.maximum(1 - np.abs(below_line), 0) * 0.72)
    for corner in (right, left):
        window.darken(bump(grid, corner, 3.0, 2.6) * 0.4)
    window.close()


def draw_nose(canvas: FloatArray, geometry: Geometry, pose: Pose) -> None:
    """The lower edges of the nose, and the folds from its wings to the corners of the mouth."""
    under = (geometry.nostril[:, 0] + geometry.nostril[:, 1]) / 2
    window = open_window(canvas, pose, to_image(under[:, None], pose)[:, 0], 24, 34)
    shade = np.full(len(under), 0.3, np.float32)
    for side, outwards in enumerate((-1, 1)):
        nostril = geometry.nostril[:, side]
        window.darken(bump(window.grid, _beside(nostril, outwards, -0.4, 0.5), 3.0, 1.9) * 0.78)
        wing_top, wing_end = _beside(nostril, outwards, 2.4, -5.0), _beside(nostril, outwards, 2.2, 1.6)
        window.wrinkle(wing_top, wing_end, -1.9 * outwards, 1.2, shade)
    window.darken(bump(window.grid, under + np.array([0, 1.4], np.float32), 8.0, 3.4) * 0.25)
    tip_light = geometry.nose_tip - np.array([0, 1.5], np.float32)
    window.darken(bump(window.grid, tip_light, 3.0, 3.0) * -0.1)
    window.close()

    for side, outwards in enumerate((-1, 1)):
        start = _beside(geometry.nostril[:, side], outwards, 4.0, -4.0)
        end = _beside(geometry.mouth_corner[:, side], outwards, 3.2, -1.0)
        window = open_window(canvas, pose, to_image(((start + end) / 2)[:, None], pose)[:, 0], 34, 28)
        window.wrinkle(start, end, 2.4, 2.0, 0.36 * geometry.nasolabial_fold[:, side])
        window.close()
