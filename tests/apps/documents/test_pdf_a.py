"""What ISO 19005-3 (PDF/A-3, level B) asks of a file and can be seen in its structure.

No validator is to be had from the package registries, so this proves no conformance: it holds what
typst and our incremental update promise against the objects of the file, read by another program.
"""

import hashlib
import io
import re
from functools import cache

import pikepdf
import pytest
from lxml import etree

from quartier.apps.documents.render import render
from quartier.formats.en16931 import xml_of
from tests.samples import document_samples as samples

NAMES = ("plain", "credit_note", "long_names", "many_solutions")
NS = {
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "pdfaid": "http://www.aiim.org/pdfa/ns/id/",
    "ext": "http://www.aiim.org/pdfa/ns/extension/",
    "schema": "http://www.aiim.org/pdfa/ns/schema#",
    "property": "http://www.aiim.org/pdfa/ns/property#",
    "fx": "urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#",
    "dc": "http://purl.org/dc/elements/1.1/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
}


@cache
def bytes_of(name: str) -> bytes:
    return render(samples.ALL[name]())


@pytest.fixture(params=NAMES)
def name(request):
    return request.param


@pytest.fixture
def pdf(name):
    with pikepdf.open(io.BytesIO(bytes_of(name))) as opened:
        yield opened


@pytest.fixture
def xmp(pdf):
    return etree.fromstring(bytes(pdf.Root.Metadata.read_raw_bytes()))


def values(xmp, path):
    """Texts of a property, written as an element or as an attribute of its description."""
    prefix, _, local = path.partition(":")
    elements = [one.text for one in xmp.iterfind(f".//{path}", NS)]
    key = f"{{{NS[prefix]}}}{local}"
    return elements + [one.get(key) for one in xmp.iter() if one.get(key) is not None]


def dictionaries(pdf):
    for item in pdf.objects:
        if isinstance(item, pikepdf.Stream):
            yield item.stream_dict
        elif isinstance(item, pikepdf.Dictionary):
            yield item


def test_the_file_is_framed_as_pdf_a_asks(name, pdf):
    data = bytes_of(name)
    first, second = data.split(b"\n", 2)[:2]
    assert re.fullmatch(rb"%PDF-1\.[0-7]\r?", first)
    assert second[:1] == b"%"
    assert len([byte for byte in second[1:] if byte > 127]) >= 4
    assert data.rstrip(b"\r\n").endswith(b"%%EOF")
    assert len(pdf.trailer.ID) == 2
    assert not pdf.is_encrypted
    assert pdf.check_pdf_syntax() == []


def test_the_metadata_declare_part_3_level_b_and_agree_with_the_document_information(pdf, xmp):
    assert "/Filter" not in pdf.Root.Metadata.stream_dict, "metadata are readable as they lie"
    assert values(xmp, "pdfaid:part") == ["3"]
    assert values(xmp, "pdfaid:conformance") == ["B"]
    (title,) = [one.text for one in xmp.iterfind(".//dc:title/rdf:Alt/rdf:li", NS)]
    assert title == str(pdf.docinfo["/Title"])
    (author,) = [one.text for one in xmp.iterfind(".//dc:creator/rdf:Seq/rdf:li", NS)]
    assert author == str(pdf.docinfo["/Author"])
    (created,) = values(xmp, "xmp:CreateDate")
    stated = re.sub(r"\D", "", str(pdf.docinfo["/CreationDate"]))[:8]
    assert re.sub(r"\D", "", created)[:8] == stated == "20261005"


def test_every_factur_x_property_is_described_in_the_extension_schema(xmp):
    schemas = {
        one.findtext("schema:namespaceURI", namespaces=NS): one
        for one in xmp.iterfind(".//ext:schemas/rdf:Bag/rdf:li", NS)
    }
    schema = schemas[NS["fx"]]
    assert schema.findtext("schema:prefix", namespaces=NS) == "fx"
    assert schema.findtext("schema:schema", namespaces=NS)
    described = {}
    for one in schema.iterfind("schema:property/rdf:Seq/rdf:li", NS):
        described[one.findtext("property:name", namespaces=NS)] = one
        assert one.findtext("property:valueType", namespaces=NS) == "Text"
        assert one.findtext("property:category", namespaces=NS) == "external"
        assert one.findtext("property:description", namespaces=NS)
    used = {
        etree.QName(one).localname: one.text
        for one in xmp.iter()
        if isinstance(one.tag, str) and etree.QName(one).namespace == NS["fx"]
    }
    assert set(used) == set(described)
    assert used["DocumentType"] == "INVOICE"
    assert used["DocumentFileName"] == "factur-x.xml"
    assert used["ConformanceLevel"] == "EN 16931"


