"""Facial Keypoints Detection: 15 points on a face of 96x96 pixels."""
