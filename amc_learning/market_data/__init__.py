"""Market data from vendors over HTTP: one client per vendor, its answers as tables of sent rows.

Belongs here: talking to a vendor. Not here: which bars can be true (intake), where they are kept (warehouse), settings:
addresses, keys and limits come by argument.
"""
