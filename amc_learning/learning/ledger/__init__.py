"""The trade ledger: from OPEN, MODIFY and CLOSE messages to positions, closed trades and what became of them.

Belongs here: messages as values (messages), what a set of them amounts to (records, settlement), which position one
belongs to (matching), the fold over days (fold), sessions and excursions of closed trades (holding), the candidate and
thesis behind them (links), and returns of opened positions at the horizons (outcomes). Not here: normalising messages
(intake).
"""
