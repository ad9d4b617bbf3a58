"""A document as EN 16931 XML in the CII syntax, profile EN 16931 of Factur-X and ZUGFeRD."""

from quartier.formats.en16931.invoice import FILE_NAME, GUIDELINE, NotEn16931, xml_of

__all__ = ["FILE_NAME", "GUIDELINE", "NotEn16931", "xml_of"]
