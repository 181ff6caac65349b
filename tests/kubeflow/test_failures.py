"""What a container that fails leaves in its log: the last lines say what and where. Single nodes."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import pytest

from tests.kubeflow.conftest import PARAMETERS
from tests.kubeflow.packages import part_of, with_retries
from tests.kubeflow.platform.containers import Containers, ContainerSpec, Processes
from tests.kubeflow.platform.memory_group import memory_group
from tests.kubeflow.platform.package import Package
from tests.kubeflow.platform.release import V2_0, V2_14, V2_15, Release
from tests.kubeflow.platform.scheduler import Kubeflow, Run

pytestmark = pytest.mark.e2e

NODE = "KeypointsExampleGen"


@pytest.fixture
def reading(package: Package) -> Package:
    """The node that reads the keypoints' CSV, alone."""
    return part_of(package, NODE)


def installation(folder: Path, containers: Containers, volumes: dict[str, Path], release: Release = V2_15) -> Kubeflow:
    return Kubeflow(folder / "kubeflow", release, containers, volumes)


def logs_of_failures(run: Run) -> str:
    return "\n".join(run.tasks[name].log_text for name in run.in_state("FAILED"))


def last_lines(run_log: str, count: int = 10) -> str:
    return "\n".join(run_log.splitlines()[-count:])


@dataclasses.dataclass
class Late:
    """Containers; when the first of them is gone, somebody copies a file. Keeps what each has written."""

    containers: Containers
    source: Path
    target: Path
    logs: list[str] = dataclasses.field(default_factory=list)

    def run(self, spec: ContainerSpec) -> int:
        code = self.containers.run(spec)
        self.logs.append(spec.log.read_text())
        shutil.copyfile(self.source, self.target)
        return code


def test_a_file_that_comes_late_is_found_by_the_retry(
    reading: Package, containers: Processes, volumes: dict[str, Path], tmp_path: Path
) -> None:
    (tmp_path / "data").mkdir()
    late = Late(containers, volumes["emotion-ai-data"] / "training.csv", tmp_path / "data" / "late.csv")
    kubeflow = installation(tmp_path, late, {**volumes, "emotion-ai-data": tmp_path / "data"})
    run = kubeflow.run(with_retries(reading, 1), {**PARAMETERS, "keypoints_csv": "/data/late.csv"})
    first, _ = late.logs
    assert first.splitlines()[-1].startswith(f"{NODE} failed: /data/late.csv: no such file")
    assert (run.tasks[NODE].state, run.tasks[NODE].attempts) == ("SUCCEEDED", 2), run.tasks[NODE].log_text


def test_a_bad_file_is_named_with_row_column_and_remedy(
    reading: Package, containers: Processes, volumes: dict[str, Path], tmp_path: Path
) -> None:
    (tmp_path / "data").mkdir()
    text = (volumes["emotion-ai-data"] / "training.csv").read_text()
    (tmp_path / "data" / "training.csv").write_text(text.replace(",", ";"))
    kubeflow = installation(tmp_path, containers, {**volumes, "emotion-ai-data": tmp_path / "data"})
    task = kubeflow.run(with_retries(reading, 0), PARAMETERS).tasks[NODE]
    assert (task.state, task.attempts, task.exit_code) == ("FAILED", 1, 1)
    last = task.log_text.splitlines()[-1]
    assert last.startswith(f"{NODE} failed: /data/training.csv: row 0 (the header): separated by semicolons.")
    assert "Traceback" not in task.log_text
    # The launcher uploads no log of a failed attempt: it stays with the pod.
    assert not task.outputs


def test_a_container_killed_for_its_memory_has_said_which_setting_is_too_small(
    reading: Package, containers: Processes, volumes: dict[str, Path], tmp_path: Path
) -> None:
    with memory_group(10**8) as group:
        if group is None:
            pytest.skip("this user may make no control groups for memory")
    label = reading.component(NODE).executor_label
    container = type(reading.containers[label])()
    container.CopyFrom(reading.containers[label])
    # Less than the imports take.
    container.resources.memory_limit = 0.2
    small = dataclasses.replace(reading, containers={**reading.containers, label: container})
    task = installation(tmp_path, containers, volumes).run(with_retries(small, 0), PARAMETERS).tasks[NODE]
    assert (task.state, task.exit_code) == ("FAILED", 137)
    assert NODE in last_lines(task.log_text)
    assert "memory_gb" in last_lines(task.log_text)


def test_a_missing_secret_is_kubernetes_s_to_tell(
    reading: Package, containers: Processes, volumes: dict[str, Path], tmp_path: Path
) -> None:
    label = reading.component(NODE).executor_label
    secret = {"secretName": "kaggle", "keyToEnv": [{"secretKey": "token", "envVar": "KAGGLE_TOKEN"}]}
    config = {**reading.executor_configs[label], "secretAsEnv": [secret]}
    asking = dataclasses.replace(reading, executor_configs={**reading.executor_configs, label: config})
    run = installation(tmp_path, containers, volumes).run(asking, PARAMETERS)
    assert run.state == "RUNNING"
    assert run.tasks[NODE].message == 'CreateContainerConfigError: secret "kaggle" not found'
    assert run.tasks[NODE].exit_code is None


def test_a_missing_object_is_named_by_the_node_that_needs_it(
    package: Package, containers: Processes, volumes: dict[str, Path], tmp_path: Path
) -> None:
    """On an older release and in another store, whose layouts differ from those of test_run.py."""
    kubeflow, root = installation(tmp_path, containers, volumes, V2_14), "s3://bucket/root"
    before = kubeflow.run(with_retries(part_of(package, NODE, "KeypointsSchema"), 0), PARAMETERS, root)
    assert before.state == "SUCCEEDED", logs_of_failures(before)
    examples = before.tasks[NODE].outputs["examples"].uri
    kubeflow.objects.download(examples, tmp_path / "kept")
    kubeflow.objects.remove(examples)
    reading = with_retries(part_of(package, "KeypointsStatisticsGen"), 0)
    run = kubeflow.run(reading, PARAMETERS, root)
    # Kubeflow's cache knows nothing of it, and its launcher stages nothing without a word.
    assert run.tasks[NODE].state == "CACHED"
    task = run.tasks["KeypointsStatisticsGen"]
    last = task.log_text.splitlines()[-1]
    assert task.state == "FAILED"
    assert last.startswith("KeypointsStatisticsGen failed: ")
    assert examples in last

    kubeflow.objects.upload(tmp_path / "kept", examples)
    run = kubeflow.run(reading, PARAMETERS, root)
    assert run.state == "SUCCEEDED", logs_of_failures(run)
    statistics = run.tasks["KeypointsStatisticsGen"].outputs["statistics"]
    assert statistics.uri.startswith(f"{root}/emotion-ai/{run.id}/KeypointsStatisticsGen/")
    assert kubeflow.objects.names(statistics.uri)
    assert statistics.custom_properties["split_names"].string_value


def test_the_oldest_release_does_as_well(
    reading: Package, containers: Processes, volumes: dict[str, Path], tmp_path: Path
) -> None:
    kubeflow, root = installation(tmp_path, containers, volumes, V2_0), "gs://bucket/root"
    run = kubeflow.run(with_retries(reading, 0), PARAMETERS, root)
    assert run.state == "SUCCEEDED", logs_of_failures(run)
    examples = run.tasks[NODE].outputs["examples"]
    assert examples.uri == f"{root}/emotion-ai/{run.id}/{NODE}/examples"
    # Written by the container into a folder that no launcher makes.
    assert examples.custom_properties["split_names"].string_value
