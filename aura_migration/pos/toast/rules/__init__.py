"""The rules of business in Toast's configuration, kind by kind; ``business_rules.map_rules`` puts them together."""
