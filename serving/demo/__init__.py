"""The demo page: a photo or the webcam in the browser, answered by the models."""
