"""Serial numbers: u32s that wrap (SPEC section 2.3)."""

MASK = 0xFFFFFFFF


def distance(a: int, b: int) -> int:
    """How far ``a`` is ahead of ``b``, from -2^31 to 2^31 - 1.

    It is more than 0 exactly when ``a`` is newer (WIRE-002): of two numbers that
    are 2^31 apart each is older.
    """
    return ((a - b + 0x80000000) & MASK) - 0x80000000


def is_newer(a: int, b: int) -> bool:
    """Whether ``a`` is newer than ``b`` (WIRE-002)."""
    return distance(a, b) > 0


def is_older(a: int, b: int) -> bool:
    """Whether ``a`` is older than ``b`` (WIRE-002)."""
    return distance(a, b) < 0
