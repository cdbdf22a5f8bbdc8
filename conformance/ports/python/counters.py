"""The counters of an endpoint (SPEC section 9.17)."""

from dataclasses import dataclass


@dataclass
class Counters:
    """EVENT-005; the names are those of SPEC, which are also those of the port."""

    framesIn: int = 0
    malformed: int = 0
    accepted: int = 0
    duplicate: int = 0
    stale: int = 0
    superseded: int = 0
    ignored: int = 0
    mismatch: int = 0
    overflow: int = 0
    dropped: int = 0
    messagesIn: int = 0
    read: int = 0
    discarded: int = 0
    partials: int = 0
    completed: int = 0
    expired: int = 0
    evicted: int = 0
    abandoned: int = 0
    limited: int = 0
    forgotten: int = 0
    messagesOut: int = 0
    unsent: int = 0
    framesOut: int = 0
    held: int = 0
