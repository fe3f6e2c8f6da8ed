"""The whole embedded stack, seen from outside."""
