"""Findings and refusals on pages: ``{{ finding.message|said }}``, ``{{ finding.where|place }}``."""

from django import template

from quartier.portals.shared.sentences.reader import read, read_place

register = template.Library()
register.filter("said", read)
register.filter("place", read_place)
