"""The gateway renews itself, and goes back to what it was where that fails
(docs/decisions/0014-gateway-update.md)."""
