"""Recommendations: what each customer will want next, and what might be new for them.

Purchases become arrays (`baskets`). Simple scorers, one a file, say how much a customer wants an item: `frequency`,
`tifu`, `ease`, `content`, `backoff`. Their best are the candidates (`candidates`), described as of a moment
(`features`) and ordered by learned trees (`ranker`). `Recommender` holds all of it.
"""
