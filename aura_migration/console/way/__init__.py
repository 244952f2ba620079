"""The guided way of one migration: connect, audit, preview, decide, approve, load, result, roll back. A step is a module."""
