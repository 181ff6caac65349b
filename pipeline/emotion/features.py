"""Names, shapes and codes of the emotion data."""

from components.face_csv_example_gen.csv_format import FaceCsvFormat

IMAGE_SIZE = 48

# The order is the model's: class id 0 is Angry.
CLASSES = ("Angry", "Disgust", "Sad", "Happy", "Surprise")

# Feature of the raw Examples (a class name) and of the transformed ones (a class id).
CLASS_COLUMN = "emotion"
LABEL = "class_id"

# Where the medium band of each begins and ends: about a third of the real faces lie in it.
BANDS = {"brightness": (0.42, 0.56), "contrast": (0.18, 0.23), "sharpness": (0.15, 0.2)}
# Transformed features by whose values the evaluation is sliced.
SLICES = (*(f"{name}_band" for name in BANDS), CLASS_COLUMN)

CSV_FORMAT = FaceCsvFormat(
    image_column="pixels",
    image_size=IMAGE_SIZE,
    class_column=CLASS_COLUMN,
    classes=CLASSES,
    class_codings={
        # Kaggle's own.
        "fer2013": {
            "0": "Angry",
            "1": "Disgust",
            "2": "Fear",
            "3": "Happy",
            "4": "Sad",
            "5": "Surprise",
            "6": "Neutral",
        },
        # Copies that somebody has relabelled to the five classes.
        "five": {str(code): name for code, name in enumerate(CLASSES)},
    },
)
