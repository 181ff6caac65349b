"""Tests that run a compiled package as open-source Kubeflow Pipelines would."""
