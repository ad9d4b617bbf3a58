"""A whole site as one TOML file; every key is documented in docs/guides/site-file.md."""
