"""One file for each contract; a new contract is a new file here and nothing else."""
