"""A local stand-in for `tensorflow_model_server`: the same flags, REST and gRPC, for laptops and tests."""
