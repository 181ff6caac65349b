"""`python -m serving.server`: see flags.py."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys
import warnings

from serving.errors import UsageError
from serving.server import configuration
from serving.server.flags import Flags, parse
from serving.server.sockets import bound_sockets


def main(arguments: list[str]) -> int:
    """Serves; returns the process's exit code."""
    # Ctrl-C while the libraries are imported ends the process without their traceback; app.py handles it from then on.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        flags = parse(arguments)
        print(_greeting(flags), flush=True)
        settings = configuration.read(flags)
        # What the libraries have to say is not for who serves a model.
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        os.environ.setdefault("GRPC_VERBOSITY", "NONE")
        warnings.simplefilter("ignore")
        logging.disable(logging.CRITICAL)
        with bound_sockets(flags) as rest_socket:
            from serving.server.app import run

            run(flags, settings, rest_socket)
    except UsageError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def _greeting(flags: Flags) -> str:
    places = []
    if flags.rest_api_port:
        places.append(f"REST http://{flags.host}:{flags.rest_api_port}")
    if flags.port:
        places.append(f"gRPC {flags.host}:{flags.port}")
    if flags.grpc_socket_path:
        places.append(f"gRPC unix:{flags.grpc_socket_path}")
    if flags.rest_api_port:
        places.append(f"demo page http://{flags.host}:{flags.rest_api_port}/demo")
    return f"Local stand-in for TensorFlow Serving (this is not TensorFlow Serving): {', '.join(places)}"


if __name__ == "__main__":
    code = main(sys.argv[1:])
    for stream in (sys.stdout, sys.stderr):
        # Who was to read it may be gone.
        with contextlib.suppress(OSError):
            stream.flush()
    # Python's own end would stop a thread that is just loading a model within TensorFlow, which then aborts.
    os._exit(code)
