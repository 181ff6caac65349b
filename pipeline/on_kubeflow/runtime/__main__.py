"""Runs one node: the command of every container of the package, see kubeflow_runner.py."""

from __future__ import annotations

import gc
import logging
import os
import sys
import time
from collections.abc import Sequence

from pipeline.on_kubeflow.runtime import failures, logs
from pipeline.on_kubeflow.runtime.invocation import parse_command_line
from pipeline.on_kubeflow.runtime.memory_watch import MemoryWatch

# The name of this module is `__main__` where it is run.
_log = logging.getLogger("pipeline.on_kubeflow.runtime")


def main(argv: Sequence[str]) -> int:
    """Runs the node that the command line names.

    Returns:
      The exit code: 0, or 1 where the node failed; its last lines then say why.
    """
    started = time.monotonic()
    invocation = parse_command_line(argv)
    node = invocation.node
    logs.log_to_stdout()
    failures.exit_on_sigterm(node)
    _log.info("%s starts: %s, pod %s", node, invocation.executor, os.environ.get("KFP_POD_NAME", "unknown"))
    for key, uris in invocation.input_uris:
        _log.info("  input %s: %s", key, ", ".join(uris))
    watch = MemoryWatch(node)
    watch.start()
    try:
        # Imports leave millions of objects that stay: looking for garbage among them takes a quarter of the start.
        gc.disable()
        # Not before: it takes seconds, and an image may lack a package.
        from pipeline.on_kubeflow.runtime.node_run import run_node

        gc.freeze()
        gc.enable()
        run_node(invocation, started)
    except Exception as error:
        failures.report(error, node)
        return 1
    finally:
        watch.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
