"""The screens as people see them: a real browser on a real centre."""
