"""Small rostering problems by chance, in Nottingham's text: some have no roster."""

from __future__ import annotations

import random
from pathlib import Path


def drawn(seed: int, path: Path, *, most_people: int = 5, most_days: int = 10, most_kinds: int = 3) -> Path:
    """Write a problem of at least 1 person, 3 days and 1 kind of shift, every rule drawn."""
    chance = random.Random(seed)
    days, people = chance.randint(3, most_days), [f"P{at}" for at in range(chance.randint(1, most_people))]
    kinds = ["E", "D", "L"][: chance.randint(1, most_kinds)]
    shifts = [f"{kind},{480 + 60 * at},{'|'.join(kinds[:at])}" for at, kind in enumerate(kinds)]
    staff = []
    for person in people:
        limits = "|".join(f"{kind}={chance.choice([0, 2, days, days, days])}" for kind in kinds)
        least = 480 * chance.choice([0, 0, chance.randint(0, days // 2)])
        run = chance.randint(1, 6)
        most = least + 480 * chance.randint(0, 4)
        rest = f"{run},{chance.randint(1, min(run, 3))},{chance.randint(1, 3)},{chance.randint(0, 2)}"
        staff.append(f"{person},{limits},{most},{least},{rest}")
    off = [f"{person},{chance.randrange(days)}" for person in people if chance.random() < 0.5]

    def wishes() -> list[str]:
        return [
            f"{chance.choice(people)},{day},{chance.choice(kinds)},{chance.randint(1, 3)}"
            for day in range(days)
            if chance.random() < 0.5
        ]

    cover = [f"{day},{kind},{chance.randint(0, 3)},100,1" for day in range(days) for kind in kinds]
    parts = {"HORIZON": [str(days)], "SHIFTS": shifts, "STAFF": staff, "DAYS_OFF": off, "SHIFT_ON_REQUESTS": wishes(),
             "SHIFT_OFF_REQUESTS": wishes(), "COVER": cover}  # fmt: skip
    path.write_text("\n".join(f"SECTION_{name}\n" + "\n".join(lines) + "\n" for name, lines in parts.items()))
    return path
