"""Drawn faces: the data set that ships with the product, in the two Kaggle CSV formats."""

from pipeline.drawn_faces.dataset import draw_emotion_faces, draw_keypoint_faces, write_kaggle_csvs

__all__ = ["draw_emotion_faces", "draw_keypoint_faces", "write_kaggle_csvs"]
