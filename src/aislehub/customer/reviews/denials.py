"""Denied trouble: "没有任何异味", "从来没有让我失望" praise, though each of their characters complains.

A denial, what stands between, and the trouble that it denies count as one character, which no writer can write. How
much it praises is learned like the weight of any other.
"""

from __future__ import annotations

import re

__all__ = ["DENIED_TROUBLE", "folded_denials"]

DENIED_TROUBLE = "\ue000"
"""A character for private use: `clean` blanks those that a writer put in."""

_TROUBLE = (
    "异味|怪味|破损|损坏|坏|失望|后悔|色差|缺点|瑕疵|不良反应|不适|卡顿|卡|发热|发烫|噪音|杂音|漏液|漏|起球|掉色|褪色"
    "|过敏|异响|划痕|磕碰|不满|不好|不妥|怨言|烂"
)
_BETWEEN = "任何|一点|一丝|半点|什么|啥|出现|发现|让我|让人|感到|感觉|觉得|过|再|大|明显|太|多|到|怎么|的"
_DENIED = re.compile(
    r"(?:一点儿?|丝毫|从来)?[也都]?(?:(?<![有还])没有?|毫无|[并从]无|(?<!差)不会?|从未|挑不出|找不出)"
    rf"(?:(?:{_BETWEEN}){{0,4}}(?:{_TROUBLE})|(?:{_BETWEEN}){{1,4}}(?:问题|毛病))"
    "|不是一般的(?=[好棒赞香甜快美])"
)


def folded_denials(text: str) -> str:
    """The text with one character in place of each denied trouble.

    Example:
        >>> len(folded_denials("没有任何异味，孩子很喜欢"))
        7
    """
    return _DENIED.sub(DENIED_TROUBLE, text)
