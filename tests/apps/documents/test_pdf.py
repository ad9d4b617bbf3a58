"""Every document is judged on its PDF: the code is read from the rendered page, places are
measured in millimetres, the attached XML is the one of ``formats.en16931``."""

import io
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import facturx
import pikepdf
import pytest
from msgspec.structs import replace

from quartier.apps.documents import numbers
from quartier.apps.documents.page import page_of
from quartier.apps.documents.render import compiled, render
from quartier.apps.documents.texts import NoLanguage, texts_in
from quartier.core.invoicing.document import CapStatus, Kind
from quartier.formats.en16931 import xml_of
from quartier.formats.qr_bill import BadQrBill, bill_of, payload_of
from tests.apps.documents.pdf_reader import pages_of
from tests.samples import document_samples as samples

TOP = 192.0  # of the payment part: 297 - 105 mm
TO_PAY = [name for name, make in samples.ALL.items() if make().payment is not None]
ON_FIRST_PAGE = [name for name in TO_PAY if name != "many_solutions"]
NEAR = 0.15  # mm


@cache
def pdf_of(name: str) -> bytes:
    return render(samples.ALL[name]())


@cache
def read(name: str):
    return pages_of(pdf_of(name))


def text_of(name: str) -> str:
    return "\n".join(page.text for page in read(name))


def flat(text: str) -> str:
    return "".join(text.split())


# -- the payment part -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", TO_PAY)
def test_the_code_on_the_page_is_the_payload(name):
    expected = payload_of(bill_of(samples.ALL[name]()))
    found = [code for page in read(name) for code in page.codes()]
    assert found == [expected.encode("utf-8")]
    if name in ON_FIRST_PAGE:
        assert read(name)[0].codes() == found, "the payment part is on the first page"


def test_a_long_summary_moves_the_payment_part_to_the_bottom_of_the_next_page():
    first, second, *_ = read("many_solutions")
    assert not first.codes()
    assert second.codes()
    left, top, _right, _bottom = second.dark(63, TOP + 13, 117, TOP + 66)
    assert (left, top) == pytest.approx((67, TOP + 17), abs=NEAR)
    assert all(one.bottom < TOP - 4 for one in second.characters if one.font.startswith("Inter"))


@pytest.mark.parametrize("name", sorted(set(samples.ALL) - set(TO_PAY)))
def test_what_is_not_to_be_paid_has_no_payment_part(name):
    assert [page.codes() for page in read(name)] == [[] for _ in read(name)]
    assert "Zahlteil" not in text_of(name)


def test_the_symbol_is_46_mm_at_its_place():
    page = read("plain")[0]
    assert (round(page.width, 1), round(page.height, 1)) == (210.0, 297.0)
    left, top, right, bottom = page.dark(63, TOP + 13, 117, TOP + 66)
    assert left == pytest.approx(67, abs=NEAR)
    assert top == pytest.approx(TOP + 17, abs=NEAR)
    assert right - left == pytest.approx(46, abs=NEAR)
    assert bottom - top == pytest.approx(46, abs=NEAR)


def test_the_swiss_cross_is_7_mm_in_the_middle():
    page = read("plain")[0]
    x, y = 67 + 23, TOP + 17 + 23
    # the black square of 6 mm with the white cross in it, inside the white edge of 7 mm
    assert page.dark(x - 3.4, y - 3.4, x + 3.4, y + 3.4) == pytest.approx(
        (x - 3, y - 3, x + 3, y + 3), abs=NEAR
    )
    assert page.dark(x - 1.8, y - 0.4, x + 1.8, y + 0.4) is None
    assert page.dark(x - 0.4, y - 1.8, x + 0.4, y + 1.8) is None


def test_the_parts_are_cut_at_105_and_62_mm():
    page = read("plain")[0]
    across = page.dark(130, TOP - 1, 200, TOP + 1)
    assert (across[1] + across[3]) / 2 == pytest.approx(TOP, abs=NEAR)
    down = page.dark(60, TOP + 40, 64, TOP + 60)
    assert (down[0] + down[2]) / 2 == pytest.approx(62, abs=NEAR)
    assert page.dark(0, TOP - 0.2, 4, TOP + 0.2)[0] == 0, "from edge to edge"
    assert page.dark(200, TOP - 0.2, 210, TOP + 0.2)[2] == pytest.approx(210, abs=NEAR)


