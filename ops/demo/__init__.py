"""`kervan demo`: a handful of orders live their whole life on a private stack, and are checked."""
