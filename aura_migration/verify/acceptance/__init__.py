"""An acceptance suite over the loaded tables, kept in Great Expectations: read by SQL, apart from everything that loaded them.

    expected.py   what is expected of which rows, as plain data
    suite.py      the run: expectations handed to Great Expectations, its results and its Data Docs

Great Expectations is imported where it runs and nowhere else: it costs seconds and hundreds of megabytes.
"""
