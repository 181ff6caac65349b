"""Asks the served models about pictures of faces, over REST or gRPC.

`RestClient` needs neither TensorFlow nor gRPC; `serving.client.grpc_client.GrpcClient` imports both when it is created.
"""

from serving.client.answers import EMOTIONS, POINTS, Emotion, ImageError, Keypoints
from serving.client.interface import Client
from serving.client.rest_client import RestClient
from serving.errors import StatusError

__all__ = ["EMOTIONS", "POINTS", "Client", "Emotion", "ImageError", "Keypoints", "RestClient", "StatusError"]