@pytest.mark.parametrize(
    ("word", "left", "size", "weight"),
    [
        ("receipt", 5, 11, "Bold"),
        ("payment_part", 67, 11, "Bold"),
    ],
)
@pytest.mark.parametrize("language", ["de", "fr", "it", "en"])
def test_titles_are_11_pt_bold(language, word, left, size, weight):
    page = pages_of(render(samples.plain(language=language)))[0]
    title = texts_in(language)["payment"][word]
    place = next(found for found in page.find(title) if found[0].top > TOP)
    assert place[0].left == pytest.approx(left, abs=0.5)
    assert place[0].top >= TOP + 5
    assert place[0].bottom <= TOP + 12
    assert {round(one.size, 1) for one in place} == {size}
    assert {one.font for one in place} == {f"LiberationSans-{weight}"}


def test_sizes_of_headings_and_values():
    page = read("plain")[0]
    words = texts_in("de")["payment"]

    def sizes(word, least_left, most_left):
        return {
            (round(one.size, 1), one.font)
            for found in page.find(word)
            if found[0].top > TOP and least_left <= found[0].left < most_left
            for one in found
        }

    assert sizes(words["account"], 0, 62) == {(6.0, "LiberationSans-Bold")}
    assert sizes(words["account"], 62, 210) == {(8.0, "LiberationSans-Bold")}
    assert sizes("CH44 3199 9123 0008 8901 2", 0, 62) == {(8.0, "LiberationSans")}
    assert sizes("CH44 3199 9123 0008 8901 2", 62, 210) == {(10.0, "LiberationSans")}
    assert sizes(words["acceptance"], 0, 62) == {(6.0, "LiberationSans-Bold")}


@pytest.mark.parametrize("name", ON_FIRST_PAGE)
def test_the_payment_part_is_in_liberation_sans_and_nothing_else_is(name):
    for number, page in enumerate(read(name)):
        for one in page.characters:
            in_part = number == 0 and one.bottom > TOP - 4.3
            assert one.font.startswith("LiberationSans") == in_part, one


@pytest.mark.parametrize("name", ON_FIRST_PAGE)
def test_nothing_leaves_its_section(name):
    page = read(name)[0]
    for one in page.characters:
        if one.top > TOP:
            in_receipt = one.left >= 5 - NEAR and one.right <= 57 + NEAR
            in_part = one.left >= 67 - NEAR and one.right <= 205 + NEAR
            assert in_receipt or in_part, one
            assert one.top >= TOP + 5 - NEAR
            assert one.bottom <= TOP + 100 + NEAR
            if one.left < 62 and one.top < TOP + 68:
                assert one.bottom <= TOP + 68 + NEAR, "receipt: information ends at 68 mm"
            if one.left > 117.5:
                assert one.bottom <= TOP + 90 + NEAR, "payment part: information ends at 90 mm"


def test_the_amount_is_printed_with_blanks_and_the_reference_in_groups():
    text = read("largest")[0].text
    assert text.count("999 999 999.99") == 2
    assert "999'999'999.99" in text
    assert read("plain")[0].text.count("00 00000 00000 04200 00000 01236") == 2
    assert read("scor")[0].text.count("RF18 5390 0754 7034") == 2
    assert "Referenz" not in read("non")[0].text


def test_blank_fields_get_corner_marks():
    document = samples.plain()
    page = page_of(document)
    page["payment"] |= {"debtor": [], "amount": ""}
    sheet = pages_of(compiled(page, xml_of(document), document.issued_date))[0]
    words = texts_in("de")["payment"]
    assert len(sheet.find(words["payable_by_blank"])) == 2
    for left, right, width, height in ((117.5, 209, 65, 25), (4.5, 60, 52, 20)):
        heading = next(
            f for f in sheet.find(words["payable_by_blank"]) if left <= f[0].left < right
        )
        below = max(one.bottom for one in heading) + 0.2
        box = sheet.dark(left, below, right, below + height + 3)
        assert box[2] - box[0] == pytest.approx(width, abs=0.4)
        assert box[3] - box[1] == pytest.approx(height, abs=0.4)


