"""The local OCPP server of the gateway: it lets stations charge without the internet."""
