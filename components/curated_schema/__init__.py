"""The curated schema of a data set, as an artifact."""
