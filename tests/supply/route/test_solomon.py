"""Solomon's text: broken files are refused by line."""

import pytest

from aislehub.core.errors import HubError
from aislehub.supply.route.solomon import is_solomon, read_solomon

TEXT = """C1

VEHICLE
NUMBER     CAPACITY
  2         200

CUSTOMER
CUST NO.  XCOORD.   YCOORD.    DEMAND   READY TIME  DUE DATE   SERVICE   TIME

    0      0         0          0          0       1236          0
    1      1         1         10        912        967         90
    2      3         0         30        825        870         90
"""


def test_distances_are_cut_to_one_decimal(tmp_path):
    """√2 counts as 1.4, and 3 as 3, not as 2.9; windows and service are kept in the same tenths."""
    path = tmp_path / "c1.txt"
    path.write_text(TEXT)
    problem = read_solomon(path)
    assert is_solomon(TEXT) and problem.distance[0].tolist() == [0, 14, 30]
    assert (problem.stops[0].early, problem.stops[0].late, problem.stops[0].service) == (9120, 9670, 900)
    assert (problem.vehicles[0].count, problem.vehicles[0].capacity) == (2, (200,))


@pytest.mark.parametrize(
    ("old", "new"),
    [("    1      1         1", "    1      1"), ("30        825", "30.5        825"), ("  2         200", "  2")],
)
def test_a_broken_line_is_named(tmp_path, old, new):
    """A line with too few or no whole numbers is refused with its number."""
    path = tmp_path / "c1.txt"
    path.write_text(TEXT.replace(old, new))
    with pytest.raises(HubError) as refused:
        read_solomon(path)
    assert refused.value.code == "route.broken_file" and "line" in str(refused.value)
