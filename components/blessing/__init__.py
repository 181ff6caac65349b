"""Judges a candidate by thresholds, for all rows and for slices, and explains the verdict."""
