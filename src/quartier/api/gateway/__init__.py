"""What gateways ask of the platform (docs/uplink.md)."""
