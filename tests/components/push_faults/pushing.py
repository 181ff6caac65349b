"""Models to push, pushes by the real executor, and a look at what they leave."""

from __future__ import annotations

from pathlib import Path

from tfx.types import artifact, standard_artifacts

from components.atomic_pusher import executor
from components.model_versions import TRAINING_STATISTICS

STATISTICS = "statistics"
Files = dict[str, str]


def saved_model(folder: Path, content: str) -> standard_artifacts.Model:
    serving = folder / "Format-Serving"
    (serving / "variables").mkdir(parents=True)
    (serving / "saved_model.pb").write_text(content)
    (serving / "variables" / "variables.index").write_text("index")
    return model_at(folder)


def model_at(folder: Path) -> standard_artifacts.Model:
    model = standard_artifacts.Model()
    model.uri = str(folder)
    return model


def whole(content: str) -> Files:
    """The files of a version with a saved_model of that content."""
    return {"saved_model.pb": content, "variables/variables.index": "index", TRAINING_STATISTICS: STATISTICS}


def push(
    folder: Path,
    model: standard_artifacts.Model,
    blessed: int = 1,
    learned_from: str = STATISTICS,
    base: Path | None = None,
    keep_versions: int | None = None,
    **more_inputs: artifact.Artifact,
) -> standard_artifacts.PushedModel:
    """Pushes to `base`, by default `folder`/models."""
    blessing, pushed = standard_artifacts.ModelBlessing(), standard_artifacts.PushedModel()
    statistics = standard_artifacts.ExampleStatistics()
    statistics.uri, statistics.split_names = str(folder / "statistics"), '["train"]'
    (folder / "statistics" / "Split-train").mkdir(parents=True, exist_ok=True)
    (folder / "statistics" / "Split-train" / "FeatureStats.pb").write_text(learned_from)
    blessing.set_int_custom_property("blessed", blessed)
    blessing.uri = str(folder / "blessing")
    inputs = {"model": model, "model_blessing": blessing, "statistics": statistics, **more_inputs}
    executor.Executor().Do(
        {name: [value] for name, value in inputs.items()},
        {"pushed_model": [pushed]},
        {"model_base_path": str(base or folder / "models"), "run_id": "1", "keep_versions": keep_versions},
    )
    return pushed


def files(folder: Path) -> Files:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def versions(base: Path) -> list[int]:
    return sorted(int(path.name) for path in base.iterdir() if path.name.isdigit())


def contents(base: Path) -> list[str]:
    """The saved_model.pb of each version, oldest first; fails where a version is not whole."""
    found = []
    for version in versions(base):
        present = files(base / str(version))
        found.append(present["saved_model.pb"])
        assert present == whole(found[-1])
    return found


def leftovers(base: Path) -> list[str]:
    return [path.name for path in base.iterdir() if path.name.startswith((".pushing", ".removing"))]
