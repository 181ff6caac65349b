"""Geometry and looks to pixels: the lit relief of the head, hair, features and the camera."""

import numpy as np
import numpy.typing as npt

from pipeline.drawn_faces.anatomy import Geometry, Pose, eye_centre
from pipeline.drawn_faces.appearance import CROP_SIZE, Appearance
from pipeline.drawn_faces.canvas import Grid, bump, clip01, cover, per_face, pixel_grid, smooth
from pipeline.drawn_faces.expressions import FloatArray
from pipeline.drawn_faces.features import draw_eye, draw_mouth, draw_nose

STEPS = np.arange(CROP_SIZE, dtype=np.float32)[None, :]
HALF_STEPS = STEPS[:, ::2] + np.float32(0.5)


def _head_radius2(grid: Grid, geometry: Geometry) -> FloatArray:
    """Squared distance from the head's centre in units of its outline: 1 on the outline."""
    du, dv = grid.across(geometry.head[:, 0], 1), grid.down(geometry.head[:, 1], 1)
    du /= per_face(geometry.head_width)
    above = np.minimum(dv, 0) / per_face(geometry.head_top)
    below = np.maximum(dv, 0) / per_face(geometry.head_bottom)
    du *= du
    # The jaw narrows towards the chin: its width counts for more the lower it is.
    du *= 1 + per_face(geometry.jaw_taper) * below
    above += below
    return du + above * above


def _relief(grid: Grid, radius2: FloatArray, geometry: Geometry) -> FloatArray:
    """Height of the face's surface over the image plane, in pixels."""
    # The ellipsoid goes on as a steep slope past its rim, where the square root ends.
    rim = np.float32(0.04)
    depth = 1 - radius2
    height: FloatArray = 34 * (np.sqrt(np.maximum(depth, rim)) + np.minimum(depth - rim, 0) * np.float32(2.5))
    bridge, tip = geometry.nose_bridge, geometry.nose_tip
    height += 5.5 * bump(grid, bridge * 0.45 + tip * 0.55, 6.5, 20.0)
    height += 5.0 * bump(grid, tip, 7.0, 6.5)
    for side in (0, 1):
        eye, cheek = eye_centre(geometry)[:, side], geometry.cheek[:, side]
        height -= 4.2 * bump(grid, eye, 12.0, 8.0)
        height += 1.6 * bump(grid, eye, 8.0, 5.5)
        brow = (geometry.brow_inner[:, side] + geometry.brow_peak[:, side]) / 2
        height += 2.0 * bump(grid, brow, 15.0, 7.0)
        height += 2.6 * bump(grid, geometry.nostril[:, side], 5.0, 5.0)
        height += (2.4 + 3.2 * per_face(geometry.cheek_raise[:, side])) * bump(grid, cheek, 14.0, 12.0)
    mouth = (geometry.lip_top + geometry.lip_bottom) / 2
    height += 3.0 * bump(grid, mouth, 20.0, 15.0)
    height += (2.6 + 1.6 * per_face(geometry.chin_boss)) * bump(grid, geometry.chin, 11.0, 8.0)
    return height


def _double(half: FloatArray) -> FloatArray:
    """Bilinear enlargement of (faces, n, n) to (faces, 2n, 2n)."""

    def along_rows(image: FloatArray) -> FloatArray:
        faces, rows, columns = image.shape
        near = image * np.float32(0.75)
        far = image * np.float32(0.25)
        result = np.empty((faces, rows, 2, columns), np.float32)
        result[:, 1:, 0] = near[:, 1:] + far[:, :-1]
        result[:, 0, 0] = image[:, 0]
        result[:, :-1, 1] = near[:, :-1] + far[:, 1:]
        result[:, -1, 1] = image[:, -1]
        doubled: FloatArray = result.reshape(faces, 2 * rows, columns)
        return doubled

    return np.ascontiguousarray(along_rows(along_rows(half).swapaxes(1, 2)).swapaxes(1, 2))


def _light(geometry: Geometry, look: Appearance, pose: Pose) -> FloatArray:
    """Light that falls on each pixel of the images, at half size: it varies slowly."""
    grid = pixel_grid(pose, HALF_STEPS, HALF_STEPS)
    radius2 = _head_radius2(grid, geometry)
    height = _relief(grid, radius2, geometry) * per_face(pose.scale)
    slope_x, slope_y = np.zeros_like(height), np.zeros_like(height)
    slope_x[:, :, 1:-1] = (height[:, :, 2:] - height[:, :, :-2]) * np.float32(0.25)
    slope_y[:, 1:-1] = (height[:, 2:] - height[:, :-2]) * np.float32(0.25)
    facing = per_face(look.light_z) - per_face(look.light_x) * slope_x - per_face(look.light_y) * slope_y
    facing /= np.sqrt(1 + slope_x * slope_x + slope_y * slope_y)
    ambient = per_face(look.ambient)
    lit: FloatArray = ambient + (np.float32(1.12) - ambient) * np.maximum(facing, 0)
    for side in (0, 1):
        lit *= 1 - np.float32(0.2) * bump(grid, eye_centre(geometry)[:, side], 11.0, 7.5)
    # The light of the surroundings starts a little outside the outline, or the face's rim would glow.
    cover(lit, clip01((radius2 - np.float32(1.0)) * 8), 0.9)
    return lit


