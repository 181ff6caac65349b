"""Finds what is wrong with face data, and names the rows."""
