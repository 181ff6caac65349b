"""A Pusher whose versions appear whole or not at all."""
