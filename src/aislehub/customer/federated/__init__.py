"""Federated learning: several franchisees learn one model, and neither rows nor sums of one of them leave a house."""
