"""The HTTP API of docs/api.md, over PostgreSQL; the workflow engine is asked, never read."""
