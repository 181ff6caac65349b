"""DataReport: what a branch's data look like, and what is wrong with them."""
