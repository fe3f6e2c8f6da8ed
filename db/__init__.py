"""PostgreSQL: migrations, the SQL by name, and one typed function per statement."""
