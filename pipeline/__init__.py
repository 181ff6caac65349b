"""The Emotion AI pipeline: what the DAG is and how it is run."""

import os

# TensorFlow reads it when it is imported, and by itself uses oneDNN only on CPUs with instructions for neural networks
# (AVX-512 VNNI and newer). With AVX2 alone, too, a step of our trainings takes 0.6 of the time with it.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
