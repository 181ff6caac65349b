"""Open-source Kubeflow Pipelines without a cluster: what happens to a package between submission and its last artifact.

Written from Kubeflow's own sources; each module names the Go files that its rules come from, as paths in
github.com/kubeflow/pipelines. Read scheduler.py first.
"""
