"""From a request to its outcome: who is asked, in which order, and what became of it."""
