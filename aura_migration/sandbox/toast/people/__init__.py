"""People of the sandbox Toast: guests as orders tell of them, employees and their hours, the restaurant's own exports."""
