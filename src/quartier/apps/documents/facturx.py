"""Makes a PDF/A-3 with attached XML a Factur-X / ZUGFeRD file: the XMP block that says so.

typst attaches the XML and declares PDF/A-3b; what it cannot write is the block of the Factur-X
namespace with the schema description that PDF/A asks for (Factur-X 1.0, 6.2.2 [GK]). The file is
not rewritten: the new metadata stream is appended as an incremental update (ISO 32000-1, 7.5.6),
which costs a thousandth of reading and writing all objects.
"""

import re

from quartier.formats.en16931 import FILE_NAME

NAMESPACE = "urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#"
_PROPERTIES = (
    ("DocumentFileName", "name of the embedded XML invoice file"),
    ("DocumentType", "type of the hybrid document"),
    ("Version", "version of the standard that the XML follows"),
    ("ConformanceLevel", "profile that the XML follows"),
)
_VALUES = (
    f'<rdf:Description rdf:about="" xmlns:fx="{NAMESPACE}">'
    f"<fx:DocumentType>INVOICE</fx:DocumentType><fx:DocumentFileName>{FILE_NAME}"
    "</fx:DocumentFileName><fx:Version>1.0</fx:Version>"
    "<fx:ConformanceLevel>EN 16931</fx:ConformanceLevel></rdf:Description>"
).encode()
_SCHEMA = (
    '<rdf:li rdf:parseType="Resource">'
    "<pdfaSchema:schema>Factur-X PDFA Extension Schema</pdfaSchema:schema>"
    f"<pdfaSchema:namespaceURI>{NAMESPACE}</pdfaSchema:namespaceURI>"
    "<pdfaSchema:prefix>fx</pdfaSchema:prefix><pdfaSchema:property><rdf:Seq>"
    + "".join(
        '<rdf:li rdf:parseType="Resource">'
        f"<pdfaProperty:name>{name}</pdfaProperty:name>"
        "<pdfaProperty:valueType>Text</pdfaProperty:valueType>"
        "<pdfaProperty:category>external</pdfaProperty:category>"
        f"<pdfaProperty:description>{text}</pdfaProperty:description></rdf:li>"
        for name, text in _PROPERTIES
    )
    + "</rdf:Seq></pdfaSchema:property></rdf:li>"
).encode()
_PACKET = re.compile(rb'<\?xpacket begin=.*?<\?xpacket end="r"\?>', re.DOTALL)
_METADATA = re.compile(rb"/Metadata (\d+) 0 R")
_TRAILER = re.compile(rb"trailer\s*<<(.*?)>>\s*startxref\s*(\d+)\s*%%EOF\s*\Z", re.DOTALL)
_SCHEMAS_START = b"<pdfaExtension:schemas><rdf:Bag>"
_END = b"</rdf:RDF>"


def declare(pdf: bytes) -> bytes:
    """``pdf``, as typst wrote it, with the Factur-X block in its metadata.

    The same bytes for the same input; asserts that the file has the form that typst gives it.
    """
    packets, numbers = _PACKET.findall(pdf), _METADATA.findall(pdf)
    trailer = _TRAILER.search(pdf)
    assert len(packets) == 1, "typst writes one block of metadata, uncompressed"
    assert len(numbers) == 1, "typst names the metadata once, in the catalog"
    assert trailer is not None, "typst ends the file with a table of objects"
    xmp = packets[0]
    assert xmp.count(_SCHEMAS_START) == 1 == xmp.count(_END)
    xmp = xmp.replace(_SCHEMAS_START, _SCHEMAS_START + _SCHEMA).replace(_END, _VALUES + _END)
    start = b"" if pdf.endswith(b"\n") else b"\n"
    number = int(numbers[0])
    stream = (
        b"%d 0 obj\n<< /Type /Metadata /Subtype /XML /Length %d >>\nstream\n%b\nendstream\n"
        % (
            number,
            len(xmp),
            xmp,
        )
    )
    at = len(pdf) + len(start)
    body = start + stream + b"endobj\n"
    table = b"xref\n%d 1\n%010d 00000 n\r\ntrailer\n<<%b/Prev %d>>\nstartxref\n%d\n%%%%EOF\n" % (
        number,
        at,
        trailer[1],
        int(trailer[2]),
        len(pdf) + len(body),
    )
    return pdf + body + table
