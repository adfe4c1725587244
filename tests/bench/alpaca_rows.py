"""Alpaca rows out of a seed: English and Chinese, in the lengths that such sets have."""

from __future__ import annotations

import random
from collections.abc import Iterator

ENGLISH = (
    "the of and a to in is you that it for was on are as with they be at one have this from or had "
    "by hot word but what some we can out other were all there when up use your how said an each "
    "she which do their time if will way about many then them write would like so these her long "
    "make thing see him two has look more day could go come did number sound no most people my "
    "over know water than call first who may down side been now find any new work part take get "
    "place made live where after back little only round man year came show every good me give our "
    "under name very through just form sentence great think say help low line differ turn cause "
    "much mean before move right boy old too same tell does set three want air well also play "
    "small end put home read hand port large spell add even land here must big high such follow "
    "act why ask men change went light kind off need house picture try us again animal point "
    "mother world near build self earth father recommendation summarise renewable photosynthesis "
    "algorithm database negotiation sustainability hypothesis infrastructure consequently "
    "classification temperature government environment responsibility development understanding"
).split()
CHINESE = (
    "我们 可以 使用 这个 方法 来 解决 问题 首先 然后 最后 因此 但是 "
    "如果 人工智能 机器学习 数据 模型 训练 语言 自然 处理 中国 历史 "
    "文化 经济 发展 社会 环境 保护 健康 饮食 运动 教育 学生 老师 "
    "学校 城市 农村 交通 能源 科学 技术 创新 研究 结果 分析 总结 "
    "建议 步骤 例如 以下 需要 注意 重要 不同 影响 "
).split()
ASKED = ("Explain", "List three", "Write a short text about", "Summarise", "Compare", "Rewrite")
ASKED_IN_CHINESE = ("请解释", "列出三个", "写一段关于", "总结一下", "比较", "改写")


def alpaca_rows(count: int, *, seed: int) -> Iterator[dict[str, str]]:
    """Yield rows: a third of them in Chinese, a third with an input."""
    generator = random.Random(seed)
    for _ in range(count):
        chinese = generator.random() < 1 / 3
        asked = generator.choice(ASKED_IN_CHINESE if chinese else ASKED)
        with_input = generator.random() < 1 / 3
        yield {
            "instruction": f"{asked} {_text(generator, 8, chinese=chinese)}",
            "input": _text(generator, 30, chinese=chinese) if with_input else "",
            "output": _text(generator, 60 if chinese else 90, chinese=chinese),
        }


def _text(generator: random.Random, mean_words: int, *, chinese: bool) -> str:
    """Return sentences, now and then with a list, a number or a name that nobody has seen."""
    words = max(3, min(1500, int(generator.lognormvariate(0, 0.8) / 1.38 * mean_words)))
    known = CHINESE if chinese else ENGLISH
    said = [
        generator.choice(known) if generator.random() < 0.93 else _rare(generator)
        for _ in range(words)
    ]
    for at in range(10, words, 14):
        said[at] += generator.choice("。，：" if chinese else (".", ",", ":", ".\n\n1."))
    return ("" if chinese else " ").join(said) + ("。" if chinese else ".")


def _rare(generator: random.Random) -> str:
    if generator.random() < 0.3:
        return str(generator.randrange(10_000))
    return "".join(generator.choices("etaoinshrdlucmfwyp", k=generator.randint(4, 10))).title()
