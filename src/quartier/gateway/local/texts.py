"""The words of the local page in four languages. Findings are in English, as in the log."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

LANGUAGES: Final = ("de", "fr", "it", "en")

TEXTS: Final[Mapping[str, tuple[str, str, str, str]]] = MappingProxyType(
    {
        "gateway": ("Gateway", "Passerelle", "Gateway", "Gateway"),
        "pin": ("PIN", "NIP", "PIN", "PIN"),
        "sign_in": ("Anmelden", "Se connecter", "Accedi", "Sign in"),
        "where_pin": (
            "Die PIN zeigt der Befehl quartier-gateway status.",
            "La commande quartier-gateway status affiche le NIP.",
            "Il comando quartier-gateway status mostra il PIN.",
            "The command quartier-gateway status shows the PIN.",
        ),
        "wrong_pin": (
            "Diese PIN ist falsch.",
            "Ce NIP est faux.",
            "Questo PIN è sbagliato.",
            "This PIN is wrong.",
        ),
        "too_often": (
            "Zu viele falsche PIN. In einer Minute wieder.",
            "Trop de NIP faux. Réessayez dans une minute.",
            "Troppi PIN sbagliati. Riprovi tra un minuto.",
            "Too many wrong PINs. Try again in a minute.",
        ),
        "platform": ("Plattform", "Plateforme", "Piattaforma", "Platform"),
        "last_answer": ("Letzte Antwort", "Dernière réponse", "Ultima risposta", "Last answer"),
        "never": ("noch nie", "jamais encore", "ancora mai", "never yet"),
        "waiting": ("Noch zu senden", "À envoyer", "Da inviare", "Still to send"),
        "configuration": ("Konfiguration", "Configuration", "Configurazione", "Configuration"),
        "none": ("keine", "aucune", "nessuna", "none"),
        "clock": ("Uhr", "Horloge", "Orologio", "Clock"),
        "not_set": ("nicht gestellt", "pas réglée", "non regolato", "not set"),
        "bus": ("Bus", "Bus", "Bus", "Bus"),
        "meter": ("Zähler", "Compteur", "Contatore", "Meter"),
        "address": ("Adresse", "Adresse", "Indirizzo", "Address"),
        "values": ("Werte", "Valeurs", "Valori", "Values"),
        "read_at": ("Abgelesen", "Relevé", "Letto", "Read"),
        "read_now": ("Jetzt ablesen", "Relever", "Leggi ora", "Read now"),
        "scan": (
            "Wer ist am Bus?",
            "Qui est sur le bus ?",
            "Chi è sul bus?",
            "Who is on the bus?",
        ),
        "scanning": (
            "Suche läuft; die Seite lädt sich neu.",
            "Recherche en cours ; la page se recharge.",
            "Ricerca in corso; la pagina si ricarica.",
            "Searching; the page reloads.",
        ),
        "scanned": ("Suche fertig.", "Recherche terminée.", "Ricerca finita.", "Search finished."),
        "nobody": ("Niemand.", "Personne.", "Nessuno.", "Nobody."),
        "what": ("Was", "Quoi", "Cosa", "What"),
        "badges": (
            "Zuletzt vorgehaltene Badges",
            "Derniers badges présentés",
            "Ultimi badge presentati",
            "Badges held to the readers",
        ),
        "no_badges": (
            "Noch keiner, seit das Gateway läuft.",
            "Aucun depuis le démarrage de la passerelle.",
            "Nessuno da quando il gateway è in funzione.",
            "None since the gateway was started.",
        ),
        "reader": ("Leser", "Lecteur", "Lettore", "Reader"),
        "number": ("Nummer", "Numéro", "Numero", "Number"),
        "keys": ("Tasten", "Touches", "Tasti", "Keys"),
        "held_at": ("Zeit", "Heure", "Ora", "Time"),
        "part_alone": (
            "nur ein Teil der Nummer; den Leser auf 34 Bit stellen",
            "une partie du numéro seulement ; réglez le lecteur sur 34 bits",
            "solo una parte del numero; impostare il lettore su 34 bit",
            "a part of the number only; set the reader to 34 bits",
        ),
        "random": (
            "Zufallsnummer, jedes Mal eine andere; kein Badge",
            "numéro aléatoire, différent chaque fois ; pas un badge",
            "numero casuale, ogni volta diverso; non è un badge",
            "random number, another each time; no badge",
        ),
        "findings": ("Befunde", "Constats", "Constatazioni", "Findings"),
        "all_good": ("Alles gut.", "Tout va bien.", "Tutto bene.", "All is well."),
        "since": ("Seit", "Depuis", "Dal", "Since"),
        "back": ("Zurück", "Retour", "Indietro", "Back"),
        "no_answer": (
            "keine Antwort",
            "pas de réponse",
            "nessuna risposta",
            "no answer",
        ),
        "not_found": (
            "Diese Seite gibt es nicht.",
            "Cette page n'existe pas.",
            "Questa pagina non esiste.",
            "There is no such page.",
        ),
    }
)


def language_of(accepted: str) -> str:
    """The first of our languages in an ``Accept-Language`` header; English where it has none."""
    for one in accepted[:200].split(","):
        word = one.partition(";")[0].strip().lower()[:2]
        if word in LANGUAGES:
            return word
    return "en"


def text(name: str, language: str) -> str:
    """The words ``name`` in ``language``."""
    return TEXTS[name][LANGUAGES.index(language)]
