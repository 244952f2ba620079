"""Carrying a stored plan out and taking it back: writes, claims, crosswalk, journal, rollback.

The only folder that writes to schema ``aura`` (besides the restaurant that ``connect`` creates). What to write is decided
in plan; whether what was written is right is judged in verify.
"""
