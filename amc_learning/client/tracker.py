"""Every change of a position, told to the learning system.

Belongs here: the call that portfolio code makes. Not here: sending (client).
"""

from amc_learning.client.client import LearningClient


class PortfolioTracker:
    """Tells a client about position changes; never waits and never raises.

    Args:
        client: what sends; one for the whole process.
    """

    def __init__(self, client: LearningClient) -> None:
        self._client = client

    async def track_position_change(self, symbol: object, change_type: object, change_data: object) -> bool:
        """As `LearningClient.send_position_change`; nothing is awaited in it."""
        return self._client.send_position_change(symbol, change_type, change_data)

    def track_position_change_sync(self, symbol: object, change_type: object, change_data: object) -> bool:
        """The same from code that does not await."""
        return self._client.send_position_change(symbol, change_type, change_data)
