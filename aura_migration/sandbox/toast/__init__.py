"""The sandbox Toast: one local server that answers as Toast's APIs do, over restaurants whose truth is known.

Belongs here: Toast's wire format, sign-in, limits, paging, error bodies, and the menus of the sandbox's restaurants.
Does not belong here: anything the three sandboxes share (``sandbox.core``), and anything of the migration itself;
the package is a second reading of Toast's documentation and proves nothing unless it stays independent.
"""

from __future__ import annotations
