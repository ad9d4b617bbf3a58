"""Printed documents: PDF invoices with the Swiss payment part and EN 16931 XML inside.

Printing takes the frozen document only, never live tables (architecture.md, "How data flows").
"""
