"""What a gateway sends to the platform: batches of measurements, and the signature of a request.

docs/uplink.md says what the bytes are, for whoever writes another gateway.
"""
