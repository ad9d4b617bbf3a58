"""Load curves as CSV or XLSX, read by a profile (rules.md b.4).

Grid operators' tables differ in everything; a :class:`Profile` says how one of them is to be
read, and what it does not say is refused, not guessed. :func:`read_curves` reads without writing
anything: its result can be looked at (:meth:`LoadCurves.previews`) and then be stored.
"""

from quartier.formats.load_curve.curves import BadCurves, Curve, LoadCurves, Point, Preview
from quartier.formats.load_curve.profile import BadProfile, Profile, profile_of, shipped_profiles
from quartier.formats.load_curve.read import fitting_profiles, read_curves, refuse_no_table

__all__ = [
    "BadCurves",
    "BadProfile",
    "Curve",
    "LoadCurves",
    "Point",
    "Preview",
    "Profile",
    "fitting_profiles",
    "profile_of",
    "read_curves",
    "refuse_no_table",
    "shipped_profiles",
]
