"""Fixtures of the peers, here because only these tests need them."""

from peers.fixtures import iso_peer, iso_schemas

__all__ = ["iso_peer", "iso_schemas"]
