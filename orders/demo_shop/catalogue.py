"""What the demo shop sells, and to whom. Invented, every name and number of it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Product:
    code: str
    #: {face} is the face value in yuan.
    name: str
    kind: str
    arrival_hours: int
    faces_yuan: tuple[int, ...]
    #: The shop's price in permille of the face value.
    permille: int
    #: What is topped up: phone, qq, game, card (a fuel or food card), or "" for a code.
    account: str
    #: How often it is bought, against the others.
    weight: int


PRODUCTS = (
    Product("CM", "中国移动话费{face}元", "instant", 1, (30, 50, 100, 200, 300), 995, "phone", 18),
    Product("CU", "中国联通话费{face}元", "instant", 1, (30, 50, 100, 200), 993, "phone", 12),
    Product("CT", "中国电信话费{face}元", "instant", 1, (30, 50, 100, 200), 994, "phone", 11),
    Product(
        "CMS", "移动话费慢充{face}元（72小时内）", "slow", 72, (100, 200, 500), 948, "phone", 8
    ),
    Product("QB", "Q币{face}个", "instant", 1, (10, 30, 50, 100), 985, "qq", 9),
    Product("WZ", "王者荣耀{face}元点券", "instant", 1, (30, 60, 98, 198), 976, "qq", 8),
    Product("YS", "原神创世结晶{face}元档", "instant", 2, (30, 98, 198, 328, 648), 968, "game", 7),
    Product("LOL", "英雄联盟{face}元点券", "instant", 1, (50, 100, 200), 972, "qq", 5),
    Product("TXSP", "腾讯视频VIP会员 {face}元档", "instant", 1, (25, 68, 238), 860, "qq", 5),
    Product("IQY", "爱奇艺黄金会员 {face}元档", "instant", 1, (25, 68, 258), 870, "phone", 4),
    Product("JYK", "中石化加油卡{face}元", "slow", 24, (200, 500, 1000), 982, "card", 3),
    Product("STEAM", "Steam 充值卡密 {face}元", "instant", 1, (50, 100, 200), 990, "", 5),
    Product("JDE", "京东E卡 {face}元", "instant", 1, (100, 300, 500), 992, "", 4),
    Product("GP", "Google Play 礼品卡 {face}元", "instant", 1, (100, 200), 985, "", 2),
    Product(
        "YJ", "永劫无间新赛季通行证 {face}元（预售）", "presale", 48, (68, 128), 930, "game", 3
    ),
)

SURNAMES = "李王张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧"
GIVEN = (
    *"伟芳娜敏静强磊洋艳勇军杰娟涛超霞平刚",
    *("桂英", "梓涵", "子轩", "雨桐", "浩然", "思远", "佳怡", "建国", "晓东", "欣怡", "一诺"),
    *("志强", "丽华", "俊杰", "梦洁", "文博"),
)
#: Of the numbers with 0000 in the middle; whoever has one is not meant.
PHONE_PREFIXES = ("1380000", "1390000", "1520000", "1860000", "1890000", "1990000")
RESELLERS = ("agent-0007", "agent-0019", "agent-0023", "agent-0042")

#: Where orders stand: (status, how many, oldest age in hours).
STANDINGS = (
    ("delivered", 176, 60 * 24),
    ("failed", 62, 72),
    ("recharging", 48, 30),
    ("paid", 26, 8),
    ("partially_delivered", 16, 96),
    ("unknown", 18, 48),
    ("awaiting_payment", 14, 2),
)
#: Why a top-up failed, as suppliers say it.
FAILURES = (
    ("MAINTENANCE", "运营商系统维护，充值失败"),
    ("OUT_OF_STOCK", "库存不足"),
    ("NUMBER_PORTED", "号码已携号转网，暂不支持"),
    ("ACCOUNT_INVALID", "账号不存在或状态异常"),
)
#: Payment channels by how often they are used; refunds through the sandbox can be watched here.
CHANNELS = {"sandbox": 88, "alipay": 5, "wechatpay": 5, "offline": 2}
RULE_VERSION = "2026-09"
