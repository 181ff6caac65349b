"""Every check by name: how bad it is, what it means, what to do. Waivers name these."""

from __future__ import annotations

import dataclasses

from components.findings import ERROR, INFO, WARNING


@dataclasses.dataclass(frozen=True)
class Check:
    """A kind of finding.

    Attributes:
      severity: of its findings.
      meaning: what was found.
      remedy: what to do.
    """

    severity: str
    meaning: str
    remedy: str


CHECKS = {
    # Rows that FaceCsvExampleGen could not use.
    "too_many_bad_rows": Check(ERROR, "could not be used", "Correct the rows that the quarantine file names."),
    "bad_rows": Check(WARNING, "could not be used", "Correct the rows that the quarantine file names."),
    # The distributions: TFDV's own anomalies, and what TFDV measures between two sets.
    "schema": Check(ERROR, "breaks the schema", "Correct the data, or the schema if the data are right."),
    "rare_class": Check(ERROR, "too rare to be learned and judged", "Add rows of the class."),
    "drift": Check(
        ERROR, "differs from the data of the served model", "Look for what changed at the source; waive it if meant."
    ),
    "skew": Check(WARNING, "differs between the splits", "Split by hash, or add rows."),
    # Single pictures.
    "wrong_size": Check(ERROR, "the image has not height x width bytes", "Write the Examples again."),
    "black_images": Check(ERROR, "the image is black", "Remove the rows."),
    "white_images": Check(ERROR, "the image is white", "Remove the rows."),
    "flat_images": Check(ERROR, "the image is one even gray", "Remove the rows."),
    "low_contrast": Check(WARNING, "the image has next to no contrast", "Look at them; remove what shows no face."),
    "blurred_images": Check(WARNING, "the image is blurred", "Look at them; remove what shows no face."),
    # Pictures against each other.
    "duplicates": Check(WARNING, "the image is a copy of another row's", "Keep one row of each group."),
    "duplicates_across_splits": Check(
        ERROR, "the image is a copy of one in another split", "Keep one row of each group, or split by hash."
    ),
    "conflicting_labels": Check(
        ERROR, "the same picture has different labels", "Keep the row with the right label of each group."
    ),
    "near_duplicates": Check(INFO, "the image is nearly that of another row", "Keep one row of each group."),
    "near_duplicates_across_splits": Check(
        ERROR,
        "the image is nearly one in another split, so that the evaluation flatters",
        "Keep one row of each group.",
    ),
    "conflicting_near_duplicates": Check(
        WARNING, "nearly the same picture has different labels", "Look at the labels of each group."
    ),
    # Points.
    "swapped_points": Check(ERROR, "left and right are swapped", "Swap the columns, or remove the rows."),
    "layout_outliers": Check(ERROR, "the points lie as on no other face", "Correct or remove the rows."),
    "layouts_unchecked": Check(INFO, "too few complete rows to learn the usual layout from", "Add rows."),
    # The waivers themselves.
    "expired_waiver": Check(WARNING, "the waiver has expired", "Correct the data, or renew the waiver."),
    "unmatched_waiver": Check(WARNING, "nothing was found that the waiver accepts", "Remove the waiver."),
}
