"""What comes in and goes out over HTTP, as strict pydantic models: no coercion, no unknown field."""
