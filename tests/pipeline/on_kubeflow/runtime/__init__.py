"""Tests of what a container runs."""
