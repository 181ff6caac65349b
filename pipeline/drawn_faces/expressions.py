"""Emotions as facial action units.

The action units (AUs) are those of the Facial Action Coding System (Ekman & Friesen, "Facial Action
Coding System", 1978); the AUs of each emotion follow EMFACS (Ekman & Friesen, 1983) and the prototypes in
Lucey et al., "The Extended Cohn-Kanade Dataset (CK+)", 2010, table 1.
"""

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]
ActionUnits = dict[int, FloatArray]
"""AU number -> activation from 0 to about 1, shape (faces, 2): [subject's right, subject's left]."""

EMOTIONS = ("Angry", "Disgust", "Fear", "Happy", "Sad", "Surprise", "Neutral")
"""The order is the FER2013 label coding."""

ACTION_UNITS = (1, 2, 4, 5, 6, 7, 9, 10, 12, 15, 17, 20, 23, 25, 26, 27)
"""Inner and outer brow raiser, brow lowerer, upper lid raiser, cheek raiser, lid tightener, nose wrinkler,
upper lip raiser, lip corner puller and depressor, chin raiser, lip stretcher, lip tightener, lips part,
jaw drop, mouth stretch."""

# Emotion -> AU -> (how often a face of this emotion shows it, its strength when the emotion is at its apex).
PROTOTYPES: dict[str, dict[int, tuple[float, float]]] = {
    "Angry": {4: (1.0, 1.0), 5: (0.6, 0.7), 7: (0.9, 0.9), 23: (0.9, 1.0), 10: (0.15, 0.5), 25: (0.2, 0.8)},
    "Disgust": {
        9: (0.95, 1.0),
        10: (0.9, 1.0),
        15: (0.6, 0.6),
        17: (0.6, 0.8),
        4: (0.4, 0.5),
        25: (0.3, 0.7),
    },
    "Fear": {
        1: (1.0, 0.9),
        2: (0.8, 0.6),
        4: (0.9, 0.6),
        5: (1.0, 1.0),
        20: (0.9, 1.0),
        25: (0.7, 0.9),
        26: (0.6, 0.6),
    },
    "Happy": {12: (1.0, 1.0), 6: (0.9, 1.0), 25: (0.7, 1.0), 26: (0.2, 0.5)},
    "Sad": {1: (1.0, 1.0), 4: (0.8, 0.6), 15: (0.95, 1.0), 17: (0.4, 0.5)},
    "Surprise": {1: (1.0, 0.9), 2: (1.0, 1.0), 5: (0.9, 0.9), 26: (0.85, 1.0), 27: (0.45, 0.9)},
    "Neutral": {},
}


def sample_action_units(labels: npt.NDArray[np.uint8], rng: np.random.Generator) -> ActionUnits:
    """Activations for faces of the given emotions.

    Args:
        labels: FER2013 codes, shape (faces,).
        rng: the source of each face's intensity, missing and stray AUs, and asymmetry.
    """
    faces, units = len(labels), len(ACTION_UNITS)
    prototypes = np.zeros((len(EMOTIONS), units, 2))
    for row, emotion in enumerate(EMOTIONS):
        for unit, frequency_and_strength in PROTOTYPES[emotion].items():
            prototypes[row, ACTION_UNITS.index(unit)] = frequency_and_strength
    frequency, strength = np.moveaxis(prototypes[labels], -1, 0)

    # From a trace of the emotion to its apex: the traces are what keeps the labels from being trivial.
    intensity = 0.4 + 0.6 * rng.beta(2.0, 1.3, (faces, 1))
    shown = rng.random((faces, units)) < frequency
    emotional = shown * strength * intensity * rng.uniform(0.7, 1.15, (faces, units))
    # People move their faces for other reasons too (speech, habit).
    stray = (rng.random((faces, units)) < 0.1) * rng.uniform(0.05, 0.35, (faces, units))
    activation = np.maximum(emotional, stray)
    # One side often leads the other.
    lead = rng.normal(0.0, 0.12, (faces, 1)) + rng.normal(0.0, 0.08, (faces, units))
    sides = np.stack([activation * (1 - lead), activation * (1 + lead)], axis=1)
    sides = np.round(np.clip(sides, 0.0, 1.2), 4).astype(np.float32)
    return {unit: sides[:, :, column] for column, unit in enumerate(ACTION_UNITS)}
