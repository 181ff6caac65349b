"""What clients may rely on, asked of any server of our two models by its addresses alone.

    SERVING_REST=http://127.0.0.1:8501 SERVING_GRPC=127.0.0.1:8500 .venv/bin/pytest tests/serving/contract

asks the server that listens there, TensorFlow Serving's own (`tensorflow_model_server`) for instance. Without these
variables it asks a local server with random weights that it starts. Every expectation is TensorFlow Serving's: it
stands in its documentation (api_rest.md) or follows from its sources. What only our server does has no place here.

What the server lacks is skipped with the reason: the labels stable and canary, or a second version.
"""
