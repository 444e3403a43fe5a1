"""The metric profiles: `standard` (published definitions) and `ptychopinn-1` (what PtychoPINN prints)."""
