"""Physical constants (CODATA 2018, exact)."""

from __future__ import annotations

# h·c in eV·m.
HC_EV_M = 1.239841984332003e-06
ELECTRONVOLT_J = 1.602176634e-19
