"""Names, shapes and units of the keypoint data."""

from components.face_csv_example_gen.csv_format import FaceCsvFormat

IMAGE_SIZE = 96

# "left" is the left of the person in the picture: the larger x.
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
COORDINATES = tuple(f"{point}_{axis}" for point in POINTS for axis in "xy")

# (left, right) of the points that come in pairs.
MIRRORED_POINTS = tuple((point, point.replace("left", "right")) for point in POINTS if "left" in point)

# Feature of the transformed Examples: COORDINATES scaled to [-1, 1], NaN where missing.
LABEL = "scaled_keypoints"

# Where the medium band of each begins and ends: about a third of the real faces lie in it.
BANDS = {"brightness": (0.36, 0.46), "contrast": (0.145, 0.185), "sharpness": (0.036, 0.06)}
# Transformed feature: how many of the points are marked.
MARKED_POINTS = "marked_points"
# Transformed features by whose values the evaluation is sliced.
SLICES = (*(f"{name}_band" for name in BANDS), MARKED_POINTS)

# pixels = (scaled + 1) * HALF_SIZE
HALF_SIZE = IMAGE_SIZE / 2

CSV_FORMAT = FaceCsvFormat(
    image_column="Image",
    image_size=IMAGE_SIZE,
    point_columns=COORDINATES,
    mirrored_columns=tuple((f"{left}_x", f"{right}_x") for left, right in MIRRORED_POINTS),
)
