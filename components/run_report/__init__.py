"""RunReport: what a branch has come to, as one page."""