def test_the_most_that_a_bill_can_hold_still_fits():
    document = samples.plain()
    name, street = "M" * 35 + " " + "W" * 34, "S" * 34 + " " + "x" * 35
    payment = replace(
        document.payment,
        creditor=replace(document.payment.creditor, name=name, street=street),
        message="Nachricht " * 6,
        bill_information="//S1/10/" + "7" * 60,
    )
    recipient = replace(
        document.recipient, address=replace(document.recipient.address, name=name, street=street)
    )
    page = pages_of(render(replace(document, payment=payment, recipient=recipient)))[0]
    for one in page.characters:
        if one.top > TOP:
            assert one.right <= (57 if one.left < 62 else 205) + NEAR
            assert one.bottom <= TOP + (90 if one.left > 117 else 100) + NEAR
    assert page.codes()


@pytest.mark.parametrize(
    ("name", "street", "message", "information"),
    [
        ("W" * 19, "W" * 19, "", ""),
        ("W" * 12 + " " + "W" * 12, "Gartenweg", "", "//S1/10/" + "8" * 90),
        ("W" * 13 + " " + "W" * 13 + " W", "Gartenweg", "W" * 18, "//S1/10/" + "8" * 60),
        ("Wm" * 9, "Mw" * 9, "Wasser " * 7, "//S1/10/2026-000123/11/261005/30/107978798"),
        ("Anna Brändli-Rossi", "W" * 14 + " " + "M" * 14, "", ""),
    ],
)
def test_what_is_not_measured_fits_in_the_widest_letters(name, street, message, information):
    document = samples.plain()
    wide = {"name": name, "street": street, "house_number": ""}
    payment = replace(
        document.payment,
        creditor=replace(document.payment.creditor, **wide),
        message=message,
        bill_information=information,
    )
    recipient = replace(document.recipient, address=replace(document.recipient.address, **wide))
    document = replace(document, payment=payment, recipient=recipient)
    roomy = page_of(document)["payment"]["is_roomy"]
    page = pages_of(render(document))[0]
    for one in page.characters:
        if one.top > TOP and one.left > 117.5:
            assert one.bottom <= TOP + 90 + NEAR, roomy
            assert one.right <= 205 + NEAR, roomy
        is_value = one.font == "LiberationSans" and TOP + 12 < one.top < TOP + 70
        if one.left < 62 and is_value:
            assert one.bottom <= TOP + 68 + NEAR, roomy
            assert one.right <= 57 + NEAR, roomy


def test_usual_bills_are_not_measured_and_long_ones_are():
    assert page_of(samples.plain())["payment"]["is_roomy"]
    assert not page_of(samples.long_names())["payment"]["is_roomy"]


# -- the letter -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", samples.ALL)
def test_the_address_lies_in_the_window(name):
    document = samples.ALL[name]()
    page = read(name)[0]
    first = page.find(document.recipient.address.name.split()[0])[0]
    inside = [
        one
        for one in page.characters
        if one.left < 110 and 58 < one.top < 100 and one.top < 60 + 25.5 + 2
    ]
    assert first[0] in inside
    for one in inside:
        assert one.left >= 22 - NEAR
        assert one.right <= 22 + 85.5 + NEAR
        assert one.top >= 60 - NEAR
        assert one.bottom <= 60 + 25.5 + NEAR


@pytest.mark.parametrize("name", samples.ALL)
def test_text_stays_inside_the_margins(name):
    for number, page in enumerate(read(name)):
        is_paid_here = number == (name not in ON_FIRST_PAGE) and name in TO_PAY
        for one in page.characters:
            if is_paid_here and one.bottom > TOP - 4.3:
                continue
            lowest = TOP - 4.3 if is_paid_here else 285
            assert 22 - NEAR <= one.left < one.right <= 190 + NEAR, one
            assert 5 <= one.top < one.bottom <= lowest, one


