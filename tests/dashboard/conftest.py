"""A store with a finished run, a better one after it, a failed one and one that is going on."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import uvicorn
from ml_metadata.metadata_store import metadata_store
from ml_metadata.proto import metadata_store_pb2

from components.findings import Finding
from dashboard.connection import connection_config
from dashboard.pages import Pages
from dashboard.runs import Branch, open_store
from dashboard.server import create_app
from pipeline.tasks import EMOTION, KEYPOINTS
from tests.dashboard.branches import FOUND, BranchMaker
from tests.dashboard.damaged import emotion_branch, keypoints_branch
from tests.dashboard.stores import NodeSpec, StoreBuilder

FIRST, SECOND, FAILED, RUNNING = "run-1", "run-2", "run-3", "run-4"
AFTER_TRAINER = ("BaselineModel", "Evaluator", "BlessingGen", "ServableCheck", "ModelCardGen", "RunReport", "Pusher")
STOPPED = "/secret/place/icml_face_data.csv: the training did <b>not</b> converge"


@dataclasses.dataclass(frozen=True)
class Showcase:
    """The store's file, a maker for each branch, and the builder."""

    path: Path
    emotion: BranchMaker
    keypoints: BranchMaker
    builder: StoreBuilder

    @property
    def connection(self) -> metadata_store_pb2.ConnectionConfig:
        return connection_config(str(self.path))

    def going_on(self, trainer: str) -> list[NodeSpec]:
        """The nodes of a run of one branch whose Trainer is in the given state, and the rest waits."""
        return self.emotion.nodes(4, states={"Trainer": trainer, **dict.fromkeys(AFTER_TRAINER)})


@pytest.fixture(scope="session")
def showcase(drawn_csvs: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Showcase:
    folder = tmp_path_factory.mktemp("showcase")
    keypoints = BranchMaker(folder, KEYPOINTS, drawn_csvs[0])
    emotion = BranchMaker(folder, EMOTION, drawn_csvs[1])
    builder = StoreBuilder(folder / "metadata.sqlite")
    builder.add_run(FIRST, [*emotion.nodes(1, skill=0.6), *keypoints.nodes(1, skill=0.6)])
    found = [FOUND[0], Finding("white_images", "error", "2 rows: the image is white", "Remove them.", 2, (7, 8))]
    better = {"epochs": 5, "batch_size": 32, "seed": 1}
    builder.add_run(
        SECOND, [*emotion.nodes(2, skill=0.9, training=better, found=found), *keypoints.nodes(2, skill=0.9)]
    )
    stopped = {"Trainer": "failed", **dict.fromkeys(AFTER_TRAINER, "skipped")}
    failed = emotion.nodes(3, states=stopped, message=STOPPED)
    builder.add_run(FAILED, [*failed, *keypoints.nodes(3, blessed=False)])
    showcase = Showcase(builder.path, emotion, keypoints, builder)
    builder.add_run(RUNNING, showcase.going_on("running"), ended=False)
    return showcase


@pytest.fixture
def store(showcase: Showcase) -> Iterator[metadata_store.MetadataStore]:
    yield open_store(showcase.connection)


@contextmanager
def serving(connection: metadata_store_pb2.ConnectionConfig) -> Iterator[str]:
    """The address of a real server, for as long as the context is."""
    server = uvicorn.Server(
        uvicorn.Config(create_app(Pages(connection)), port=0, log_level="warning", access_log=False)
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.01)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture(scope="session")
def address(showcase: Showcase) -> Iterator[str]:
    """The dashboard of the showcase."""
    with serving(showcase.connection) as address:
        yield address


@pytest.fixture(scope="session")
def damaged_emotion(
    drawn_csvs: tuple[Path, Path], showcase: Showcase, tmp_path_factory: pytest.TempPathFactory
) -> Branch:
    served = showcase.emotion.chain.statistics
    return emotion_branch(tmp_path_factory.mktemp("damaged_emotion"), drawn_csvs[1], served)


@pytest.fixture(scope="session")
def damaged_keypoints(
    drawn_csvs: tuple[Path, Path], showcase: Showcase, tmp_path_factory: pytest.TempPathFactory
) -> Branch:
    statistics = showcase.keypoints.chain.statistics
    return keypoints_branch(tmp_path_factory.mktemp("damaged_keypoints"), drawn_csvs[0], statistics)
