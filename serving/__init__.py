"""Serving: a local stand-in for TensorFlow Serving, clients, and the demo page. Imports no other package of ours."""
