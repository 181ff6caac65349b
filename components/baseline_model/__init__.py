"""The model that a candidate has to be no worse than."""
