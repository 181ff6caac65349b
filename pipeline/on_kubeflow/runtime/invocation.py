"""The command line of a container."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import re
from collections.abc import Sequence

# Environment variable of the containers in our own packages.
NODE_VARIABLE = "NODE_ID"

# Between a task's name and its outputs' names, from release 2.2 on.
_SALT = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d+")


@dataclasses.dataclass(frozen=True)
class Invocation:
    """What a container is asked to do.

    Attributes:
      executor: dotted path of the executor's class.
      executor_input: an ExecutorInput as JSON, see Kubeflow's pipeline_spec.proto.
      inputs_spec: a ComponentInputsSpec as JSON.
      beam_args: all other arguments.
    """

    executor: str
    executor_input: str
    inputs_spec: str
    beam_args: list[str]

    @property
    def node(self) -> str:
        """The node's id.

        Our packages give it to the container. Kubeflow says it nowhere but in the URIs of the node's outputs:
        <root>/<task>/[<salt>/]<output>.
        """
        if NODE_VARIABLE in os.environ:
            return os.environ[NODE_VARIABLE]
        for key, uris in self._uris("outputs"):
            for uri in uris:
                *folders, name = uri.rstrip("/").split("/")
                if name == key and len(folders) > 2:
                    return folders[-2] if _SALT.fullmatch(folders[-1]) else folders[-1]
        # A node without outputs: say, components.atomic_pusher.executor.Executor.
        return self.executor.rpartition(".executor.")[0].rpartition(".")[2] or self.executor

    @property
    def input_uris(self) -> list[tuple[str, list[str]]]:
        """Name and URIs of each input."""
        return self._uris("inputs")

    def _uris(self, side: str) -> list[tuple[str, list[str]]]:
        # Without TFX's protocol, whose import takes seconds.
        try:
            artifacts = json.loads(self.executor_input).get(side, {}).get("artifacts", {})
        except ValueError:
            # Not filled in by Kubeflow. The error comes when it is parsed in earnest.
            return []
        return [(key, [a.get("uri", "") for a in artifacts[key].get("artifacts", [])]) for key in sorted(artifacts)]


def parse_command_line(argv: Sequence[str]) -> Invocation:
    """Reads the arguments that TFX's compiler gives the container."""
    parser = argparse.ArgumentParser(
        prog="python -m pipeline.on_kubeflow.runtime",
        description="Runs one node of a TFX pipeline in a container of Kubeflow Pipelines, which fills in `{{$}}`.",
        allow_abbrev=False,
    )
    parser.add_argument("--executor_class_path", required=True, help="class of the executor, by its dotted path")
    parser.add_argument("--json_serialized_invocation_args", required=True, help="an ExecutorInput as JSON")
    parser.add_argument("--json_serialized_inputs_spec_args", required=True, help="a ComponentInputsSpec as JSON")
    known, beam_args = parser.parse_known_args(argv)
    return Invocation(
        known.executor_class_path,
        known.json_serialized_invocation_args,
        known.json_serialized_inputs_spec_args,
        beam_args,
    )
