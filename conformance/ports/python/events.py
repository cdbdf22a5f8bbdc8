"""Events that wait to be polled (SPEC section 9.17)."""

from typing import Any, NamedTuple, Optional

CREATED = "created"
MESSAGE = "message"
CLOSED = "closed"
SENDER_CLOSED = "senderClosed"

# Reasons with which receivers and senders close.
REASON_CLOSED = "closed"
REASON_REPLACED = "replaced"
REASON_IDLE = "idle"
REASON_OVERFLOW = "overflow"
REASON_LIMIT = "limit"
REASON_LEFT = "left"
REASON_LINK = "link"


class Event(NamedTuple):
    """One event; ``subject`` is the receiver, or the sender, that it speaks of."""

    kind: str
    subject: Any
    reason: Optional[str] = None


class Events:
    """A queue of which events can be withdrawn before they are polled."""

    def __init__(self):
        self._waiting: dict[int, Event] = {}  # in the order in which they came about
        self._added = 0

    def add(self, kind: str, subject: Any, reason: Optional[str] = None) -> int:
        """Adds an event and gives the ticket with which it can be withdrawn."""
        self._added += 1
        self._waiting[self._added] = Event(kind, subject, reason)
        return self._added

    def withdraw(self, ticket: int) -> None:
        self._waiting.pop(ticket, None)

    def poll(self) -> Optional[tuple[int, Event]]:
        """The oldest event and its ticket, or none."""
        for ticket in self._waiting:
            return ticket, self._waiting.pop(ticket)
        return None
