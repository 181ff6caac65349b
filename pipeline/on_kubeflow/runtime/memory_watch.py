"""Says that memory runs short while there is still somebody to say it: the kernel kills without a word."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

_log = logging.getLogger(__name__)

CGROUP_FOLDER = Path("/sys/fs/cgroup")

_LEVELS = (0.80, 0.90, 0.95)

# Version 1 has no word for "no limit" but a number that no machine reaches.
_NO_LIMIT = 1 << 60

# As Kubeflow reads the memory of a package: `2.0` is 2G, not 2Gi.
_GB = 10**9

# Files of version 2, then of version 1: the limit, what is used, the statistics, and the statistic of the page cache
# that the kernel gives up before it kills.
_LAYOUTS = (
    ("memory.max", "memory.current", "memory.stat", "inactive_file"),
    ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "memory/memory.stat", "total_inactive_file"),
)


def memory_use(folder: Path) -> tuple[int, int] | None:
    """Memory of this container.

    Args:
      folder: where the control groups are mounted.

    Returns:
      Bytes in use that cannot be given up, and the limit; None where there is no limit or no control group.
    """
    for limit_file, used_file, statistics_file, cache in _LAYOUTS:
        try:
            limit, used = (folder / limit_file).read_text().strip(), int((folder / used_file).read_text())
            statistics = dict(line.split() for line in (folder / statistics_file).read_text().splitlines())
        except (OSError, ValueError):
            continue
        if limit == "max" or int(limit) >= _NO_LIMIT:
            return None
        return used - int(statistics.get(cache, 0)), int(limit)
    return None


def level_passed(used: int, limit: int) -> float:
    """The highest warning level that the use has reached, as a share of the limit; 0 below all."""
    return max((level for level in _LEVELS if used >= level * limit), default=0.0)


class MemoryWatch:
    """Logs each level once, when the use first passes it."""

    def __init__(self, node: str, folder: Path = CGROUP_FOLDER) -> None:
        self._node, self._folder = node, folder
        self._told = 0.0
        self._stopped = threading.Event()

    def start(self, every_s: float = 1.0) -> None:
        """Names the limit, then looks again and again from a thread, until `stop`."""
        use = memory_use(self._folder)
        if use is not None:
            # A burst between two looks kills without a word: then this line is the one that helps.
            _log.info(
                "%s may use %.1f GB of memory (memory_gb of components.%s in the platform file). If this log ends "
                "without another word, it was killed there (exit code 137, OOMKilled).",
                self._node,
                use[1] / _GB,
                self._node,
            )
            threading.Thread(target=self._run, args=(every_s,), name="memory-watch", daemon=True).start()

    def stop(self) -> None:
        """Ends what `start` began."""
        self._stopped.set()

    def look(self) -> None:
        """Looks once."""
        use = memory_use(self._folder)
        level = level_passed(*use) if use else 0.0
        if use and level > self._told:
            self._told = level
            _log.warning(
                "%s uses %.1f of %.1f GB of memory (over %.0f %%). If it is killed (exit code 137, OOMKilled), raise "
                "memory_gb of components.%s in the platform file.",
                self._node,
                use[0] / _GB,
                use[1] / _GB,
                100 * level,
                self._node,
            )

    def _run(self, every_s: float) -> None:
        while not self._stopped.wait(every_s):
            self.look()
