"""The command line: `tensorflow_model_server`'s flags, under its names, and two of the stand-in's own."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import NoReturn

from serving.errors import UsageError


@dataclasses.dataclass(frozen=True)
class Flags:
    """See `--help`; the fields have the flags' names."""

    host: str
    port: int
    rest_api_port: int
    grpc_socket_path: str
    model_name: str
    model_base_path: str
    model_config_file: Path | None
    model_config_file_poll_wait_seconds: int
    file_system_poll_wait_seconds: int
    max_num_load_retries: int
    load_retry_interval_micros: int
    enable_batching: bool
    batching_parameters_file: Path | None
    monitoring_config_file: Path | None
    rest_api_timeout_in_ms: int
    tensorflow_intra_op_parallelism: int
    tensorflow_inter_op_parallelism: int
    enable_model_warmup: bool
    allow_version_labels_for_unavailable_models: bool
    max_request_mb: float


class _Parser(argparse.ArgumentParser):
    """Raises where the standard one ends the process."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}. See `python -m serving.server --help` for the flags.")


def parse(arguments: list[str]) -> Flags:
    """The flags of a command line.

    Raises:
      UsageError: it cannot be used.
    """
    flags = Flags(**vars(_parser().parse_args(arguments)))
    if not flags.port and not flags.grpc_socket_path and not flags.rest_api_port:
        raise UsageError("--port, --grpc_socket_path, --rest_api_port: none is set. Name at least one to listen at.")
    if flags.port and flags.port == flags.rest_api_port:
        raise UsageError(f"--rest_api_port: {flags.port} is --port, too. Choose two different ones.")
    if not flags.model_config_file and not flags.model_base_path:
        raise UsageError("--model_config_file or --model_base_path is needed: what to serve.")
    if not flags.model_config_file and not flags.model_base_path.startswith("/"):
        raise UsageError(
            f"--model_base_path: {flags.model_base_path} is relative. TensorFlow Serving takes absolute paths only."
        )
    if flags.batching_parameters_file and not flags.enable_batching:
        raise UsageError("--batching_parameters_file: has no effect without --enable_batching. Add that.")
    return flags


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="python -m serving.server",
        description="A local stand-in for tensorflow_model_server, for laptops and tests.",
        allow_abbrev=False,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen at; TensorFlow Serving listens at all")
    add("--port", type=_port, default=8500, help="of gRPC; 0: none")
    add("--rest_api_port", type=_port, default=8501, help="of REST and the demo page; 0: none")
    add("--grpc_socket_path", default="", help="a UNIX socket for gRPC")
    add("--model_name", default="default", help="name of the model; without --model_config_file")
    add("--model_base_path", default="", help="folder of its versions; without --model_config_file")
    add("--model_config_file", type=Path, help="a ModelServerConfig as text: several models")
    add("--model_config_file_poll_wait_seconds", type=_count, default=0, help="between looks into it; 0: only one")
    add("--file_system_poll_wait_seconds", type=_count, default=1, help="between looks for versions; 0: only one")
    add("--max_num_load_retries", type=_count, default=5, help="further attempts to load a version")
    add("--load_retry_interval_micros", type=_count, default=60_000_000, help="microseconds between them")
    _add_switch(parser, "--enable_batching", False, "run requests together")
    add("--batching_parameters_file", type=Path, help="BatchingParameters as text")
    add("--monitoring_config_file", type=Path, help="a MonitoringConfig as text: serve metrics")
    add("--rest_api_timeout_in_ms", type=_count, default=30_000, help="for running a model")
    add("--tensorflow_intra_op_parallelism", type=_count, default=0, help="threads of one operation; 0: automatic")
    add("--tensorflow_inter_op_parallelism", type=_count, default=0, help="operations at a time; 0: automatic")
    _add_switch(parser, "--enable_model_warmup", True, "replay the models' warm-up requests")
    _add_switch(
        parser, "--allow_version_labels_for_unavailable_models", False, "labels may name versions that still load"
    )
    add("--max_request_mb", type=_megabytes, default=32.0, help="MiB of a request, the stand-in's own limit")
    return parser


def _add_switch(parser: argparse.ArgumentParser, name: str, default: bool, text: str) -> None:
    # Without a value it is switched on, as --flag=true.
    parser.add_argument(name, type=_boolean, nargs="?", const=True, default=default, help=text)


def _boolean(text: str) -> bool:
    values = {"true": True, "1": True, "t": True, "false": False, "0": False, "f": False}
    if text.lower() not in values:
        raise argparse.ArgumentTypeError(f"{text!r} is neither true nor false")
    return values[text.lower()]


def _port(text: str) -> int:
    port = _count(text)
    if port > 65535:
        raise argparse.ArgumentTypeError(f"{text} is no port, the highest is 65535")
    return port


def _count(text: str) -> int:
    if not (text.isascii() and text.isdecimal()):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 0")
    return int(text)


def _megabytes(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 2048:
        raise argparse.ArgumentTypeError(f"{text!r} is no number above 0 and below 2048")
    return value
