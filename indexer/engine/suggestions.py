"""What suggestions mean, for every engine: which token to look up, and which titles really begin so.

The field `sug` holds the first 1 to 8 characters of a title's prefix key, and of its initials. A longer prefix is
looked up by its first 8, and the titles that come back are compared here.
"""

from __future__ import annotations

from indexer.text.fold import fold
from indexer.text.pinyin import initials
from indexer.text.tokens import PREFIX_CHARACTERS, prefix_key


class Prefix:
    """What a reader has typed so far."""

    def __init__(self, typed: str) -> None:
        self._key = prefix_key(fold(typed))
        self.token = self._key[:PREFIX_CHARACTERS]  # "" = nothing that could begin a title

    def begins(self, title: str) -> bool:
        """Whether a title, of which `sug` holds the token, begins with all of it."""
        if len(self._key) <= PREFIX_CHARACTERS:
            return True
        folded = fold(title)
        return prefix_key(folded).startswith(self._key) or initials(folded).startswith(self._key)
