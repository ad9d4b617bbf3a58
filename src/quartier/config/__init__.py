"""Settings, urls and wiring: the only place below cli that sees everything."""