def _hair_mass(
    aside: FloatArray,
    down: FloatArray,
    geometry: Geometry,
    look: Appearance,
    strands: FloatArray,
    sharpness: float,
) -> FloatArray:
    """Alpha of all the hair, before the head and behind it; aside and down: from the head's centre."""
    across = aside * per_face(1 / (geometry.head_width + look.hair_volume))
    above = np.minimum(down, 0) * per_face(1 / (geometry.head_top + look.hair_volume))
    below = np.maximum(down, 0) * per_face(1 / look.hair_length)
    below *= below
    across *= across
    above *= above
    below *= below
    outside = across + above
    outside += below
    return smooth(np.float32(0.6) * strands - (outside - 1) * np.float32(12 * sharpness) + np.float32(0.5)) * per_face(
        look.hair
    )


def _albedo(geometry: Geometry, look: Appearance, pose: Pose, steps: FloatArray, strands: FloatArray) -> FloatArray:
    """Reflectance of all but what `features` adds, at the columns and rows `steps`."""
    grid = pixel_grid(pose, steps, steps)
    radius2 = _head_radius2(grid, geometry)
    sharpness = float(1 / (steps[0, 1] - steps[0, 0]))  # edges are as soft as the pixels drawn are large
    from_centre = steps / 48 - 1
    tone = per_face(look.background) + per_face(look.background_slope_x) * from_centre[:, None, :]
    tone = tone + per_face(look.background_slope_y) * from_centre[:, :, None]
    skin = per_face(look.skin)
    aside = np.abs(grid.across(geometry.head[:, 0], 1))
    down = grid.down(geometry.head[:, 1], 1)
    hair_tone = (1 + np.float32(0.55) * strands) * per_face(look.hair_tone)

    mass = _hair_mass(aside, down, geometry, look, strands, sharpness)
    cover(tone, mass, hair_tone * np.float32(0.75))
    cover(tone, clip01(np.minimum(23 - aside, down)), skin * np.float32(0.55))
    cover(tone, clip01((down - 55 - aside * np.float32(0.25)) * np.float32(0.6)), per_face(look.clothes))
    ear_across = (aside - per_face(geometry.head_width - np.float32(0.3))) * np.float32(1 / 6)
    ear_down = (down - per_face(geometry.nose_bridge[:, 1] + 12)) * np.float32(1 / 12)
    lobe = np.maximum(1 - ear_across * ear_across - ear_down * ear_down, 0) * (1 - mass * np.float32(0.85))
    cover(tone, clip01(lobe * 3), skin * (np.float32(0.62) + np.float32(0.3) * lobe))
    head = smooth((1 - radius2) * np.float32(14 * sharpness) + np.float32(0.5))
    cover(tone, head, skin)

    beard = clip01((down - 29 + aside * aside * np.float32(0.018)) * np.float32(0.14))
    beard *= head
    beard *= per_face(look.stubble * np.float32(0.85))
    beard_tone = per_face(np.minimum(look.hair_tone, look.skin * np.float32(0.7)))
    cover(tone, beard, beard_tone * (1 + np.float32(0.5) * strands))

    from_parting = grid.across(look.hair_parting, 1)
    from_parting *= from_parting
    fringe = per_face(look.hairline_curve * np.float32(0.35)) * from_parting
    fringe -= grid.down(look.hairline, 1 / 0.35)
    fringe += np.float32(1.2) * strands + np.float32(0.5)
    cover(tone, clip01(fringe) * mass, hair_tone)
    return tone


def render_faces(
    geometry: Geometry,
    look: Appearance,
    pose: Pose,
    texture: FloatArray,
    rng: np.random.Generator,
    *,
    halved: bool,
) -> npt.NDArray[np.uint8]:
    """Grey images of a batch of faces.

    Args:
        geometry: the features in the face plane.
        look: skin, hair, light and camera.
        pose: places the face plane in the image.
        texture: the hair texture.
        rng: the source of sensor noise.
        halved: average 2x2 pixels, for 48x48 images instead of 96x96.

    Returns:
        uint8, shape (faces, 96, 96) or (faces, 48, 48).
    """
    crops = np.lib.stride_tricks.sliding_window_view(texture, (CROP_SIZE, CROP_SIZE))
    strands = crops[look.texture_y, look.texture_x]
    if halved:
        # What has no fine detail is drawn at half size at once.
        tone = _albedo(geometry, look, pose, HALF_STEPS, strands[:, ::2, ::2])
        tone = tone.repeat(2, axis=1).repeat(2, axis=2)
    else:
        tone = _albedo(geometry, look, pose, STEPS, strands)
    for side in (0, 1):
        draw_eye(tone, geometry, look, pose, side)
    draw_nose(tone, geometry, pose)
    draw_mouth(tone, geometry, look, pose)
    if halved:
        tone = tone[:, 0::2] + tone[:, 1::2]
        tone = (tone[:, :, 0::2] + tone[:, :, 1::2]) * np.float32(0.25)
    light = _light(geometry, look, pose)
    tone *= light if halved else _double(light)
    blur, gain, offset, noise = (per_face(values) for values in (look.blur, look.gain, look.offset, look.noise))
    tone[:, 1:-1] += blur * (tone[:, 2:] + tone[:, :-2] - 2 * tone[:, 1:-1])
    tone[:, :, 1:-1] += blur * (tone[:, :, 2:] + tone[:, :, :-2] - 2 * tone[:, :, 1:-1])
    triangular = rng.random(tone.shape, np.float32) - rng.random(tone.shape, np.float32)
    tone = tone * gain + offset + triangular * noise
    return (clip01(tone) * np.float32(255) + np.float32(0.5)).astype(np.uint8)
