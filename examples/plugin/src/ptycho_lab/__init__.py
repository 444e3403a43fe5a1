"""An example of a plug-in for ptycho-contracts: the file format of one laboratory."""
