"""GetModelStatus's answer."""

from __future__ import annotations

from collections.abc import Iterable

from tensorflow_serving.apis import get_model_status_pb2

from serving.server import codes
from serving.server.versions import VersionStatus


def status_response(statuses: Iterable[VersionStatus]) -> get_model_status_pb2.GetModelStatusResponse:
    """What is known about versions, as a proto."""
    response = get_model_status_pb2.GetModelStatusResponse()
    for status in statuses:
        added = response.model_version_status.add(version=status.version, state=int(status.state))
        added.status.error_code = codes.OK if status.error is None else status.error.code
        added.status.error_message = "" if status.error is None else status.error.message
    return response
