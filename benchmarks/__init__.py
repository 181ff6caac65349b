"""Side by side against the alternative, the ratio printed."""

# Before TensorFlow: it is to compute as it does in the pipeline.
import pipeline  # noqa: F401
