"""The web console: what people see in a browser. NiceGUI on the API's own application, below ``/console``.

It asks the API, in process and under the signed-in person's token, for everything it shows and does: it reads no table and has
no power of its own. ``app.mount`` puts it up; a page is a module in ``pages``, listed in ``pages/__init__``; what pages share
is in ``parts``.
"""
