"""The HTTP API: what API.md promises, over PostgreSQL; the workflow engine is asked, never read."""
