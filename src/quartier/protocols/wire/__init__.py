"""What carries bytes, whatever is spoken: a TCP connection (``link``), a serial port
(``serial_port``), and the shape of what goes wrong on a line (``errors``).

A link raises :class:`~quartier.protocols.wire.errors.LinkDown`; each protocol makes of it an error
of its own, with its own code and remedy.
"""
