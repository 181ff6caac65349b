"""Tries a model out as TensorFlow Serving will run it, before anything is pushed."""
