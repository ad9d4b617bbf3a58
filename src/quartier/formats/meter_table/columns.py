"""The columns of a table of meters, and the words its cells may hold, in four languages.

A heading is found in any of the languages, whatever its case. The first name is the key.
"""

from collections.abc import Mapping

COLUMNS: Mapping[str, tuple[str, str, str, str]] = {
    # key: English, German, French, Italian
    "ref": ("Reference", "Referenz", "Référence", "Riferimento"),
    "name": ("Name", "Name", "Nom", "Nome"),
    "medium": ("Medium", "Medium", "Fluide", "Mezzo"),
    "mode": ("Stands for", "Steht für", "Représente", "Rappresenta"),
    "source": ("Values from", "Werte aus", "Valeurs de", "Valori da"),
    "metering_point": ("Metering point", "Messpunkt", "Point de mesure", "Punto di misura"),
    "export_metering_point": (
        "Metering point, export",
        "Messpunkt Abgabe",
        "Point de mesure, injection",
        "Punto di misura, immissione",
    ),
    "rule": ("Rule", "Regel", "Règle", "Regola"),
    "fuse_a": ("Fuse (A)", "Sicherung (A)", "Fusible (A)", "Fusibile (A)"),
    "serial": ("Serial number", "Seriennummer", "Numéro de série", "Numero di serie"),
    "installed": ("Installed", "Eingebaut", "Installé", "Installato"),
    "factor": (
        "Transformer factor",
        "Wandlerfaktor",
        "Facteur de transformation",
        "Fattore di trasformazione",
    ),
    "digits": ("Digits", "Stellen", "Chiffres", "Cifre"),
    "gateway": ("Gateway", "Gateway", "Passerelle", "Gateway"),
    "bus": ("Bus", "Bus", "Bus", "Bus"),
    "driver": ("Model", "Modell", "Modèle", "Modello"),
    "address": ("Address", "Adresse", "Adresse", "Indirizzo"),
    "plan": ("How often", "Wie oft", "Fréquence", "Frequenza"),
    "billing_point": (
        "Billing point",
        "Abrechnungspunkt",
        "Point de facturation",
        "Punto di fatturazione",
    ),
    "from_date": ("Counts from", "Zählt ab", "Compte dès", "Conta dal"),
}
LANGUAGES = ("en", "de", "fr", "it")

CHOICES: Mapping[str, Mapping[str, tuple[str, str, str, str]]] = {
    "medium": {
        "electricity": ("Electricity", "Strom", "Électricité", "Elettricità"),
        "heat": ("Heat", "Wärme", "Chaleur", "Calore"),
        "cooling": ("Cooling", "Kälte", "Froid", "Freddo"),
        "hot_water": ("Hot water", "Warmwasser", "Eau chaude", "Acqua calda"),
        "cold_water": ("Cold water", "Kaltwasser", "Eau froide", "Acqua fredda"),
        "reactive": ("Reactive energy", "Blindenergie", "Énergie réactive", "Energia reattiva"),
    },
    "mode": {
        "consumption": ("Consumption", "Verbrauch", "Consommation", "Consumo"),
        "grid": ("Grid", "Netz", "Réseau", "Rete"),
        "production": ("Production", "Produktion", "Production", "Produzione"),
        "battery": ("Battery", "Batterie", "Batterie", "Batteria"),
    },
    "source": {
        "register": ("Register readings", "Zählerstände", "Index", "Letture"),
        "curve": ("Load curve", "Lastgang", "Courbe de charge", "Curva di carico"),
        "virtual": ("Computed", "Berechnet", "Calculé", "Calcolato"),
    },
    "plan": {
        "quarter_hour": (
            "Every quarter-hour",
            "Jede Viertelstunde",
            "Chaque quart d'heure",
            "Ogni quarto d'ora",
        ),
        "day": ("Every day", "Jeden Tag", "Chaque jour", "Ogni giorno"),
    },
}


def _plain(text: str) -> str:
    return " ".join(text.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'").split()).casefold()


def _index(table: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    return {_plain(word): key for key, words in table.items() for word in (key, *words)}


_HEADINGS = _index(COLUMNS)
_WORDS = {column: _index(table) for column, table in CHOICES.items()}


def column_of(heading: str) -> str | None:
    """The key of the column that ``heading`` names, in any language."""
    return _HEADINGS.get(_plain(heading))


def choice_of(column: str, text: str) -> str | None:
    """The value of ``column`` that ``text`` means, in any language."""
    return _WORDS[column].get(_plain(text))


def heading(column: str, language: str) -> str:
    """What the column is called in ``language``; English where that is none of ours."""
    return COLUMNS[column][LANGUAGES.index(language) if language in LANGUAGES else 0]


def choices_in(column: str, language: str) -> tuple[str, ...]:
    """The words a cell of ``column`` may hold, in ``language``."""
    place = LANGUAGES.index(language) if language in LANGUAGES else 0
    return tuple(words[place] for words in CHOICES[column].values())