@pytest.mark.parametrize("name", samples.ALL)
@pytest.mark.parametrize("language", ["de", "fr", "it", "en"])
def test_every_amount_and_text_is_there(name, language):
    document = replace(samples.ALL[name](), language=language)
    text = flat("".join(page.text for page in pages_of(render(document))))
    text = text.replace("-\ufffe", "").replace("\ufffe", "")
    for section in document.sections:
        assert flat(section.title) in text
        assert flat(numbers.money(section.subtotal, language)) in text
    for line in document.lines:
        assert flat(numbers.money(line.amount, language)) in text
        assert flat(numbers.trimmed(line.price, 2, language)) in text
        assert flat(numbers.trimmed(line.quantity, 0, language)) in text
    for group in document.vat:
        assert flat(numbers.money(group.base, language)) in text
        assert flat(numbers.money(group.tax, language)) in text
    assert flat(numbers.money(document.total, language)) in text
    assert flat(numbers.money(abs(document.payable), language)) in text
    words = texts_in(language)
    assert flat(words["document"][document.kind.value]) in text
    assert document.number in text
    if document.kind == "credit_note":
        assert document.supersedes in text
    is_invoice = document.kind is Kind.INVOICE
    if document.energy and is_invoice:
        assert flat(numbers.energy(document.energy.solar_wh, language)) in text
        assert flat(numbers.energy(document.energy.grid_wh, language)) in text
    assert (flat(words["cap"]["heading"]) in text) == (bool(document.caps) and is_invoice)


def test_the_proof_names_caps_and_bills_toward_tenants_and_the_exemption_of_others():
    text = flat(text_of("plain"))
    for amount in ("65.6220", "57.8591", "40.5650", "33.8583", "0.3145"):
        assert amount in text
    for status in (CapStatus.CO_OWNER, CapStatus.OWNER, CapStatus.COMMON):
        document = replace(samples.plain(), caps=(samples.cap(status),))
        text = flat("".join(page.text for page in pages_of(render(document))))
        article = "Art. 16 Abs. 1 Bst. b EnV"
        assert flat(texts_in("de")["cap"][status.value].format(article=article)) in text
        assert "65.6220" not in text
    limited = replace(samples.plain(), caps=(samples.cap(limited="1.2345"),))
    assert "1.2345" in flat("".join(page.text for page in pages_of(render(limited))))


def test_a_long_table_repeats_its_head_and_pages_are_numbered():
    pages = read("sixty_lines")
    assert len(pages) >= 3
    for number, page in enumerate(pages, 1):
        assert f"Seite {number} von {len(pages)}" in page.text
    for page in pages[1:3]:
        assert flat("Laden Position Menge Preis CHF MWST Betrag CHF") in flat(page.text)
    assert all("Rechnung 2026-000123" in page.text for page in pages[1:])


def test_how_to_read_it_never_stands_alone_on_a_page():
    last = read("sixty_lines")[-1].text
    words = texts_in("de")
    assert words["reading"]["heading"] in last
    assert words["cap"]["heading"] in last


def test_a_proof_longer_than_a_page_breaks_and_repeats_its_head():
    (one, *_) = samples.cap().segments
    many = tuple(
        replace(one, segment=f"standard 2026-07-{n:02d}/2026-07-{n + 1:02d}") for n in range(1, 31)
    )
    proofs = tuple(replace(samples.cap(), segments=many) for _ in range(3))
    pages = pages_of(render(replace(samples.plain(), caps=proofs)))
    text = flat("".join(page.text for page in pages))
    for n in range(1, 31):
        assert text.count(f"Hochtarif,{n:02d}.07.2026") == 3
    assert all(character.bottom < 285 for page in pages[1:] for character in page.characters)
    assert text.count(texts_in("de")["cap"]["segment"]) > 3


def test_solar_and_grid_are_told_apart_without_color():
    page = read("plain")[0]
    picture = page.picture.crop(tuple(round(v * 20) for v in (115, 127, 190, 157)))
    counts = picture.histogram()
    dark, light = sum(counts[110:150]), sum(counts[180:225])
    assert dark > 20_000, "solar"
    assert light > 20_000, "grid"


