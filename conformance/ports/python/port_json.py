"""Reading the values of a request (PORT-PROTOCOL.md, section 1)."""

import re

_HEX = re.compile(r"(?:[0-9a-f]{2})*")


class BadRequest(Exception):
    """A request that makes no sense."""


def check(value, what, kind):
    if type(value) is not kind:
        raise BadRequest(f"{what} is not of type {kind.__name__}")
    return value


def get(source, key, kind):
    """The value of ``key``, which has to be there and of exactly this type."""
    if key not in source:
        raise BadRequest(f"{key} is missing")
    return check(source[key], key, kind)


def get_integer(source, key, least, most):
    return in_range(get(source, key, int), key, least, most)


def in_range(number, what, least, most):
    if not least <= number <= most:
        raise BadRequest(f"{what} is not from {least} to {most}")
    return number


def to_bytes(text, what):
    if not _HEX.fullmatch(check(text, what, str)):
        raise BadRequest(f"{what} is not hexadecimal in lower case")
    return bytes.fromhex(text)


def get_bytes(source, key):
    return to_bytes(get(source, key, str), key)
