"""Modbus: codec (``pdu``, ``rtu``, ``mbap``, ``values``) apart from the client (``bus``, links).

Sources: MODBUS Application Protocol Specification V1.1b3, MODBUS over Serial Line V1.02, MODBUS
Messaging on TCP/IP V1.0b (modbus.org). Why this is not pymodbus:
docs/decisions/0011-modbus-client.md.
"""
