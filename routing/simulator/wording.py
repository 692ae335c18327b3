"""Names of policies and figures, in Chinese and English."""

from __future__ import annotations

from msgspec import Struct

from routing.simulator.measures import Interval


class Words(Struct, frozen=True):
    zh: str
    en: str

    @property
    def both(self) -> str:
        return f"{self.zh} {self.en}"


POLICY_WORDS = {
    "study": Words("研究所见：凭习惯", "study: by habit"),
    "random": Words("随机", "random holder"),
    "alphabet": Words("按馆代码字母", "alphabetical"),
    "loan_ratio": Words("借出比", "loan ratio"),
    "turnaround": Words("周转时间", "turnaround"),
    "turnaround_queue": Words("周转时间+排队", "turnaround + queue"),
    "S": Words("S（现行）", "S as live"),
    "S_plain": Words("S（仅论次序）", "S, order alone"),
    "oracle": Words("全知（上界）", "oracle (bound)"),
}

MEASURE_WORDS = {
    "fill": Words("满足率", "filled"),
    "days14": Words("14日内平均天数", "days14"),
    "within3": Words("3日内", "≤ 3 days"),
    "asks": Words("每件询问馆数", "asks"),
    "top_two": Words("最忙两馆占比", "top two"),
    "filled_days": Words("仅计满足者天数", "days, filled only"),
}

STUDY_WORDS = {
    "filled": Words("满足", "filled"),
    "refused": Words("拒绝", "refused"),
    "forwarded": Words("转发", "forwarded"),
    "days": Words("满足者平均天数", "mean days, filled"),
    "final": Words("最终满足（研究仅知上下界）", "filled in the end (the study knows bounds only)"),
    "top_two": Words("最忙两馆占比（研究：超过）", "two busiest (study: over)"),
}

_IN_DAYS = ("days14", "filled_days", "days", "asks")


def shown(figure: str, value: float) -> str:
    """Days and asks with two decimals, shares in per cent."""
    return f"{value:.2f}" if figure in _IN_DAYS else f"{100 * value:.1f} %"


def span(figure: str, difference: Interval) -> str:
    """A difference with its interval: days, or percentage points."""
    if figure in _IN_DAYS:
        return f"{difference.mean:+.2f} [{difference.low:+.2f}, {difference.high:+.2f}]"
    return f"{100 * difference.mean:+.1f} [{100 * difference.low:+.1f}, {100 * difference.high:+.1f}] pp"
