"""The errors of calls (SPEC section 9.18)."""

from typing import Optional

INVALID_ARGUMENT = "InvalidArgument"
FAILED_TO_START = "DataChannelFailedToStart"
RANDOM_ID_NOT_AVAILABLE = "DataChannelRandomIdNotAvailable"
SENDER_CLOSED = "DataChannelSenderClosed"
MESSAGE_SIZE_OVER_LIMIT = "DataChannelMessageSizeOverLimit"
FAILURE_FOR_BANDWIDTH = "DataChannelMessageFailureForBandwidth"
FAILURE_FOR_TRAFFIC_LIMIT = "DataChannelMessageFailureForTrafficLimit"


class CallError(Exception):
    """A refusal of a call: what was had, what the limit is, and when to try again."""

    def __init__(self, code: str, have: int = 0, limit: int = 0, retry: Optional[int] = None):
        super().__init__(code)
        self.code = code
        self.have = have
        self.limit = limit
        self.retry = retry


def require(condition: bool) -> None:
    """Refuses an argument out of its range (CALL-001)."""
    if not condition:
        raise CallError(INVALID_ARGUMENT)