def test_a_short_invoice_has_two_pages():
    assert len(read("one_line")) == 2


def test_a_draft_says_so():
    document = samples.plain()
    payment = replace(document.payment, bill_information="")
    text = pages_of(render(replace(document, number="", payment=payment)))[0].text
    assert "Entwurf" in text


# -- the file -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", samples.ALL)
def test_the_xml_inside_is_that_of_the_document(name):
    file_name, xml = facturx.get_facturx_xml_from_pdf(pdf_of(name), check_xsd=True)
    assert file_name == "factur-x.xml"
    assert xml == xml_of(samples.ALL[name]())
    with pikepdf.open(io.BytesIO(pdf_of(name))) as pdf:
        (attached,) = pdf.Root.AF
        assert attached.AFRelationship == "/Alternative"
        assert attached.EF.F.Subtype == "/text/xml"


def test_the_file_declares_pdf_a_3b_and_factur_x():
    with pikepdf.open(io.BytesIO(pdf_of("plain"))) as pdf:
        fx = "{urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#}"
        with pdf.open_metadata() as metadata:
            assert metadata.pdfa_status == "3B"
            assert metadata[f"{fx}ConformanceLevel"] == "EN 16931"
            assert metadata[f"{fx}DocumentFileName"] == "factur-x.xml"
        raw = pdf.Root.Metadata.read_bytes()
        assert raw.count(b"<pdfaExtension:schemas>") == 1
        assert b"Factur-X PDFA Extension Schema" in raw
        assert pdf.Root.OutputIntents[0].S == "/GTS_PDFA1"
        assert pdf.Root.Lang == "de-CH"
        assert pdf.check_pdf_syntax() == []
        assert pdf.docinfo["/Title"] == "Rechnung 2026-000123"
        assert str(pdf.docinfo["/CreationDate"]).startswith("D:20261005")


def test_all_fonts_are_embedded():
    with pikepdf.open(io.BytesIO(pdf_of("plain"))) as pdf:
        names = set()
        for item in pdf.objects:
            if isinstance(item, pikepdf.Dictionary) and item.get("/Type") == "/FontDescriptor":
                names.add(str(item.FontName).partition("+")[2])
                assert "/FontFile2" in item or "/FontFile3" in item
    assert names == {"Inter-Regular", "Inter-SemiBold", "LiberationSans", "LiberationSans-Bold"}


def test_the_same_document_gives_the_same_bytes_in_any_thread():
    documents = [samples.plain(number=f"2026-{n:06d}") for n in range(6)]
    one_by_one = [render(document) for document in documents]
    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(render, documents)) == one_by_one
    assert len(set(one_by_one)) == len(documents)


def test_the_size_is_small_enough_to_mail():
    assert len(pdf_of("plain")) < 200_000


# -- what cannot be printed -----------------------------------------------------------------------


def test_a_qr_iban_with_the_wrong_reference_is_refused():
    document = samples.plain()
    wrong = replace(document.payment, reference_type="NON", reference="")
    with pytest.raises(BadQrBill, match="QR-IBAN"):
        render(replace(document, payment=wrong))


def test_an_unknown_language_is_refused_and_named():
    with pytest.raises(NoLanguage, match=r"rm.*de, en, fr, it"):
        render(replace(samples.plain(), language="rm"))


@pytest.mark.parametrize(
    "text",
    ['#panic("x")', "*bold* _it_ $x$ `raw`", "<label> @ref", "\\u{1f600} // no comment", "a" * 120],
)
def test_texts_are_set_as_they_are(text):
    document = samples.plain(notes=(text,))
    shown = flat("".join(page.text for page in pages_of(render(document))))
    assert flat(text) in shown.replace("\ufffe", "")


def test_a_period_without_energy_has_no_chart():
    empty = samples.energy()
    bars = tuple(replace(bar, solar_wh=0, grid_wh=0) for bar in empty.bars)
    nothing = replace(empty, bars=bars, solar_wh=0, grid_wh=0, total_wh=0)
    text = pages_of(render(replace(samples.plain(), energy=nothing)))[0].text
    assert "0.000 kWh" in text.replace("\u202f", " ")
