"""What trading systems send, understood: payloads and files in, rows of our tables out.

Belongs here: reading files, and pure functions from what was sent to what it means. Not here: where anything is kept
(warehouse) or what follows from it (learning). Nothing is dropped: what is not understood comes back with its reason.
"""
