"""The web console for migration specialists: pages in NiceGUI on the API's own application.

A page shows what the API answers and asks the API for everything it does, under the token of whoever is signed in: the console has
no power of its own. Charts, tables and live updates come from the library's own package; nothing is fetched from elsewhere.
"""
