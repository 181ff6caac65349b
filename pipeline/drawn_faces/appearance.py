"""What a face looks like apart from its geometry: skin, hair, light, accessories and the camera."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.drawn_faces.expressions import FloatArray

Floats = npt.NDArray[np.float64]

TEXTURE_SIZE = 256
CROP_SIZE = 96


@dataclass(frozen=True)
class Appearance:
    """Each array has shape (faces,); tones are reflectances from 0 (black) to 1 (white)."""

    skin: FloatArray
    lips: FloatArray  # factor on the skin's tone
    iris: FloatArray
    brow_tone: FloatArray
    brow_thickness: FloatArray  # half thickness at the inner end, pixels
    lashes: FloatArray  # half thickness of the upper lash line, pixels
    hair_tone: FloatArray
    hair: FloatArray  # 1 with hair, 0 bald
    hair_volume: FloatArray  # pixels around the skull
    hair_length: FloatArray  # pixels down from the head's centre to the hair's end
    hairline: FloatArray  # face-plane y at the parting
    hairline_curve: FloatArray  # how fast the hairline falls to the temples, 1/pixel
    hair_parting: FloatArray  # face-plane x of the hairline's highest point
    stubble: FloatArray  # 0 shaven to 1 full beard
    moustache: FloatArray  # 0 to 1
    glasses: FloatArray  # 0 none, 1 with
    rim_tone: FloatArray
    light_x: FloatArray  # direction to the light, unit vector with z towards the viewer
    light_y: FloatArray
    light_z: FloatArray
    ambient: FloatArray  # share of light without a direction
    background: FloatArray
    background_slope_x: FloatArray  # tone change from the image's centre to its edge
    background_slope_y: FloatArray
    clothes: FloatArray
    texture_x: npt.NDArray[np.int64]  # where a face's crop of the hair texture starts
    texture_y: npt.NDArray[np.int64]
    blur: FloatArray  # weight of each neighbour in a three-tap blur
    gain: FloatArray
    offset: FloatArray
    noise: FloatArray  # half width of the sensor noise's triangular density


def sample_appearance(faces: int, rng: np.random.Generator) -> Appearance:
    """Looks for a number of faces, independent of their expression."""

    def uniform(low: float, high: float | Floats) -> Floats:
        return rng.uniform(low, high, faces)

    def sometimes(probability: float) -> Floats:
        return (rng.random(faces) < probability).astype(np.float64)

    skin = 0.38 + 0.48 * rng.beta(2.2, 1.3, faces)
    # Dark skin rarely comes with fair hair; grey and white hair come with any.
    hair_tone = np.where(rng.random(faces) < 0.12, uniform(0.5, 0.75), uniform(0.05, 0.15 + 0.5 * (skin - 0.38)))
    long_hair = sometimes(0.42)
    bearded = sometimes(0.3) * (1 - long_hair)
    light_x, light_y = uniform(-0.62, 0.62), uniform(-0.65, 0.05)
    values = {
        "skin": skin,
        "lips": uniform(0.62, 0.86),
        "iris": uniform(0.08, 0.42),
        "brow_tone": np.minimum(hair_tone * uniform(0.7, 1.1), skin * 0.72),
        "brow_thickness": uniform(1.2, 2.5) - 0.3 * long_hair,
        "lashes": uniform(0.55, 0.85) + 0.3 * long_hair,
        "hair_tone": hair_tone,
        "hair": 1 - sometimes(0.1) * (1 - long_hair),
        "hair_volume": uniform(1.5, 5.5) + long_hair * uniform(1.0, 5.0),
        "hair_length": np.where(long_hair > 0, uniform(52.0, 110.0), uniform(8.0, 20.0)),
        "hairline": uniform(-45.0, -36.0) + sometimes(0.2) * uniform(3.0, 7.0),
        "hairline_curve": uniform(0.008, 0.021),
        "hair_parting": uniform(-10.0, 10.0),
        "stubble": bearded * uniform(0.25, 1.0),
        "moustache": np.maximum(bearded * uniform(-0.3, 1.0), sometimes(0.05) * (1 - long_hair)).clip(0, 1),
        "glasses": sometimes(0.14),
        "rim_tone": uniform(0.04, 0.3),
        "light_x": light_x,
        "light_y": light_y,
        "light_z": np.sqrt(1 - light_x**2 - light_y**2),
        "ambient": uniform(0.35, 0.65),
        "background": uniform(0.08, 0.95),
        "background_slope_x": uniform(-0.15, 0.15),
        "background_slope_y": uniform(-0.15, 0.15),
        "clothes": uniform(0.05, 0.9),
        "blur": uniform(0.0, 0.2),
        "gain": uniform(0.85, 1.15),
        "offset": uniform(-0.03, 0.08),
        "noise": uniform(0.01, 0.04),
    }
    corner = rng.integers(0, TEXTURE_SIZE - CROP_SIZE, (2, faces))
    rounded = {name: np.round(value, 4).astype(np.float32) for name, value in values.items()}
    return Appearance(texture_x=corner[0], texture_y=corner[1], **rounded)


def hair_texture(rng: np.random.Generator) -> FloatArray:
    """A tile of fine strands running down, shape (TEXTURE_SIZE, TEXTURE_SIZE), values within [-1, 1]."""
    noise = rng.random((TEXTURE_SIZE, TEXTURE_SIZE), dtype=np.float32) * 2 - 1
    strands = noise.copy()
    for step in range(1, 16):
        # A slight slant, with its sign changing down the tile, makes locks instead of rain.
        strands += np.roll(noise, (step, (step * step) // 48), axis=(0, 1))
    coarse = strands + np.roll(strands, 1, axis=1) + np.roll(strands, 2, axis=1)
    return np.clip((strands + coarse) / 16, -1, 1).astype(np.float32)
