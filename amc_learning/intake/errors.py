"""The one exception of intake: a file that cannot be read as what it was given as.

Belongs here: the exception. Not here: bad rows or bad events, which are returned with their reason, never raised.
"""


class IntakeError(Exception):
    """A whole file cannot be used; the message says which file, what is wrong, and what to do."""
