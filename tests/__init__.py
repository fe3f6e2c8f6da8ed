"""All tests, by layer."""
