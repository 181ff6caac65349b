"""The model server's configuration files: reading them, and making one from the models in a folder."""
