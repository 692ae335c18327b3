"""Fixtures of the peers, here because only these tests need them."""

from peers.fixtures import iso_schemas

__all__ = ["iso_schemas"]
