"""What can go wrong with a vendor, each with its remedy in the message; no message ever holds a key.

Belongs here: the exception types. Not here: when they are raised (requests, polygon).
"""


class VendorError(Exception):
    """The vendor gave no usable answer; what was stored before stays, and asking again later may help."""


class VendorRefused(VendorError):  # noqa: N818 - the vendor's answer is the message, not the act of raising
    """The vendor does not accept the key, or the plan behind it does not include what was asked for."""
