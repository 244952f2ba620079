"""Forgetting: a person on request, everybody's raw data after a time, and who is written about where.

finding.py    which rows, keys and contacts are of one person
forms.py      what a person's rows look like afterwards, from the declarations of the entities
erasure.py    one person, everywhere, in one transaction
retention.py  ended migrations after a time
"""
