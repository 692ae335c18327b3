"""The sample consortium: seeded, invented holdings of real libraries, so that everything can be tried without theirs.

Famous works are described with true facts; everything else (most publications, all extents, prices, call numbers,
barcodes and statuses, and who holds what) is made up. Numbers that are made up come from ranges that nobody uses.
"""

SAMPLE_NOTICE_ZH = "样例数据：书目与馆藏由程序生成，不代表各馆的实际馆藏。"
SAMPLE_NOTICE_EN = "Sample data: records and holdings are generated and do not show what the libraries really hold."
