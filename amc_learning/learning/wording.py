"""Numbers of evidence as sentences say them.

Belongs here: p-values and evidence in reasons. Not here: whole sentences (with what they decide), pages (reports).
"""

LEAST_P_VALUE = 0.001
"""Draws do not tell smaller ones apart, and nobody decides by their difference."""


def p_value_text(value: float) -> str:
    """A p-value with its sign: three decimals, what is tiny below a bound.

    >>> p_value_text(0.04213), p_value_text(0.2), p_value_text(0.00004)
    ('p = 0.042', 'p = 0.2', 'p < 0.001')
    """
    return f"p < {LEAST_P_VALUE:g}" if value < LEAST_P_VALUE else f"p = {round(value, 3):g}"


def evidence_text(value: float) -> str:
    """An e-value: whole from a hundred on, three digits below, never a power of ten.

    >>> evidence_text(1099.7), evidence_text(40.0), evidence_text(0.0712), evidence_text(0.0000012)
    ('1,100', '40', '0.0712', '0')
    """
    return f"{value:,.0f}" if value >= 100 else f"{float(f'{value:.3g}'):.4f}".rstrip("0").rstrip(".")
