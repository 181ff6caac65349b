"""Runs a container's own command between its inputs and its outputs.

backend/src/v2/component/launcher_v2.go: addDefaultParams, getPlaceholders, downloadArtifacts, prepareOutputFolders,
getExecutorOutputFile, collectOutputParameters, mergeRuntimeArtifacts and uploadOutputArtifacts.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable
from pathlib import Path

from kfp.pipeline_spec import pipeline_spec_pb2

from tests.kubeflow.platform import protojson
from tests.kubeflow.platform.driver import as_text
from tests.kubeflow.platform.metadata import MetadataError, MetadataStore
from tests.kubeflow.platform.object_store import ObjectStore, local_path
from tests.kubeflow.platform.package import Component

_LOGS = "executor-logs"


class LauncherError(RuntimeError):
    """The launcher exits with 1, after the container's own command or instead of it."""


def launch(
    executor_input: pipeline_spec_pb2.ExecutorInput,
    component: Component,
    command: list[str],
    run: Callable[[list[str]], int],
    here: Callable[[str], Path],
    log: Path,
    objects: ObjectStore,
    store: MetadataStore,
) -> dict[str, int]:
    """Runs one attempt.

    Args:
      executor_input: what the driver has prepared; outputs are merged into it, as in the launcher.
      component: of the task.
      command: with placeholders.
      run: starts a command in the container and returns its exit code.
      here: path in the container -> the same place as this process sees it.
      log: what the command has written.
      objects: for inputs and outputs.
      store: for the outputs.

    Returns:
      Output key -> id of its artifact.

    Raises:
      LauncherError: the attempt has failed.
    """
    for artifacts in executor_input.inputs.artifacts.values():
        # TODO in the launcher, too: only the first.
        _download(artifacts.artifacts[0].uri, here, objects)
    _prepare_folders(executor_input, here)
    code = run(substitute(command, with_defaults(executor_input, component)))
    if code:
        raise LauncherError(f"exit status {code}")
    if _LOGS in executor_input.outputs.artifacts:
        here(str(local_path(executor_input.outputs.artifacts[_LOGS].artifacts[0].uri))).write_bytes(log.read_bytes())
    output = _executor_output(here(executor_input.outputs.output_file))
    for name in executor_input.outputs.parameters:
        if name not in output.parameter_values:
            raise NotImplementedError("this emulation collects no output parameters from files")
    return _publish(executor_input, output, here, objects, store)


def with_defaults(
    executor_input: pipeline_spec_pb2.ExecutorInput, component: Component
) -> pipeline_spec_pb2.ExecutorInput:
    """A copy that has the component's defaults where a parameter has no value."""
    result = pipeline_spec_pb2.ExecutorInput()
    result.CopyFrom(executor_input)
    for name, spec in component.input_definitions.parameters.items():
        if spec.HasField("default_value") and name not in result.inputs.parameter_values:
            result.inputs.parameter_values[name].CopyFrom(spec.default_value)
    return result


def substitute(command: list[str], executor_input: pipeline_spec_pb2.ExecutorInput) -> list[str]:
    """Fills the placeholders in. One that a value brings with it may be filled in, too, as Go does in random order."""
    values = {"{{$}}": protojson.marshal(executor_input)}
    for key, place in (("inputs", executor_input.inputs), ("outputs", executor_input.outputs)):
        for name, artifacts in place.artifacts.items():
            uri = artifacts.artifacts[0].uri
            values[f"{{{{$.{key}.artifacts['{name}'].uri}}}}"] = uri
            path = local_path(uri)
            if path is not None:
                values[f"{{{{$.{key}.artifacts['{name}'].path}}}}"] = path
    for name, value in executor_input.inputs.parameter_values.items():
        values[f"{{{{$.inputs.parameters['{name}']}}}}"] = as_text(value)
    for name, parameter in executor_input.outputs.parameters.items():
        values[f"{{{{$.outputs.parameters['{name}'].output_file}}}}"] = parameter.output_file
    result = []
    for argument in command:
        for placeholder, replacement in values.items():
            argument = argument.replace(placeholder, replacement)
        result.append(argument)
    return result


def _download(uri: str, here: Callable[[str], Path], objects: ObjectStore) -> None:
    path = local_path(uri)
    # Warningf("... does not have a recognized storage URI ... Skipping downloading to local path.")
    if path is not None:
        objects.download(uri, here(path))


def _prepare_folders(executor_input: pipeline_spec_pb2.ExecutorInput, here: Callable[[str], Path]) -> None:
    for parameter in executor_input.outputs.parameters.values():
        here(posixpath.dirname(parameter.output_file)).mkdir(parents=True, exist_ok=True)
    for name, artifacts in executor_input.outputs.artifacts.items():
        path = local_path(artifacts.artifacts[0].uri)
        if path is None:
            raise LauncherError(f'failed to generate local storage path for output artifact "{name}"')
        # The folder above it: whether the output is a file or a folder is for the container to say.
        here(posixpath.dirname(path)).mkdir(parents=True, exist_ok=True)


def _executor_output(path: Path) -> pipeline_spec_pb2.ExecutorOutput:
    if not path.exists():
        return pipeline_spec_pb2.ExecutorOutput()
    try:
        return protojson.unmarshal(path.read_text(), pipeline_spec_pb2.ExecutorOutput())
    except protojson.ParseError as error:
        raise LauncherError(f'failed to unmarshall ExecutorOutput in file "{path}": {error}') from None


def _merge(given: pipeline_spec_pb2.RuntimeArtifact, artifact: pipeline_spec_pb2.RuntimeArtifact) -> None:
    """URI and metadata are taken over; a name and a type are not."""
    if given.uri:
        artifact.uri = given.uri
    for key, value in given.metadata.fields.items():
        artifact.metadata.fields[key].CopyFrom(value)


def _publish(
    executor_input: pipeline_spec_pb2.ExecutorInput,
    output: pipeline_spec_pb2.ExecutorOutput,
    here: Callable[[str], Path],
    objects: ObjectStore,
    store: MetadataStore,
) -> dict[str, int]:
    published = {}
    for key, artifacts in executor_input.outputs.artifacts.items():
        artifact = artifacts.artifacts[0]
        if key in output.artifacts and output.artifacts[key].artifacts:
            _merge(output.artifacts[key].artifacts[0], artifact)
        path = local_path(artifact.uri)
        if path is not None and here(path).exists():
            objects.upload(here(path), artifact.uri)
        kind = artifact.type.WhichOneof("kind")
        if kind not in ("schema_title", "instance_schema"):
            raise LauncherError(f'failed to determine schema for output "{key}": unknown type {kind}')
        schema = artifact.type.instance_schema or f"title: {artifact.type.schema_title}"
        try:
            published[key] = store.record_artifact(key, schema, artifact).id
        except MetadataError as error:
            raise LauncherError(f'unable to produce MLMD artifact for output "{key}": {error}') from None
    return published
