"""Other parties' servers, each in its own process, written without our code."""
