"""What staff has to learn: what moved where, a sheet of it to read in five minutes, tasks to show that it was understood, and how
long that took. What is general about a POS stands in docs/training; here is what is so in this one restaurant.
"""

from aura_migration.migration.training.sheet import Sheet, make_sheet
from aura_migration.migration.training.timing import finish_training, retraining_minutes, start_training, trainings_of

__all__ = ["Sheet", "finish_training", "make_sheet", "retraining_minutes", "start_training", "trainings_of"]
