"""What differs between the releases of Kubeflow Pipelines, as far as a container or a package notices."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Release:
    """One line of releases.

    Attributes:
      name: of the first of them.
      uris_have_salt: `<root>/<task>/<uuid>/<output>`; before, `<root>/<task>/<output>`.
      output_file_beside_outputs: the executor output is `<staged task root>/output_metadata.json`, and output artifacts
        have their key as a name; before, it is `/tmp/kfp_outputs/output_metadata.json`, in a folder that nobody makes
        (provisionOutputs in backend/src/v2/driver/driver.go).
      display_name_is_task_name: taskInfo.name, which is for people, becomes the task's name in ML Metadata, by which
        other tasks then do not find it (backend/src/v2/driver/container.go; kubeflow/pipelines#11106).
      publishes_logs: each task has one more output, `executor-logs`, which the launcher writes.
      cache_key_has_volumes: the names of the mounted claims are a part of the fingerprint
        (backend/src/v2/driver/cache.go).
    """

    name: str
    uris_have_salt: bool
    output_file_beside_outputs: bool
    display_name_is_task_name: bool
    publishes_logs: bool
    cache_key_has_volumes: bool


V2_0 = Release(
    "2.0",
    uris_have_salt=False,
    output_file_beside_outputs=False,
    display_name_is_task_name=True,
    publishes_logs=False,
    cache_key_has_volumes=False,
)
V2_14 = dataclasses.replace(
    V2_0,
    name="2.14",
    uris_have_salt=True,
    display_name_is_task_name=False,
    publishes_logs=True,
    cache_key_has_volumes=True,
)
V2_15 = dataclasses.replace(V2_14, name="2.15", output_file_beside_outputs=True)
