"""From canonical rows to a stored plan: match with what AuraConnect holds, decide an action per row, hash, approve.

Preview and run share this one planner; nothing here writes to schema ``aura``. What a POS sent does not belong here
(canonical), nor carrying a plan out (load).
"""
