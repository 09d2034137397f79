"""The HTTP service: events in, documents out, the health of both, and one page for people.

Belongs here: HTTP. Not here: understanding payloads (intake), durability and published files (warehouse), learning of
any kind: the service answers from what was published, and imports neither Dagster nor a statistics library.
"""