def test_colors_rest_on_an_embedded_profile(pdf):
    intents = list(pdf.Root.OutputIntents)
    assert [str(one.S) for one in intents] == ["/GTS_PDFA1"]
    profile = intents[0].DestOutputProfile
    data = profile.read_bytes()
    assert int.from_bytes(data[:4], "big") == len(data)
    assert data[36:40] == b"acsp", "an ICC profile"
    assert {b"RGB ": 3, b"GRAY": 1, b"CMYK": 4}[data[16:20]] == int(profile.N)
    assert data[8] in (2, 4), "of a version that PDF 1.7 knows"


def test_every_font_is_embedded_and_its_text_can_be_read(pdf):
    fonts = [one for one in dictionaries(pdf) if one.get("/Type") == "/Font"]
    assert fonts
    for font in fonts:
        if font.Subtype == "/Type0":
            assert "/ToUnicode" in font
            (inner,) = font.DescendantFonts
            assert inner.Subtype in ("/CIDFontType0", "/CIDFontType2")
            if inner.Subtype == "/CIDFontType2":
                assert "/CIDToGIDMap" in inner
            descriptor = inner.FontDescriptor
            files = [key for key in ("/FontFile2", "/FontFile3") if key in descriptor]
            assert len(files) == 1
            assert len(descriptor[files[0]].read_bytes()) > 500
            assert str(descriptor.FontName) == str(inner.BaseFont)
            assert re.match(r"/[A-Z]{6}\+", str(descriptor.FontName)), "a subset says so"
        else:
            assert font.Subtype in ("/CIDFontType0", "/CIDFontType2"), "no font of the reader's"


def test_the_attachment_is_the_xml_and_says_what_it_is(name, pdf):
    xml = xml_of(samples.ALL[name]())
    (spec,) = pdf.Root.AF
    assert spec.Type == "/Filespec"
    assert spec.AFRelationship == "/Alternative"
    assert str(spec.F) == str(spec.UF) == "factur-x.xml"
    assert str(spec.Desc)
    file = spec.EF.F
    assert file.objgen == spec.EF.get("/UF", file).objgen
    assert file.Type == "/EmbeddedFile"
    assert file.Subtype == "/text/xml"
    assert file.read_bytes() == xml
    assert int(file.Params.Size) == len(xml)
    assert str(file.Params.ModDate).startswith("D:2026")
    if "/CheckSum" in file.Params:
        assert bytes(file.Params.CheckSum) == hashlib.md5(xml, usedforsecurity=False).digest()
    tree = pikepdf.NameTree(pdf.Root.Names.EmbeddedFiles)
    assert {key: one.objgen for key, one in tree.items()} == {"factur-x.xml": spec.objgen}


FORBIDDEN_ACTIONS = ("/Launch", "/JavaScript", "/Movie", "/Sound", "/ResetForm", "/ImportData")


def test_nothing_is_in_the_file_that_pdf_a_forbids(pdf):
    assert "/AA" not in pdf.Root
    assert "/NeedsRendering" not in pdf.Root
    assert "/AcroForm" not in pdf.Root
    assert "/JavaScript" not in pdf.Root.Names
    for item in dictionaries(pdf):
        assert item.get("/S") not in FORBIDDEN_ACTIONS
        assert item.get("/Subtype") not in ("/PS", "/Movie", "/Sound", "/Screen", "/3D")
        assert "/LZWDecode" not in str(item.get("/Filter", ""))
        assert not item.get("/Interpolate", False)
        assert "/TR" not in item or item.get("/Type") != "/ExtGState"
        if "/Length" in item:
            assert "/F" not in item, "no stream lies outside the file"
    for page in pdf.pages:
        assert "/Annots" not in page
        group = page.get("/Group")
        if group is not None:
            assert group.S == "/Transparency"


def test_the_file_is_dated_by_the_issue_not_by_the_clock(pdf):
    dates = {str(pdf.docinfo[key])[:10] for key in ("/CreationDate", "/ModDate")}
    assert dates == {"D:20261005"}
