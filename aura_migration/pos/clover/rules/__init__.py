"""The rules of business of one Clover merchant as rows, kind by kind; ``business_rules.py`` puts them together."""
