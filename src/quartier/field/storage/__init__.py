"""The ports of the field server on plain SQLite and PostgreSQL, without Django."""
