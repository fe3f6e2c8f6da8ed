"""What comes in and goes out over HTTP, as strict models: no coercion, no unknown field."""
