"""Gates of a switch as data: each a small reading of stored evidence, with number, age, owner and remedy.

One module per family: ``days``, ``verdicts``, ``owed``, ``people``, ``business``, ``proof``. Evidence is made elsewhere (days are
judged in reconcile, the verdict in verify, tests and rehearsals in migration); switching is done elsewhere too.
"""

from aura_migration.cutover.gates.measuring import GATES_OF, MEASURES, MOMENT, gates_hash, measure_gates, require_gates
from aura_migration.cutover.gates.result import GateResult

__all__ = ["GATES_OF", "MEASURES", "MOMENT", "GateResult", "gates_hash", "measure_gates", "require_gates"]
