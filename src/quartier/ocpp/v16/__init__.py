"""OCPP 1.6: who asks what, and what its messages mean."""
