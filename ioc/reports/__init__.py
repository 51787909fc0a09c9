"""Citizens' reports: the life of a case, its clocks, who sees to it, and what people may see of it."""
