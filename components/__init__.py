"""TFX components of Emotion AI: one folder each, `component.py` (interface) beside `executor.py` (work)."""
