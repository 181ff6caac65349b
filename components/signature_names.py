"""Signatures of the exported models that the pipeline itself calls."""

# Serialized tf.Examples -> what clients get; TFMA and BulkInferrer use it, too.
SERVING_EXAMPLES = "serving_examples"
# Serialized tf.Examples with labels -> transformed features: gives the truth, and what to slice by.
TRANSFORM_FEATURES = "transform_features"
# Serialized tf.Examples -> classes and their scores, for TensorFlow Serving's Classify; of a model with classes.
CLASSIFY = "classify"
