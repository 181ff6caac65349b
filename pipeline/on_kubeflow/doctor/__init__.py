"""Checks a package against what open-source Kubeflow Pipelines does with it."""
