"""A forecasting model of your own, in 20 lines.

Run it like a built-in one:

    aislehub forecast sales.parquet --horizon 28 --model own_model:Damped --out forecast.parquet

The panel is checked and laid out already: `panel.sold` is demand, series × past periods, NaN where unknown. Give the
mean of each future period; quantiles, closed days and files are the house's work.
"""

import numpy as np


class Damped:
    """Simple exponential smoothing of the last year, its weight chosen per panel by one-step error."""

    def fit(self, panel, *, horizon, seed):
        def error(weight):
            return np.nanmean((panel.sold[:, 1:] - self._levels(panel, weight)[:, :-1]) ** 2)

        self.weight = min((0.02, 0.05, 0.1, 0.2), key=error)

    def predict(self, panel):
        return np.repeat(self._levels(panel, self.weight)[:, -1:], panel.horizon, axis=1)

    @staticmethod
    def _levels(panel, weight):
        levels = np.nan_to_num(panel.sold[:, -panel.year :])
        for day in range(1, levels.shape[1]):
            levels[:, day] = weight * levels[:, day] + (1 - weight) * levels[:, day - 1]
        return levels
