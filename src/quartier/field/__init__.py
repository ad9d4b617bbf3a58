"""The field server: holds the connections that devices in buildings open to the platform."""
