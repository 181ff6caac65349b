"""The Emotion AI pipeline: what the DAG is and how it is run."""
