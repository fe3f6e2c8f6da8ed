"""The order's life as a durable workflow, and how it is started and asked."""
