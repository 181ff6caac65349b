"""Errors whose text is all that a person gets to see: what is wrong, where, and what to do about it."""


class ExplainedError(Exception):
    """Base of the errors that need no traceback. Raised itself where only one branch of the DAG must stop."""


class InputError(ExplainedError):
    """A file, a row or a setting that cannot be used; the whole run stops, so that nothing is pushed.

    The text names the file, the row and the column where they apply, and the remedy.
    """
