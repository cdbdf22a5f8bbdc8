"""Limits of traffic (SPEC section 9.10)."""

from dataclasses import dataclass
from typing import Optional

import calls

MAX_RATE = 10_000_000

# What a bucket holds is counted in thousandths of a bit and millionths of a packet,
# so that it gains its rate each microsecond (RATE-006).
PER_BIT = 1000
PER_PACKET = 1_000_000

LEAST_DEPTH_BITS = 262144
LEAST_DEPTH_PACKETS = 28
PACKET_BYTES = 1200


@dataclass(frozen=True)
class Limits:
    """The rates in kbit/s and packets/s; ``None`` is no limit."""

    durable: Optional[int] = 64
    lossy: Optional[int] = 512
    lossy_high: Optional[int] = 200
    broadcast_packets: Optional[int] = 80

    def __post_init__(self):
        for rate in (self.durable, self.lossy, self.lossy_high, self.broadcast_packets):
            if rate is not None and not 1 <= rate <= MAX_RATE:
                raise ValueError(f"a rate is not from 1 to {MAX_RATE}")


class Bucket:
    """Holds up to ``depth`` and gains ``rate`` each microsecond."""

    def __init__(self, rate: int, depth: int, now: int):
        self.rate = rate
        self.depth = depth
        self.level = depth
        self.time = now

    def update(self, now: int) -> None:
        self.level = min(self.depth, self.level + self.rate * (now - self.time))
        self.time = now

    def set_rate(self, rate: int, now: int) -> None:
        self.update(now)  # RATE-007
        self.rate = rate

    def when(self, cost: int) -> Optional[int]:
        """The earliest time at which it holds ``cost``, or none."""
        if self.level >= cost:
            return self.time
        if self.rate == 0:
            return None
        return self.time - (self.level - cost) // self.rate  # rounded up


class _Class:
    """The bucket of a class, and the one for its broadcasts."""

    def __init__(self, rate: int, now: int):
        depth = max(1000 * rate, LEAST_DEPTH_BITS) * PER_BIT
        self.own = Bucket(rate, depth, now)
        self.broadcast = Bucket(rate, depth, now)

    def set_received(self, kbps: int, now: int) -> None:
        rate = self.own.rate - (4 * kbps + 4) // 5
        self.broadcast.set_rate(max(0, rate), now)  # RATE-003


class Buckets:
    """All buckets of an endpoint; a class without a limit has none."""

    def __init__(self, limits: Limits, now: int):
        self._classes = {
            name: _Class(rate, now)
            for name, rate in (
                ("durable", limits.durable),
                ("lossy", limits.lossy),
                ("lossy high", limits.lossy_high),
            )
            if rate is not None
        }
        self._packets = None
        rate = limits.broadcast_packets
        if rate is not None:
            self._packets = Bucket(rate, max(rate, LEAST_DEPTH_PACKETS) * PER_PACKET, now)

    def set_received(self, kbps: int, now: int) -> None:
        """The received bitrate changes."""
        for each in self._classes.values():
            each.set_received(kbps, now)

    def charge(self, size: int, durable: bool, high: bool, broadcast: bool, now: int) -> None:
        """Charges a message of ``size`` bytes to all buckets that apply, or to none (RATE-005).

        ``broadcast`` says that the list is empty and the link leads to a relay.
        """
        bits = 8 * size * PER_BIT  # RATE-004
        packets = max(1, -(-size // PACKET_BYTES)) * PER_PACKET  # RATE-004
        charges = []  # in the order of the table of section 9.10
        name = "durable" if durable else "lossy high" if high else "lossy"
        if name in self._classes:
            charges.append((self._classes[name].own, bits))  # RATE-001
            if broadcast:
                charges.append((self._classes[name].broadcast, bits))  # RATE-002
        if broadcast and self._packets is not None:
            charges.append((self._packets, packets))  # RATE-002

        for bucket, _ in charges:
            bucket.update(now)
        if any(bucket.level < cost for bucket, cost in charges):
            raise _refusal(size, charges)
        for bucket, cost in charges:
            bucket.level -= cost


def _refusal(size: int, charges) -> calls.CallError:
    """The error of a message for which a bucket lacks the cost (CALL-007)."""
    last, retry = None, 0
    for bucket, cost in charges:
        time = bucket.when(cost)
        if time is None:
            last, retry = bucket, None
            break
        if last is None or time > retry:  # of equal times the first
            last, retry = bucket, time
    return calls.CallError(calls.FAILURE_FOR_TRAFFIC_LIMIT, size, last.rate, retry)
