"""The model card: what a model is, what it learned from, and how good it is."""
