"""What can go wrong when the service is started or its keys are handled, each with its remedy in the message.

Belongs here: the exception types. Not here: answers to requests (answers).
"""


class ServiceError(Exception):
    """The service cannot be started so; the message says what to change."""


class KeyFileError(Exception):
    """The keys cannot be used; the message says what to do."""
