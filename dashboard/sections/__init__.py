"""What there is to see of a branch: a module for each section; each is a function of artifacts that gives HTML."""
