"""Tables of meters to add: CSV, XLSX, or made from a pattern (docs/guides/equipment.md)."""
