"""The dashboard: one page, drawn on the server from published documents and counts."""
