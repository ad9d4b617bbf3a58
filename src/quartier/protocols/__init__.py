"""Live wires, one folder a protocol: its codec apart from its client. Pure Python, no Django."""
