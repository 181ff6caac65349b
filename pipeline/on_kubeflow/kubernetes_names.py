"""What Kubernetes takes for names and numbers."""

from __future__ import annotations

import dataclasses
import re

# Above it somebody means bytes or MiB.
MAX_MEMORY_GB = 20_000
QUANTITY = re.compile(r"(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+|[numkMGTPE]|[KMGTPE]i)?")

_PART = r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?"
_WORD = r"[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
_PREFIX = rf"(?=[^/]{{1,253}}/){_PART}(?:\.{_PART})*/"


@dataclasses.dataclass(frozen=True)
class Form:
    """A kind of names.

    Attributes:
      pattern: that the whole of a name matches.
      words: what it may be, for messages.
    """

    pattern: re.Pattern[str]
    words: str

    def fits(self, text: str) -> bool:
        """Whether a text is such a name."""
        return self.pattern.fullmatch(text) is not None


OBJECT = Form(re.compile(rf"(?=.{{1,253}}\Z){_PART}(?:\.{_PART})*"), "lower-case letters, digits, '-' and '.'")
# Kubeflow calls a volume like the object in it, and a volume's name has no dots.
VOLUME = Form(re.compile(rf"(?=.{{1,63}}\Z){_PART}"), "lower-case letters, digits and '-', 63 at most")
# Of a secret or a ConfigMap.
KEY = Form(re.compile(r"[-._A-Za-z0-9]{1,253}"), "letters, digits, '-', '_' and '.'")
# Of a label or a taint.
LABEL = Form(re.compile(rf"(?:{_PREFIX})?{_WORD}"), "letters, digits, '-', '_' and '.', after example.com/ or nothing")
LABEL_VALUE = Form(re.compile(f"(?:{_WORD})?"), "letters, digits, '-', '_' and '.', 63 at most")
RESOURCE = Form(re.compile(f"{_PREFIX}{_WORD}"), "what the cluster's machines offer, such as nvidia.com/gpu")
VARIABLE = Form(re.compile(r"[-._A-Za-z][-._A-Za-z0-9]*"), "letters, digits, '_', '-' and '.', no digit first")
IMAGE = Form(
    re.compile(
        r"(?:[a-zA-Z0-9.-]+(?::\d+)?/)?[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*"
        r"(?::(?P<tag>\w[\w.-]{0,127}))?(?P<digest>@[a-z0-9]+:[0-9a-fA-F]{32,})?"
    ),
    "registry/name:tag, the name in lower case",
)
