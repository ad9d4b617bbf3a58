"""Cross Industry Invoice D16B/D22B restricted to EN 16931-1 (Factur-X 1.0, profile EN 16931).

Element order is that of the profile's schema; BT and BG numbers are those of EN 16931-1 [GK],
checked by its schematron in the tests.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal

from lxml import etree

from quartier.core.invoicing.document import Address, Document, Kind, Line, VatCategory
from quartier.formats.en16931.taxes import (
    Breakdown,
    NotEn16931,
    Totals,
    breakdowns_of,
    category_of,
    totals_of,
)

GUIDELINE = "urn:cen.eu:en16931:2017"
FILE_NAME = "factur-x.xml"
_RSM = "urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100"
_RAM = "urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100"
_UDT = "urn:un:unece:uncefact:data:standard:UnqualifiedDataType:100"
_QDT = "urn:un:unece:uncefact:data:standard:QualifiedDataType:100"
_SWISS_UID = "0183"  # ISO 6523 code of the Swiss UID register [GK]
_CREDIT_TRANSFER = "30"  # UNTDID 4461
_UNITS = {  # UN/ECE Recommendation 20
    "kWh": "KWH",
    "kW": "KWT",
    "m3": "MTQ",
    "l": "LTR",
    "h": "HUR",
    "min": "MIN",
    "day": "DAY",
    "month": "MON",
    "year": "ANN",
    "billing_point": "C62",
    "piece": "C62",
}

__all__ = ["FILE_NAME", "GUIDELINE", "NotEn16931", "xml_of"]


def xml_of(document: Document) -> bytes:
    """The document as UTF-8 XML; the same document gives the same bytes.

    A credit note (type 381) states positive amounts: the signs of a document that negates its
    invoice are turned. A negative price becomes a negative quantity (BR-27). Raises
    :class:`NotEn16931` where the standard has no place for the document.
    """
    if not document.lines:
        raise NotEn16931(f"document {document.number or '(draft)'} has no line (BR-16)")
    sign = -1 if document.kind is Kind.CREDIT_NOTE and document.total < 0 else 1
    breakdowns = breakdowns_of(document, sign)
    totals = totals_of(document, breakdowns, sign)
    root = etree.Element(
        f"{{{_RSM}}}CrossIndustryInvoice",
        nsmap={"rsm": _RSM, "qdt": _QDT, "ram": _RAM, "udt": _UDT},
    )
    try:
        _header(root, document)
        trade = etree.SubElement(root, f"{{{_RSM}}}SupplyChainTradeTransaction")
        for number, line in enumerate(document.lines, 1):
            _line(trade, document, line, number, sign)
        _agreement(trade, document)
        _delivery(trade, document)
        _settlement(trade, document, breakdowns, totals)
    except ValueError as fault:
        if isinstance(fault, NotEn16931):
            raise
        raise NotEn16931(
            f"document {document.number or '(draft)'} holds a character that XML cannot: {fault}"
        ) from None
    return etree.tostring(root, encoding="UTF-8", xml_declaration=True, pretty_print=True)


def _header(root: etree._Element, document: Document) -> None:
    context = etree.SubElement(root, f"{{{_RSM}}}ExchangedDocumentContext")
    _add(_add(context, "GuidelineSpecifiedDocumentContextParameter"), "ID", GUIDELINE)
    head = etree.SubElement(root, f"{{{_RSM}}}ExchangedDocument")
    _add(head, "ID", document.number or "draft")
    _add(head, "TypeCode", "381" if document.kind is Kind.CREDIT_NOTE else "380")
    _date(head, "IssueDateTime", document.issued_date)
    for note in document.notes:
        _add(_add(head, "IncludedNote"), "Content", note)


def _line(trade: etree._Element, document: Document, line: Line, number: int, sign: int) -> None:
    unit = _UNITS.get(line.unit)
    if unit is None:
        raise NotEn16931(f"line {line.id}: unit {line.unit!r} has no code in Recommendation 20")
    item = _add(trade, "IncludedSupplyChainTradeLineItem")
    head = _add(item, "AssociatedDocumentLineDocument")
    _add(head, "LineID", str(number))
    if line.note:
        _add(_add(head, "IncludedNote"), "Content", line.note)
    product = _add(item, "SpecifiedTradeProduct")
    _add(product, "SellerAssignedID", line.component)
    _add(product, "Name", line.label or line.component)
    price = _add(_add(item, "SpecifiedLineTradeAgreement"), "NetPriceProductTradePrice")
    _add(price, "ChargeAmount", _plain(abs(line.price)))
    _add(price, "BasisQuantity", "1", unitCode=unit)
    quantity = -line.quantity if line.price < 0 else line.quantity
    delivery = _add(item, "SpecifiedLineTradeDelivery")
    _add(delivery, "BilledQuantity", _plain(sign * quantity), unitCode=unit)
    settlement = _add(item, "SpecifiedLineTradeSettlement")
    tax = _add(settlement, "ApplicableTradeTax")
    _add(tax, "TypeCode", "VAT")
    category = category_of(document, line.vat_category)
    _add(tax, "CategoryCode", category.value)
    if category is not VatCategory.OUTSIDE:
        _add(tax, "RateApplicablePercent", _plain(line.vat_rate))
    _period(settlement, line.from_date, line.to_date)
    summation = _add(settlement, "SpecifiedTradeSettlementLineMonetarySummation")
    _add(summation, "LineTotalAmount", _money(sign * line.amount))


def _agreement(trade: etree._Element, document: Document) -> None:
    agreement = _add(trade, "ApplicableHeaderTradeAgreement")
    _optional(agreement, "BuyerReference", document.recipient.ref)
    issuer = document.issuer
    seller = _add(agreement, "SellerTradeParty")
    uid = "".join(character for character in issuer.uid if character.isalnum())[:12]
    if not uid:
        _add(seller, "ID", document.place.site_ref)  # BR-CO-26 wants an identifier
    _add(seller, "Name", issuer.address.name)
    _legal(seller, uid)
    if issuer.phone or issuer.email:
        contact = _add(seller, "DefinedTradeContact")
        _add(contact, "PersonName", issuer.address.name)
        if issuer.phone:
            phone = _add(contact, "TelephoneUniversalCommunication")
            _add(phone, "CompleteNumber", issuer.phone)
        if issuer.email:
            _add(_add(contact, "EmailURIUniversalCommunication"), "URIID", issuer.email)
    _address(seller, issuer.address)
    _mail(seller, issuer.email)
    if issuer.vat_liable and uid:
        _add(_add(seller, "SpecifiedTaxRegistration"), "ID", uid, schemeID="VA")
    recipient = document.recipient
    buyer = _add(agreement, "BuyerTradeParty")
    _optional(buyer, "ID", recipient.ref)
    _add(buyer, "Name", recipient.address.name)
    _legal(buyer, "".join(one for one in recipient.uid if one.isalnum())[:12])
    _address(buyer, recipient.address)
    _mail(buyer, recipient.email)


def _delivery(trade: etree._Element, document: Document) -> None:
    delivery = _add(trade, "ApplicableHeaderTradeDelivery")
    place = document.place
    if place.address.country:
        ship_to = _add(delivery, "ShipToTradeParty")
        _optional(ship_to, "ID", place.billing_point_ref)
        _optional(ship_to, "Name", place.billing_point)
        _address(ship_to, place.address)
    event = _add(delivery, "ActualDeliverySupplyChainEvent")
    _date(event, "OccurrenceDateTime", document.to_date - timedelta(days=1))


def _settlement(
    trade: etree._Element, document: Document, breakdowns: list[Breakdown], totals: Totals
) -> None:
    settlement = _add(trade, "ApplicableHeaderTradeSettlement")
    payment = document.payment
    if payment is not None:
        _add(settlement, "PaymentReference", payment.reference or document.number or "draft")
    _add(settlement, "InvoiceCurrencyCode", document.currency)
    if payment is not None:
        means = _add(settlement, "SpecifiedTradeSettlementPaymentMeans")
        _add(means, "TypeCode", _CREDIT_TRANSFER)
        account = _add(means, "PayeePartyCreditorFinancialAccount")
        _add(account, "IBANID", "".join(payment.iban.split()))
        _add(account, "AccountName", payment.creditor.name)
    for one in breakdowns:
        tax = _add(settlement, "ApplicableTradeTax")
        _add(tax, "CalculatedAmount", _money(one.tax))
        _add(tax, "TypeCode", "VAT")
        _optional(tax, "ExemptionReason", one.reason)
        _add(tax, "BasisAmount", _money(one.base))
        _add(tax, "CategoryCode", one.category.value)
        if one.category is not VatCategory.OUTSIDE:
            _add(tax, "RateApplicablePercent", _plain(one.rate))
    _period(settlement, document.from_date, document.to_date)
    for one in breakdowns:
        if one.charge:
            _rounding_charge(settlement, one)
    terms = _add(settlement, "SpecifiedTradePaymentTerms")
    _date(terms, "DueDateDateTime", document.due_date)
    sums = _add(settlement, "SpecifiedTradeSettlementHeaderMonetarySummation")
    _add(sums, "LineTotalAmount", _money(totals.lines))
    _add(sums, "ChargeTotalAmount", _money(totals.charges))
    _add(sums, "AllowanceTotalAmount", _money(totals.allowances))
    _add(sums, "TaxBasisTotalAmount", _money(totals.base))
    _add(sums, "TaxTotalAmount", _money(totals.tax), currencyID=document.currency)
    if totals.rounding:
        _add(sums, "RoundingAmount", _money(totals.rounding))
    _add(sums, "GrandTotalAmount", _money(totals.grand))
    if totals.prepaid:
        _add(sums, "TotalPrepaidAmount", _money(totals.prepaid))
    _add(sums, "DuePayableAmount", _money(totals.due))
    if document.supersedes:
        _add(_add(settlement, "InvoiceReferencedDocument"), "IssuerAssignedID", document.supersedes)


def _rounding_charge(settlement: etree._Element, one: Breakdown) -> None:
    charge = _add(settlement, "SpecifiedTradeAllowanceCharge")
    indicator = _add(charge, "ChargeIndicator")
    etree.SubElement(indicator, f"{{{_UDT}}}Indicator").text = "true" if one.charge > 0 else "false"
    _add(charge, "ActualAmount", _money(abs(one.charge)))
    _add(charge, "Reason", "Rounding")
    tax = _add(charge, "CategoryTradeTax")
    _add(tax, "TypeCode", "VAT")
    _add(tax, "CategoryCode", one.category.value)
    if one.category is not VatCategory.OUTSIDE:
        _add(tax, "RateApplicablePercent", _plain(one.rate))


def _legal(party: etree._Element, uid: str) -> None:
    if uid:
        _add(_add(party, "SpecifiedLegalOrganization"), "ID", uid, schemeID=_SWISS_UID)


def _mail(party: etree._Element, email: str) -> None:
    if email:
        _add(_add(party, "URIUniversalCommunication"), "URIID", email, schemeID="EM")


def _address(party: etree._Element, address: Address) -> None:
    postal = _add(party, "PostalTradeAddress")
    _optional(postal, "PostcodeCode", address.postcode)
    for tag, text in zip(("LineOne", "LineTwo"), _street_lines(address), strict=False):
        _add(postal, tag, text)
    _optional(postal, "CityName", address.town)
    _add(postal, "CountryID", address.country)


def _street_lines(address: Address) -> Iterator[str]:
    street = " ".join(part for part in (address.street, address.house_number) if part)
    yield from (text for text in (street, address.extra) if text)


def _period(parent: etree._Element, from_date: date, to_date: date) -> None:
    period = _add(parent, "BillingSpecifiedPeriod")
    _date(period, "StartDateTime", from_date)
    _date(period, "EndDateTime", to_date - timedelta(days=1))


def _date(parent: etree._Element, tag: str, day: date) -> None:
    text = etree.SubElement(_add(parent, tag), f"{{{_UDT}}}DateTimeString", format="102")
    text.text = f"{day:%Y%m%d}"


def _add(
    parent: etree._Element, tag: str, text: str | None = None, **attributes: str
) -> etree._Element:
    node = etree.SubElement(parent, f"{{{_RAM}}}{tag}", attrib=attributes)
    node.text = text
    return node


def _optional(parent: etree._Element, tag: str, text: str) -> None:
    if text:
        _add(parent, tag, text)


def _money(amount: Decimal) -> str:
    return f"{amount + 0:.2f}"


def _plain(number: Decimal) -> str:
    text = format(number + 0, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
