"""Packages are sent to Kubeflow Pipelines, run and scheduled there."""
