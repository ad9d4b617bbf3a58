"""OCPP 2.0.1: who asks what, and what its messages mean. 2.1 keeps the meaning of all of them."""
