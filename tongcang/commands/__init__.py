"""The commands of the front door, one file a subject."""
