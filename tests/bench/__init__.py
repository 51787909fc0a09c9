"""Measurements: `ioc bench`. Each prints ratios against something measured in the same run; nothing here is a test."""
