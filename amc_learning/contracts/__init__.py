"""What crosses a border: events in, documents out, and the schema of every table in between.

Belongs here: names, types, units and meanings. Not here: logic (learning, intake), storage (warehouse).
"""
