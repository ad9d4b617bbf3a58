"""An empty table of meters to fill in, as XLSX."""

from io import BytesIO

from quartier.formats.meter_table.columns import CHOICES, COLUMNS, choices_in, heading


def template(language: str) -> bytes:
    """A workbook: the headings in ``language``, lists to choose from, and nothing else."""
    import openpyxl
    from openpyxl.styles import Font
    from openpyxl.utils import get_column_letter
    from openpyxl.worksheet.datavalidation import DataValidation

    book = openpyxl.Workbook()
    sheet = book.active
    for place, column in enumerate(COLUMNS, 1):
        cell = sheet.cell(1, place, heading(column, language))
        cell.font = Font(bold=True)
        letter = get_column_letter(place)
        sheet.column_dimensions[letter].width = max(14, len(str(cell.value)) + 3)
        if column in CHOICES:
            words = ",".join(choices_in(column, language))
            choose = DataValidation(type="list", formula1=f'"{words}"', allow_blank=True)
            sheet.add_data_validation(choose)
            choose.add(f"{letter}2:{letter}501")
        if column in ("ref", "serial", "address", "metering_point", "export_metering_point"):
            for row in range(2, 502):
                sheet.cell(row, place).number_format = "@"
    sheet.freeze_panes = "B2"
    out = BytesIO()
    book.save(out)
    return out.getvalue()
