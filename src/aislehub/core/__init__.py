"""The house's foundation: contracts, tables, steps, answers and the ledger. It knows no retail word."""
