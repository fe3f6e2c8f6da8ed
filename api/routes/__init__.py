"""One module per group of calls of API.md."""
