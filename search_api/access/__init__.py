"""Who asks, and whether it is really he."""
