"""Pages for people, drawn from published documents alone.

Belongs here: turning a document into HTML. Not here: which numbers a document holds (stages, learning), where it lies
(warehouse). A page needs nothing but its document: no store, no clock, no request to anywhere, so any night of the past
is drawn when somebody asks for it.
"""
