"""Files exchanged with other companies: bytes in, values out."""
