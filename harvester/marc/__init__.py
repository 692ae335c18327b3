"""Reading MARC: bytes and XML to source records."""

RULES_VERSION = 1
"""Goes up with every change that makes a stored raw record read differently, so that all are normalised again."""
