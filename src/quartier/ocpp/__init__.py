"""OCPP over WebSockets (OCPP-J): what a station and we say to each other."""
