"""The remote connection: a WebSocket that the gateway opens to the field server."""
