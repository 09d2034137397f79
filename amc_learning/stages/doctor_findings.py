"""What an examination says: one thing looked at, how it was found, and the command that mends it.

Belongs here: the shape of a finding. Not here: looking (doctor and its neighbours).
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One thing looked at: what was found, where, and, when it is not well, what to do."""

    subject: str
    """What was looked at; each has its section in the runbook."""
    is_ok: bool
    finding: str
    remedy: str = ""
    """The command to run, or what a person has to decide."""
    where: str = ""
    """The file, folder, setting or address it is about."""

    @property
    def section(self) -> str:
        """Anchor of its section in the runbook.

        >>> Finding("price bars", is_ok=True, finding="no session is missing").section
        'finding-price-bars'
        """
        return f"finding-{self.subject.lower().replace(' ', '-')}"
