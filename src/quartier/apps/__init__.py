"""Tables and use cases, one app a noun."""
