"""FaceCsvExampleGen against the stock CsvExampleGen on the same emotion CSV, in the same run.

    python -m benchmarks.ingest [icml_face_data.csv]

Each turn runs one real executor in a process of its own; imports are not counted. Turns alternate, so that both
sides meet the same neighbours on a shared machine. Then TFDV's statistics of both outputs are compared in size.
Without a file it draws 10,000 rows.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TURNS = 3


def turn(side: str, csv: Path, folder: Path) -> None:
    """Runs one executor; prints its seconds, and the size of the statistics, as JSON."""
    from tfx.components.example_gen.csv_example_gen.executor import Executor as StockExecutor
    from tfx.components.statistics_gen.executor import Executor as StatisticsExecutor
    from tfx.proto import example_gen_pb2
    from tfx.types import artifact_utils, standard_artifacts
    from tfx.utils import io_utils, proto_utils

    from components.face_csv_example_gen.executor import Executor
    from pipeline.deployment import BEAM_IN_PROCESS
    from pipeline.emotion.features import CSV_FORMAT
    from pipeline.tasks import EMOTION

    executor_class = Executor if side == "ours" else StockExecutor
    context = executor_class.Context(
        beam_pipeline_args=list(BEAM_IN_PROCESS), tmp_dir=str(folder / "tmp"), unique_id="1"
    )
    examples = standard_artifacts.Examples()
    examples.uri = str(folder / "examples")
    splits = [
        example_gen_pb2.SplitConfig.Split(name=n, hash_buckets=b) for n, b in (("train", 3), ("eval", 1), ("test", 1))
    ]
    properties = {
        "ours": {"csv_path": str(csv), "csv_format": CSV_FORMAT.to_json(), "class_coding": "auto", "split_by": "hash"},
        "stock": {
            "input_base": str(csv.parent),
            "input_config": proto_utils.proto_to_json(
                example_gen_pb2.Input(splits=[example_gen_pb2.Input.Split(name="all", pattern=csv.name)])
            ),
            "output_config": proto_utils.proto_to_json(
                example_gen_pb2.Output(split_config=example_gen_pb2.SplitConfig(splits=splits))
            ),
            "output_data_format": example_gen_pb2.FORMAT_TF_EXAMPLE,
            "output_file_format": example_gen_pb2.FORMAT_TFRECORDS_GZIP,
        },
    }
    started = time.monotonic()
    executor_class(context).Do({}, {"examples": [examples]}, properties[side])
    seconds = time.monotonic() - started

    examples.split_names = artifact_utils.encode_split_names(["train", "eval", "test"])
    stats, schema = standard_artifacts.ExampleStatistics(), standard_artifacts.Schema()
    stats.uri, schema.uri = str(folder / "statistics"), str(folder / "schema")
    inputs = {"examples": [examples]}
    if side == "ours":
        io_utils.copy_file(str(EMOTION.schema_file), str(folder / "schema" / "schema.pbtxt"))
        inputs["schema"] = [schema]
    StatisticsExecutor(context).Do(inputs, {"statistics": [stats]}, {"exclude_splits": "[]"})
    size = sum(path.stat().st_size for path in Path(stats.uri).rglob("*.pb"))
    print(json.dumps({"seconds": seconds, "statistics_bytes": size}))


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        if len(sys.argv) > 1:
            csv = Path(sys.argv[1]).resolve()
        else:
            from pipeline.drawn_faces import write_kaggle_csvs

            _, csv = write_kaggle_csvs(Path(folder), keypoint_rows=1, emotion_rows=10_000)
        with open(csv, "rb") as file:
            rows = sum(1 for _ in file) - 1
        results: dict[str, list[dict[str, float]]] = {"stock": [], "ours": []}
        for number in range(TURNS):
            for side, found in results.items():
                with tempfile.TemporaryDirectory() as turn_folder:
                    process = subprocess.run(
                        [sys.executable, "-m", "benchmarks.ingest", "--turn", side, str(csv), turn_folder],
                        stdout=subprocess.PIPE,
                        stderr=subprocess.DEVNULL,
                        check=True,
                    )
                found.append(json.loads(process.stdout.splitlines()[-1]))
                print(f"turn {number + 1} {side:6} {rows / found[-1]['seconds']:8,.0f} rows/s", flush=True)
    rates = {side: rows / statistics.median(r["seconds"] for r in found) for side, found in results.items()}
    sizes = {side: found[0]["statistics_bytes"] for side, found in results.items()}
    print(f"rows per second, median: stock {rates['stock']:,.0f}, FaceCsvExampleGen {rates['ours']:,.0f}")
    print(f"FaceCsvExampleGen is {rates['ours'] / rates['stock']:.1f} times as fast")
    print(f"statistics proto: stock {sizes['stock']:,.0f} bytes, FaceCsvExampleGen {sizes['ours']:,.0f} bytes")
    print(f"statistics are {sizes['stock'] / sizes['ours']:.0f} times smaller")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--turn"]:
        turn(sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4]))
    else:
        main()
