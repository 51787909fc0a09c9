"""An Intelligent Operations Center whose every value says how good it is."""

__version__ = "0.1.0"
