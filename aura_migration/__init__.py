"""aura_migration moves restaurants from Toast, Clover and Square to AuraConnect and proves that nothing was lost.

The folders are the stages of the data's way (pos, archive, canonical, plan, load, verify, …); ``docs/architecture.md``
walks through them. Nothing belongs in this file: importing the package must stay free of side effects.
"""
