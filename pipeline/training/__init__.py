"""Training as both models go through it."""
